//! Refresh: each connection has a session of its own and rotates its token again and again.
use crate::{
    client::Request,
    postgres::Postgres,
    server::Server,
    variant::{Variant, Work, log_in},
};
use anyhow::Context;
use rusqlite::Connection;
use std::{
    collections::VecDeque,
    path::Path,
    time::{Duration, Instant},
};

const CONNECTIONS: [usize; 2] = [16, 64];
/// For the server whose rotations do not share commits.
pub const ALONE: &[(&str, &str)] = &[("MINTMARK__DATABASE__ROTATIONS_PER_COMMIT", "1")];
/// Updates in a commit of the limit on SQLite.
const GROUP: u32 = 32;

/// A server as it is, and one whose rotations each have a commit of their own.
pub struct Pair {
    pub grouped: Server,
    pub alone: Server,
}

impl Pair {
    fn variants(&self, database: &str, aims: [f64; 2], gain: f64) -> anyhow::Result<Vec<Variant>> {
        let limit = format!("limit: {database}");
        let alone = format!("one commit each, {database}, 64 connections");
        let mut variants = vec![];
        for (connections, aim) in CONNECTIONS.into_iter().zip(aims) {
            let mut compared = vec![(limit.clone(), aim)];
            compared.extend((connections == 64).then(|| (alone.clone(), gain)));
            variants.push(Variant {
                name: format!("refresh, {database}, {connections} connections"),
                compared,
                work: chains(&self.grouped, connections)?,
            });
        }
        let work = chains(&self.alone, 64)?;
        variants.push(Variant { name: alone, compared: Vec::new(), work });
        Ok(variants)
    }
}

/// On SQLite, beside a bare loop over its C API that commits as many updates at a time.
pub fn sqlite(servers: &Pair, file: &Path) -> anyhow::Result<Vec<Variant>> {
    let mut limit = Updates::open(&servers.grouped, file)?;
    let limit = Variant {
        name: "limit: SQLite".to_owned(),
        compared: Vec::new(),
        work: Work::Other(Box::new(move |turn| limit.commit_for(turn))),
    };
    let ours = servers.variants("SQLite", [0.45, 0.6], 4.0)?;
    Ok([limit].into_iter().chain(ours).collect())
}

/// On PostgreSQL, beside pgbench and a transaction that replaces a row for each token by another.
pub fn postgres(servers: &Pair, database: &Postgres) -> anyhow::Result<Vec<Variant>> {
    let limit = database.pgbench()?;
    let limit = Variant {
        name: "limit: PostgreSQL".to_owned(),
        compared: Vec::new(),
        work: Work::Other(Box::new(limit)),
    };
    let ours = servers.variants("PostgreSQL", [0.7, 1.0], 2.0)?;
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

/// The limit on SQLite: updates of sessions, [`GROUP`] a commit, in a loop that does nothing else.
struct Updates {
    file: Connection,
    sessions: Vec<Vec<u8>>,
}

impl Updates {
    fn open(server: &Server, file: &Path) -> anyhow::Result<Self> {
        for _ in 0..GROUP {
            log_in(server)?;
        }
        let file = Connection::open(file)?;
        file.pragma_update(None, "synchronous", "FULL")?;
        file.busy_timeout(Duration::from_secs(5))?;
        let sessions = file
            .prepare("SELECT id FROM sessions ORDER BY id DESC LIMIT ?1")?
            .query_map([GROUP], |row| row.get(0))?
            .collect::<Result<_, _>>()?;
        Ok(Self { file, sessions })
    }

    fn commit_for(&mut self, turn: Duration) -> anyhow::Result<f64> {
        let (start, mut updates) = (Instant::now(), 0_u32);
        while start.elapsed() < turn {
            let transaction = self.file.transaction()?;
            let mut update = transaction.prepare_cached(
                "UPDATE sessions
                 SET generation = generation + 1, previous_generation = generation,
                     last_used_at = last_used_at + 1, user_agent = ?2, address = ?3
                 WHERE id = ?1 AND ended_at IS NULL AND expires_at > last_used_at
                 RETURNING user_id, client_id, scope, auth_time, generation",
            )?;
            for id in &self.sessions {
                update.query_row((id, "load", "127.0.0.1"), |row| row.get::<_, i64>(4))?;
                updates += 1;
            }
            drop(update);
            transaction.commit()?;
        }
        Ok(f64::from(updates) / start.elapsed().as_secs_f64())
    }
}
