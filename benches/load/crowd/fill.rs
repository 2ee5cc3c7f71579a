//! Sessions by the million, put into the database directly, and their refresh tokens.
use super::{CONNECTIONS, EACH};
use anyhow::Context;
use mintmark::{
    clock::Clock,
    config::Settings,
    keys::{KeyRing, MasterKeys},
    model::SessionId,
    session::handle::{Handle, Kind},
    store::Store,
};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, SqliteConnection};
use std::{collections::HashMap, path::Path};
use uuid::Uuid;

/// The first half of the id of each session; the second is its number.
const PREFIX: &str = "0190000000007000";
const SESSION: &str = "'demo browser', 'openid profile', 0, 0, 9000000000000, GENERATION, GENERATION, NOW, \
     'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0', \
     '198.51.100.7'";

/// What the filling leaves to be done is done before the turns, and not meanwhile.
const SETTLE_SQLITE: &[&str] = &["PRAGMA wal_checkpoint(TRUNCATE)"];
const SETTLE_POSTGRES: &[&str] = &["VACUUM ANALYZE", "CHECKPOINT"];

/// Each user has two sessions, as of a telephone and a browser.
pub(super) async fn insert(
    url: &str,
    client: &str,
    sessions: u32,
    generation: i64,
) -> anyhow::Result<()> {
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
    ];
    let done = if sqlite { SETTLE_SQLITE } else { SETTLE_POSTGRES };
    for statement in statements.into_iter().chain(done.iter().map(ToString::to_string)) {
        execute(url, statement).await?;
    }
    Ok(())
}

async fn execute(url: &str, statement: String) -> anyhow::Result<()> {
    let statement = AssertSqlSafe(statement);
    if url.starts_with("sqlite:") {
        let mut conn = SqliteConnection::connect(url).await?;
        conn.execute(statement).await?;
        conn.close().await?;
    } else {
        let mut conn = PgConnection::connect(url).await?;
        conn.execute(statement).await?;
        conn.close().await?;
    }
    Ok(())
}

/// Sessions that lie evenly in the table.
pub(super) fn used(sessions: u32) -> anyhow::Result<Vec<Uuid>> {
    let wanted = (CONNECTIONS * EACH).min(sessions / CONNECTIONS * CONNECTIONS);
    let prefix = u128::from(u64::from_str_radix(PREFIX, 16)?) << 64;
    let numbers = (0..wanted).map(|nth| 1 + nth * (sessions / wanted));
    Ok(numbers.map(|number| Uuid::from_u128(prefix | u128::from(number))).collect())
}

/// Their current refresh tokens.
pub(super) async fn tokens(
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
