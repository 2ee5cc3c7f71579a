//! Refresh among very many sessions: whether one more session makes the others dearer, and what it takes
//! on the disk.
use crate::{
    Options,
    client::Request,
    postgres::Postgres,
    server::Server,
    updates::Updates,
    variant::{Variant, Work},
};
use anyhow::Context;
use mintmark::{
    clock::Clock,
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
/// The connections of the two variants of each crowd, and of both.
const VARIANTS: [usize; 2] = [64, 16];
const CONNECTIONS: u32 = 80;
/// Sessions of each connection, which it uses in turn. All of them together lie all over the table.
const EACH: u32 = 2_000;
/// Of the limit on SQLite, with 64 connections and with 16.
const AIMS: [f64; 2] = [0.6, 0.45];
/// The first half of the id of each session; the second is its number.
const PREFIX: &str = "0190000000007000";
const SESSION: &str = "'demo browser', 'openid profile', 0, 0, 9000000000000, GENERATION, GENERATION, NOW, \
     'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0', \
     '198.51.100.7'";

/// Few sessions, many, and few whose chains are long, on each database; and what is measured of them.
pub fn crowds(options: &Options, dir: &Path) -> anyhow::Result<(Vec<Crowd>, Vec<Variant>)> {
    let (mut crowds, mut variants) = (Vec::new(), Vec::new());
    for database in ["SQLite", "PostgreSQL"] {
        let among = |sessions: u32| format!("refresh among {sessions} sessions, {database}");
        let few = format!("{}, {} connections", among(FEW), VARIANTS[0]);
        let cases = [
            (among(FEW), FEW, 1, None),
            (among(options.sessions), options.sessions, 1, Some((few.clone(), 0.77))),
            (format!("refresh in chains of {LONG}, {database}"), FEW, LONG, Some((few, 0.95))),
        ];
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
        let used = used(sessions)?;
        let tokens = runtime.block_on(async {
            insert(url, &client, sessions, generation).await?;
            tokens(dir, url, &used, generation).await
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
            let name = name.replace("refresh", "limit: updates");
            let mut updates = Updates::open(&dir.join("mintmark.db"), self.far_apart())?;
            let work = Work::Other(Box::new(move |turn| updates.commit_for(turn)));
            variants.push(Variant { name: name.clone(), limit: None, gain: None, work });
            limit = Some(name);
        }
        let mut requests = self.requests();
        for (nth, connections) in VARIANTS.into_iter().enumerate() {
            let others = requests.split_off(connections);
            variants.push(Variant {
                name: format!("{name}, {connections} connections"),
                limit: limit.clone().map(|limit| (limit, AIMS[nth])),
                gain: compared.filter(|_| nth == 0).cloned(),
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

    fn requests(&self) -> Vec<Request> {
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

/// Sessions that lie evenly in the table.
fn used(sessions: u32) -> anyhow::Result<Vec<Uuid>> {
    let wanted = (CONNECTIONS * EACH).min(sessions / CONNECTIONS * CONNECTIONS);
    let prefix = u128::from(u64::from_str_radix(PREFIX, 16)?) << 64;
    let numbers = (0..wanted).map(|nth| 1 + nth * (sessions / wanted));
    Ok(numbers.map(|number| Uuid::from_u128(prefix | u128::from(number))).collect())
}

/// Their current refresh tokens.
async fn tokens(
    dir: &Path,
    url: &str,
    sessions: &[Uuid],
    generation: i64,
) -> anyhow::Result<Vec<Vec<u8>>> {
    let mut settings = Settings::load(None, HashMap::new())?;
    settings.master_key.file = dir.join("master.key").display().to_string();
    settings.database.url = url.to_owned().into();
    let (clock, store) = (Clock::System, Store::open(&settings.database).await?);
    let master = MasterKeys::load(&settings.master_key)?;
    let keys = KeyRing::open(store.clone(), clock.clone(), master, &settings).await?;
    let key = keys.snapshot().mac_key_at(clock.now()).context("no key for refresh tokens")?;
    store.close().await;
    let token = |&id: &Uuid| {
        let session_id = SessionId(id);
        let handle = Handle { kind: Kind::RefreshToken, session_id, generation };
        handle.seal(&key).reveal().as_bytes().to_vec()
    };
    Ok(sessions.iter().map(token).collect())
}
