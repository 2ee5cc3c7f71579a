//! The list of what is measured.
use crate::{
    Options,
    client::{Request, load},
    server::{Server, Target, create_client},
};
use anyhow::Context;
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;
use std::time::Duration;

pub struct Variant {
    pub name: String,
    /// The name of the limit to compare it with, and how much of that is aimed at.
    pub limit: Option<(String, f64)>,
    /// What else to compare it with, and how many times as good as that it should be.
    pub compared: Vec<(String, f64)>,
    pub work: Work,
}

/// What a turn does.
pub enum Work {
    /// Each request over a connection of its own, again and again.
    Requests(Target, Vec<Request>),
    /// Something else, for so long; how often per second.
    Other(Box<dyn FnMut(Duration) -> anyhow::Result<f64>>),
}

/// What one turn measured.
#[derive(Clone, Copy)]
pub struct Sample {
    pub per_second: f64,
    /// Microseconds of the server's CPU time, where a server is measured.
    pub cpu: Option<f64>,
}

impl Variant {
    /// One that waits for no disk, with the same request on all connections.
    fn new(
        options: &Options,
        name: &str,
        limit: Option<(&str, f64)>,
        target: Target,
        request: Request,
    ) -> Self {
        let requests = vec![request; options.connections.into()];
        let limit = limit.map(|(name, aim)| (name.to_owned(), aim));
        let work = Work::Requests(target, requests);
        Self { name: name.to_owned(), limit, compared: Vec::new(), work }
    }

    /// One that is no load on a server.
    pub fn other(
        name: String,
        work: impl FnMut(Duration) -> anyhow::Result<f64> + 'static,
    ) -> Self {
        Self { name, limit: None, compared: Vec::new(), work: Work::Other(Box::new(work)) }
    }

    fn others(&self) -> impl Iterator<Item = String> {
        self.limit.iter().chain(&self.compared).map(|(name, _)| name.clone())
    }

    pub fn turn(&mut self, turn: Duration, ticks_per_second: f64) -> anyhow::Result<Sample> {
        match &mut self.work {
            Work::Requests(target, requests) => {
                requested(*target, requests, turn, ticks_per_second)
            }
            Work::Other(work) => work(turn).map(|per_second| Sample { per_second, cpu: None }),
        }
        .with_context(|| format!("under the load of {}", self.name))
    }
}

fn requested(
    target: Target,
    requests: &mut [Request],
    turn: Duration,
    ticks_per_second: f64,
) -> anyhow::Result<Sample> {
    let before = target.cpu_ticks()?;
    let load = load(target.address, requests, turn)?;
    let ticks = f64::from(target.cpu_ticks()? - before);
    let requests = f64::from(load.requests);
    Ok(Sample {
        per_second: requests / load.elapsed.as_secs_f64(),
        cpu: Some(ticks / ticks_per_second * 1e6 / requests),
    })
}

/// What touches no database: each limit, and what is compared with it right after it.
pub fn stateless(
    options: &Options,
    database: &str,
    (mintmark, rotating, limits): (&Server, &Server, &Server),
) -> anyhow::Result<Vec<Variant>> {
    let machine = |path: &str, client: (&str, &str)| {
        Request::post(path, &basic(client), "grant_type=client_credentials")
    };
    let grant = ["--grant", "client_credentials", "--scope", "api:read api:write"];
    let es256 = (mintmark.dev("/client/client_id"), mintmark.dev("/client/client_secret"));
    let (id, secret) = create_client(database, &[&grant[..], &["--alg", "RS256"]].concat())?;
    let rs256 = (id.as_str(), secret.as_str());
    let variant = |name, limit, server: &Server, request| {
        Variant::new(options, name, limit, server.target, request)
    };
    let (token, jwks) = ("/oauth/token", "/.well-known/jwks.json");
    let [es256_limit, rs256_limit, jwks_limit] =
        ["limit: ES256 token", "limit: RS256 token", "limit: JWKS"];
    Ok(vec![
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
    ])
}

/// Introspection of a session's access token, and the verification of the same token that a resource
/// server does itself.
pub fn introspection(
    options: &Options,
    database: &str,
    (mintmark, limits): (&Server, &Server),
) -> anyhow::Result<Vec<Variant>> {
    let issuer = mintmark.dev("/issuer");
    let (id, secret) = create_client(database, &["--introspect", issuer])?;
    let login = log_in(mintmark)?;
    let token = login["access_token"].as_str().context("a login without an access token")?;
    let form = format!("token={token}");
    let verification = Request::post("/verify", "", &form);
    let introspection = Request::post("/oauth/introspect", &basic((&id, &secret)), &form);
    let limit = "limit: local verification, ES256";
    Ok(vec![
        Variant::new(options, limit, None, limits.target, verification),
        Variant::new(
            options,
            "introspection, ES256",
            Some((limit, 0.5)),
            mintmark.target,
            introspection,
        ),
    ])
}

/// A header line.
fn basic((id, secret): (&str, &str)) -> String {
    format!("authorization: Basic {}\r\n", STANDARD.encode(format!("{id}:{secret}")))
}

/// Those with the text in their name, and what they are compared with.
pub fn only(text: &str, mut variants: Vec<Variant>) -> Vec<Variant> {
    let wanted = |variant: &Variant| variant.name.contains(text);
    let kept = variants.iter().filter(|variant| wanted(variant));
    let others: Vec<_> = kept.flat_map(Variant::others).collect();
    variants.retain(|variant| wanted(variant) || others.contains(&variant.name));
    variants
}

/// The answer to a login of the demo user.
pub fn log_in(mintmark: &Server) -> anyhow::Result<Value> {
    let (username, password) = (mintmark.dev("/user/username"), mintmark.dev("/user/password"));
    let form = format!("username={username}&password={password}");
    let login = Request::post("/session/login", "", &form);
    let (_, body) = login.send(mintmark.target.address)?;
    Ok(serde_json::from_slice(&body)?)
}
