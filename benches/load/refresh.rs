//! Refresh: each connection has a session of its own and rotates its token again and again.
use crate::{
    client::Request,
    postgres::Postgres,
    server::Server,
    variant::{Variant, Work, log_in},
};
use anyhow::Context;
use std::collections::VecDeque;

const CONNECTIONS: [usize; 2] = [16, 64];
/// For the server whose rotations do not share commits.
pub const ALONE: &[(&str, &str)] = &[("MINTMARK__DATABASE__ROTATIONS_PER_COMMIT", "1")];

/// A server as it is, and one whose rotations each have a commit of their own.
pub struct Pair {
    pub grouped: Server,
    pub alone: Server,
}

impl Pair {
    fn variants(
        &self,
        database: &str,
        aims: Option<[f64; 2]>,
        gain: f64,
    ) -> anyhow::Result<Vec<Variant>> {
        let limit = format!("limit: {database}");
        let alone = format!("one commit each, {database}, 64 connections");
        let mut variants = vec![];
        for (nth, connections) in CONNECTIONS.into_iter().enumerate() {
            let limit = aims.map(|aims| (limit.clone(), aims[nth]));
            let compared = (connections == 64).then(|| (alone.clone(), gain)).into_iter().collect();
            variants.push(Variant {
                name: format!("refresh, {database}, {connections} connections"),
                limit,
                compared,
                work: chains(&self.grouped, connections)?,
            });
        }
        let work = chains(&self.alone, 64)?;
        variants.push(Variant { name: alone, limit: None, compared: Vec::new(), work });
        Ok(variants)
    }
}

/// On SQLite; its limit is measured among many sessions.
pub fn sqlite(servers: &Pair) -> anyhow::Result<Vec<Variant>> {
    servers.variants("SQLite", None, 4.0)
}

/// On PostgreSQL, beside pgbench and a transaction that replaces a row for each token by another.
pub fn postgres(servers: &Pair, database: &Postgres) -> anyhow::Result<Vec<Variant>> {
    let limit = database.pgbench()?;
    let limit = Variant::other("limit: PostgreSQL".to_owned(), limit);
    let ours = servers.variants("PostgreSQL", Some([0.7, 1.0]), 2.0)?;
    Ok([limit].into_iter().chain(ours).collect())
}

fn chains(server: &Server, connections: usize) -> anyhow::Result<Work> {
    let chains = (0..connections).map(|_| first_refresh(server)).collect::<Result<_, _>>()?;
    Ok(Work::Requests(server.target, chains))
}

/// The first refresh request of a new session of the demo user.
fn first_refresh(mintmark: &Server) -> anyhow::Result<Request> {
    let login = log_in(mintmark)?;
    let token = login["refresh_token"].as_str().context("a login without a refresh token")?;
    let client = mintmark.dev("/public_client/client_id");
    let form = format!("grant_type=refresh_token&client_id={client}&refresh_token={token}");
    Ok(Request { chains: Some(VecDeque::new()), ..Request::post("/oauth/token", "", &form) })
}
