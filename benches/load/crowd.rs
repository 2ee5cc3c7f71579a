//! Refresh among very many sessions: whether one more session makes the others dearer, and what it takes
//! on the disk.
use crate::{
    Options,
    client::Request,
    postgres::Postgres,
    server::Server,
    variant::{Variant, Work},
};
use anyhow::Context;
use mintmark::{
    clock::{Clock, Timestamp},
    config::Settings,
    keys::{KeyRing, MasterKeys},
    model::SessionId,
    session::handle::{Handle, Kind},
    store::Store,
};
use sqlx::{AssertSqlSafe, Executor, PgPool, SqlitePool};
use std::{collections::HashMap, path::Path};
use uuid::Uuid;

const FEW: u32 = 10_000;
/// A generation that a session reaches after years of use.
const LONG: i64 = 1_000;
const CONNECTIONS: u32 = 64;
/// Sessions of each connection, which it uses in turn. They lie all over the table.
const EACH: u32 = 2_000;
/// The first half of the id of each session; the second is its number.
const PREFIX: &str = "0190000000007000";
const SESSION: &str = "'demo browser', 'openid profile', 0, 0, 9000000000000, GENERATION, GENERATION, NOW, \
     'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0', \
     '198.51.100.7'";

/// Few sessions, many, and few whose chains are long, on each database; and what is measured of them.
pub fn crowds(options: &Options, dir: &Path) -> anyhow::Result<(Vec<Crowd>, Vec<Variant>)> {
    let (mut crowds, mut variants) = (Vec::new(), Vec::new());
    for database in ["SQLite", "PostgreSQL"] {
        let few = format!("refresh among {FEW} sessions, {database}");
        let cases = [
            (few.clone(), FEW, 1, None),
            (
                format!("refresh among {} sessions, {database}", options.sessions),
                options.sessions,
                1,
                Some(0.77),
            ),
            (format!("refresh in chains of {LONG}, {database}"), FEW, LONG, Some(0.95)),
        ];
        for (nth, (name, sessions, generation, aim)) in cases.into_iter().enumerate() {
            let dir = dir.join(format!("crowd-{database}-{nth}"));
            let crowd = if database == "SQLite" {
                Crowd::on_sqlite(&dir, sessions, generation)?
            } else {
                let Some(postgres) = Postgres::create()? else { break };
                Crowd::on_postgres(&dir, postgres, sessions, generation)?
            };
            let compared = aim.map(|aim| (few.clone(), aim)).into_iter().collect();
            variants.push(crowd.variant(name, compared));
            crowds.push(crowd);
        }
    }
    Ok((crowds, variants))
}

/// A service with so many live sessions in a database of its own.
pub struct Crowd {
    pub server: Server,
    pub postgres: Option<Postgres>,
    sessions: u32,
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
        let tokens = runtime.block_on(async {
            insert(url, &client, sessions, generation).await?;
            tokens(dir, url, sessions, generation).await
        })?;
        Ok(Self { server, postgres, sessions, tokens })
    }

    fn variant(&self, name: String, compared: Vec<(String, f64)>) -> Variant {
        let client = self.server.dev("/public_client/client_id");
        let each = self.tokens.len() / usize::try_from(CONNECTIONS).unwrap_or(1);
        let requests = self.tokens.chunks_exact(each).map(|tokens| {
            let (first, others) = tokens.split_first().expect("a connection has a session");
            let first = String::from_utf8_lossy(first);
            let form = format!("grant_type=refresh_token&client_id={client}&refresh_token={first}");
            let chains = Some(others.iter().cloned().collect());
            Request { chains, ..Request::post("/oauth/token", "", &form) }
        });
        let work = Work::Requests(self.server.target, requests.collect());
        Variant { name, compared, work }
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

/// Each user has two sessions, as of a telephone and a browser.
async fn insert(url: &str, client: &str, sessions: u32, generation: i64) -> anyhow::Result<()> {
    let sqlite = url.starts_with("sqlite:");
    let (numbers, uuid) = if sqlite {
        let numbers = format!(
            "WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers \
             WHERE n < {sessions})"
        );
        (numbers, format!("unhex('{PREFIX}' || printf('%016x', NUMBER))"))
    } else {
        let numbers =
            format!("WITH numbers (n) AS (SELECT * FROM generate_series(1, {sessions}::bigint))");
        (numbers, format!("('{PREFIX}' || lpad(to_hex(NUMBER), 16, '0'))::uuid"))
    };
    let (session, user) = (uuid.replace("NUMBER", "n"), uuid.replace("NUMBER", "(n + 1) / 2"));
    let now = Clock::System.now().0.to_string();
    let rest = SESSION.replace("GENERATION", &generation.to_string()).replace("NOW", &now);
    let statements = [
        format!(
            "INSERT INTO users (id, username, password_hash, claims, created_at) {numbers} \
             SELECT {user}, 'user-' || n, '', '{{}}', 0 FROM numbers WHERE n % 2 = 1"
        ),
        format!(
            "INSERT INTO sessions (id, user_id, client_id, device_id, device_name, scope, auth_time, \
                 created_at, expires_at, generation, previous_generation, last_used_at, user_agent, \
                 address) {numbers} \
             SELECT {session}, {user}, '{client}', 'device-' || n, {rest} FROM numbers"
        ),
        format!(
            "INSERT INTO user_sessions (user_id, client_id, session_id, device_id) {numbers} \
             SELECT {user}, '{client}', {session}, 'device-' || n FROM numbers"
        ),
        (if sqlite { "PRAGMA wal_checkpoint(TRUNCATE)" } else { "VACUUM ANALYZE" }).to_owned(),
    ];
    for statement in statements {
        execute(url, statement).await?;
    }
    Ok(())
}

async fn execute(url: &str, statement: String) -> anyhow::Result<()> {
    let statement = AssertSqlSafe(statement);
    if url.starts_with("sqlite:") {
        let pool = SqlitePool::connect(url).await?;
        pool.execute(statement).await?;
        pool.close().await;
    } else {
        let pool = PgPool::connect(url).await?;
        pool.execute(statement).await?;
        pool.close().await;
    }
    Ok(())
}

/// The current refresh tokens of sessions that lie evenly in the table, neighbours far apart.
async fn tokens(
    dir: &Path,
    url: &str,
    sessions: u32,
    generation: i64,
) -> anyhow::Result<Vec<Vec<u8>>> {
    let mut settings = Settings::load(None, HashMap::new())?;
    settings.master_key.file = dir.join("master.key").display().to_string();
    settings.database.url = url.to_owned().into();
    let (clock, store) = (Clock::System, Store::open(&settings.database).await?);
    let master = MasterKeys::load(&settings.master_key)?;
    let keys = KeyRing::open(store.clone(), clock.clone(), master, &settings).await?;
    let now: Timestamp = clock.now();
    let key = keys.snapshot().mac_key_at(now).context("no key for refresh tokens")?;
    store.close().await;
    let wanted = (CONNECTIONS * EACH).min(sessions / CONNECTIONS * CONNECTIONS);
    let prefix = u128::from(u64::from_str_radix(PREFIX, 16)?) << 64;
    let token = |nth: u32| {
        let number = u128::from(1 + nth * (sessions / wanted));
        let session_id = SessionId(Uuid::from_u128(prefix | number));
        let handle = Handle { kind: Kind::RefreshToken, session_id, generation };
        handle.seal(&key).reveal().as_bytes().to_vec()
    };
    // Connection by connection, each takes every 64th.
    let order = (0..CONNECTIONS).flat_map(|first| (first..wanted).step_by(64));
    Ok(order.map(token).collect())
}
