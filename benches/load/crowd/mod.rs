//! Refresh among very many sessions: whether one more session makes the others dearer, and what it takes
//! on the disk.
mod fill;

use crate::{
    Options,
    client::Request,
    postgres::Postgres,
    server::Server,
    updates::{TokenHashes, Updates},
    variant::{Variant, Work},
};
use std::path::Path;
use uuid::Uuid;

pub const FEW: u32 = 10_000;
/// A generation that a session reaches after years of use.
const LONG: i64 = 1_000;
/// The connections of the two variants of each crowd, and of both.
const VARIANTS: [usize; 2] = [64, 16];
const CONNECTIONS: u32 = 80;
/// Sessions of each connection, which it uses in turn. All of them together lie all over the table.
const EACH: u32 = 2_000;
/// Of the limit on SQLite, with 64 connections and with 16.
const AIMS: [f64; 2] = [0.6, 0.45];

/// Few sessions, many, and few whose chains are long, on each database; and what is measured of them.
pub fn crowds(options: &Options, dir: &Path) -> anyhow::Result<(Vec<Crowd>, Vec<Variant>)> {
    let (mut crowds, mut variants) = (Vec::new(), Vec::new());
    for database in ["SQLite", "PostgreSQL"] {
        let among = |sessions: u32| format!("refresh among {sessions} sessions, {database}");
        let few = format!("{}, {} connections", among(FEW), VARIANTS[0]);
        let cases: [Case; 3] = [
            (among(FEW), FEW, 1, None),
            (among(options.sessions), options.sessions, 1, Some((few.clone(), 0.77))),
            (format!("refresh in chains of {LONG}, {database}"), FEW, LONG, Some((few, 0.95))),
        ];
        if !cases.iter().any(|(name, ..)| is_wanted(name, &options.only)) {
            continue;
        }
        for (nth, (name, sessions, generation, compared)) in cases.into_iter().enumerate() {
            let dir = dir.join(format!("crowd-{database}-{nth}"));
            let crowd = if database == "SQLite" {
                Crowd::on_sqlite(&dir, sessions, generation)?
            } else {
                let Some(postgres) = Postgres::create()? else { break };
                Crowd::on_postgres(&dir, postgres, sessions, generation)?
            };
            variants.extend(crowd.variants(&name, compared.as_ref(), &dir)?);
            crowds.push(crowd);
        }
    }
    Ok((crowds, variants))
}

/// Its name, how many sessions of which generation, and what it is compared with.
type Case = (String, u32, i64, Option<(String, f64)>);

/// Whether a variant of it or its limit may have the text in its name.
fn is_wanted(name: &str, only: &str) -> bool {
    let variants = VARIANTS.map(|connections| format!("{name}, {connections} connections"));
    let limits = [limit_of(name), rows_of(name)];
    variants.iter().chain(&limits).any(|name| name.contains(only))
}

fn limit_of(name: &str) -> String {
    name.replace("refresh", "limit: updates")
}

/// The limit of a service that keeps a row for each token.
fn rows_of(name: &str) -> String {
    name.replace("refresh", "limit: token hashes").replace("sessions", "tokens")
}

/// A service with so many live sessions in a database of its own.
pub struct Crowd {
    pub server: Server,
    pub postgres: Option<Postgres>,
    sessions: u32,
    /// Those that are used, connection by connection.
    used: Vec<Uuid>,
    tokens: Vec<Vec<u8>>,
}

impl Crowd {
    pub fn on_sqlite(dir: &Path, sessions: u32, generation: i64) -> anyhow::Result<Self> {
        let server = Server::with_own_file(dir, &[])?;
        let url = format!("sqlite:{}", dir.join("mintmark.db").display());
        Self::fill(server, None, (dir, &url), sessions, generation)
    }

    pub fn on_postgres(
        dir: &Path,
        postgres: Postgres,
        sessions: u32,
        generation: i64,
    ) -> anyhow::Result<Self> {
        let (server, _) = Server::mintmark(dir, &postgres.url, &[])?;
        let url = postgres.url.clone();
        Self::fill(server, Some(postgres), (dir, &url), sessions, generation)
    }

