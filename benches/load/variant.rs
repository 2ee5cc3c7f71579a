//! The list of what is measured.
use crate::{
    Options,
    client::{Request, load},
    server::{Server, Target, create_client},
};
use anyhow::Context;
use base64::{Engine, engine::general_purpose::STANDARD};
use std::time::Duration;

pub struct Variant {
    pub name: String,
    /// The name of the limit to compare it with, and the part of it that is aimed at.
    pub limit: Option<(&'static str, f64)>,
    /// Whether each request waits for the disk.
    pub writes: bool,
    target: Target,
    requests: Vec<Request>,
}

/// What one turn measured.
#[derive(Clone, Copy)]
pub struct Sample {
    pub per_second: f64,
    /// Microseconds of the server's CPU time.
    pub cpu: f64,
}

const REFRESH_CONNECTIONS: [usize; 2] = [16, 64];

impl Variant {
    pub fn turn(&mut self, turn: Duration, ticks_per_second: f64) -> anyhow::Result<Sample> {
        let before = self.target.cpu_ticks()?;
        let load = load(self.target.address, &mut self.requests, turn)
            .with_context(|| format!("under the load of {}", self.name))?;
        let ticks = f64::from(self.target.cpu_ticks()? - before);
        let requests = f64::from(load.requests);
        Ok(Sample {
            per_second: requests / load.elapsed.as_secs_f64(),
            cpu: ticks / ticks_per_second * 1e6 / requests,
        })
    }
}

/// What touches no database: each limit, and what is compared with it right after it.
pub fn stateless(
    options: &Options,
    database: &str,
    (mintmark, rotating, limits): (&Server, &Server, &Server),
) -> anyhow::Result<Vec<Variant>> {
    let machine = |path: &str, (id, secret): (&str, &str)| {
        let basic = STANDARD.encode(format!("{id}:{secret}"));
        let headers = format!("authorization: Basic {basic}\r\n");
        Request::post(path, &headers, "grant_type=client_credentials")
    };
    let es256 = (mintmark.dev("/client/client_id"), mintmark.dev("/client/client_secret"));
    let (id, secret) = create_client(database, "RS256")?;
    let rs256 = (id.as_str(), secret.as_str());
    let variant = |name: &str, limit, server: &Server, request| Variant {
        name: name.to_owned(),
        limit,
        writes: false,
        target: server.target,
        requests: vec![request; options.connections.into()],
    };
    let (token, jwks) = ("/oauth/token", "/.well-known/jwks.json");
    let [es256_limit, rs256_limit, jwks_limit] =
        ["limit: ES256 token", "limit: RS256 token", "limit: JWKS"];
    let variants = vec![
        variant(es256_limit, None, limits, machine("/es256", es256)),
        variant(
            "client_credentials, ES256",
            Some((es256_limit, 0.8)),
            mintmark,
            machine(token, es256),
        ),
        variant(rs256_limit, None, limits, machine("/rs256", rs256)),
        variant(
            "client_credentials, RS256",
            Some((rs256_limit, 0.9)),
            mintmark,
            machine(token, rs256),
        ),
        variant(jwks_limit, None, limits, Request::get("/jwks")),
        variant("JWKS", Some((jwks_limit, 0.9)), mintmark, Request::get(jwks)),
        variant("JWKS, keys rotating", Some((jwks_limit, 0.9)), rotating, Request::get(jwks)),
    ];
    Ok(only(&options.only, variants))
}

/// Those with the text in their name, and the limits they are compared with.
fn only(text: &str, mut variants: Vec<Variant>) -> Vec<Variant> {
    let wanted = |variant: &Variant| variant.name.contains(text);
    let kept = variants.iter().filter(|variant| wanted(variant));
    let limits: Vec<_> = kept.filter_map(|variant| Some(variant.limit?.0)).collect();
    variants.retain(|variant| wanted(variant) || limits.contains(&variant.name.as_str()));
    variants
}

/// Refresh: each connection has a session of its own and rotates its token again and again.
pub fn refresh(
    options: &Options,
    database: &str,
    mintmark: &Server,
) -> anyhow::Result<Vec<Variant>> {
    let mut variants = Vec::new();
    for connections in REFRESH_CONNECTIONS {
        let name = format!("refresh, {database}, {connections} connections");
        if !name.contains(&options.only) {
            continue;
        }
        let chains = (0..connections).map(|_| log_in(mintmark)).collect::<Result<_, _>>()?;
        let target = mintmark.target;
        variants.push(Variant { name, limit: None, writes: true, target, requests: chains });
    }
    Ok(variants)
}

/// The first refresh request of a new session of the demo user.
fn log_in(mintmark: &Server) -> anyhow::Result<Request> {
    let (username, password) = (mintmark.dev("/user/username"), mintmark.dev("/user/password"));
    let form = format!("username={username}&password={password}");
    let login = Request::post("/session/login", "", &form);
    let (_, body) = login.send(mintmark.target.address)?;
    let body: serde_json::Value = serde_json::from_slice(&body)?;
    let token = body["refresh_token"].as_str().context("a login without a refresh token")?;
    let client = mintmark.dev("/public_client/client_id");
    let form = format!("grant_type=refresh_token&client_id={client}&refresh_token={token}");
    Ok(Request { chained: true, ..Request::post("/oauth/token", "", &form) })
}