    fn fill(
        server: Server,
        postgres: Option<Postgres>,
        (dir, url): (&Path, &str),
        sessions: u32,
        generation: i64,
    ) -> anyhow::Result<Self> {
        eprintln!("making {sessions} sessions");
        let client = server.dev("/public_client/client_id").to_owned();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let used = fill::used(sessions)?;
        let tokens = runtime.block_on(async {
            fill::insert(url, &client, sessions, generation).await?;
            fill::tokens(dir, url, &used, generation).await
        })?;
        Ok(Self { server, postgres, sessions, used, tokens })
    }

    /// On SQLite with their limit.
    fn variants(
        &self,
        name: &str,
        compared: Option<&(String, f64)>,
        dir: &Path,
    ) -> anyhow::Result<Vec<Variant>> {
        let (mut variants, mut limit) = (Vec::new(), None);
        if self.postgres.is_none() {
            let mut hashes = TokenHashes::make(&dir.join("hashes.db"), self.sessions)?;
            let work = move |turn| hashes.commit_for(turn);
            variants.push(Variant::other(rows_of(name), work));
            let mut updates = Updates::open(&dir.join("mintmark.db"), self.far_apart())?;
            let work = move |turn| updates.commit_for(turn);
            variants.push(Variant::other(limit_of(name), work));
            limit = Some(limit_of(name));
        }
        let mut requests = self.requests();
        for (nth, connections) in VARIANTS.into_iter().enumerate() {
            let others = requests.split_off(connections);
            let hashes = limit.as_ref().map(|_| (rows_of(name), AIMS[nth]));
            variants.push(Variant {
                name: format!("{name}, {connections} connections"),
                limit: limit.clone().map(|limit| (limit, AIMS[nth])),
                compared: compared
                    .filter(|_| nth == 0)
                    .cloned()
                    .into_iter()
                    .chain(hashes)
                    .collect(),
                work: Work::Requests(self.server.target, requests),
            });
            requests = others;
        }
        Ok(variants)
    }

    /// One of each connection, again and again, as its connections come to use them.
    fn far_apart(&self) -> Vec<Uuid> {
        let each = self.used.len() / CONNECTIONS as usize;
        (0..each).flat_map(|nth| self.used.iter().skip(nth).step_by(each)).copied().collect()
    }

    pub fn requests(&self) -> Vec<Request> {
        let client = self.server.dev("/public_client/client_id");
        let each = self.tokens.len() / CONNECTIONS as usize;
        let requests = self.tokens.chunks_exact(each).map(|tokens| {
            let (first, others) = tokens.split_first().expect("a connection has a session");
            let first = String::from_utf8_lossy(first);
            let form = format!("grant_type=refresh_token&client_id={client}&refresh_token={first}");
            let chains = Some(others.iter().cloned().collect());
            Request { chains, ..Request::post("/oauth/token", "", &form) }
        });
        requests.collect()
    }

    /// Prints, on PostgreSQL, what a session takes with all its indexes, and the part of the updates
    /// that touched no index.
    pub fn print_size(&self) -> anyhow::Result<()> {
        let Some(postgres) = &self.postgres else { return Ok(()) };
        let bytes = "SELECT (pg_total_relation_size('sessions')
                             + pg_total_relation_size('user_sessions'))::float8";
        let bytes = postgres.number(bytes)? / f64::from(self.sessions);
        let hot = "SELECT n_tup_hot_upd::float8 / greatest(n_tup_upd, 1)
                   FROM pg_stat_user_tables WHERE relname = 'sessions'";
        let (sessions, hot) = (self.sessions, postgres.number(hot)?);
        println!("| {sessions} sessions: bytes of each, with indexes | {bytes:.0} | ≤ 600 |");
        println!("| {sessions} sessions: updates that touched no index | {hot:.3} | ≥ 0.95 |");
        Ok(())
    }
}
