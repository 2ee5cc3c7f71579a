//! Opening a database and bringing its schema up to date.
use super::{Error, Result, Store, trust::Trust};
use crate::config::DatabaseSettings;
use secrecy::ExposeSecret;
use sqlx::{
    ConnectOptions, Connection, Database, PgPool, Sqlite,
    migrate::Migrator,
    pool::PoolOptions,
    postgres::{PgConnectOptions, PgConnection},
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous},
};
use std::{future::ready, path::Path, time::Duration};

static MIGRATIONS: Migrator = sqlx::migrate!();

/// SQLite before this can lose committed writes in WAL mode (its "WAL-reset" bug).
const OLDEST_SQLITE: (u32, u32, u32) = (3, 51, 3);

impl Store {
    /// Opens the database, makes it if it is a file that is not there, and runs the migrations.
    ///
    /// # Errors
    /// [`Error::Unusable`] for an unknown kind of URL or too old a library, [`Error::Unavailable`] if
    /// nothing answers, [`Error::Migrate`] if the schema belongs to another version.
    pub async fn open(settings: &DatabaseSettings) -> Result<Self> {
        let url = settings.url.expose_secret();
        // The futures of the driver are large, and these are needed only once.
        if let Some(path) = url.strip_prefix("sqlite:") {
            Box::pin(open_sqlite(Path::new(path.trim_start_matches("//")), settings)).await
        } else if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            let trust = Trust::default();
            let pool = Box::pin(open_postgres(url, settings, trust.clone())).await?;
            Ok(Self::Postgres(pool, trust))
        } else {
            let help = "database.url must begin with sqlite: or postgres://";
            Err(Error::Unusable(help.to_owned()))
        }
    }
}

/// SQLite has no such setting. It leaves room on each page of sessions, so that a rotation finds a
/// place for the new version of its row beside the old. Set once, as setting it waits for a vacuum.
async fn leave_room(pool: &PgPool) -> Result<()> {
    let is_set = "SELECT COALESCE('fillfactor=90' = ANY (reloptions), FALSE) FROM pg_class
                  WHERE oid = 'sessions'::regclass";
    let (is_set,): (bool,) = sqlx::query_as(is_set).fetch_one(pool).await?;
    if !is_set {
        sqlx::query("ALTER TABLE sessions SET (fillfactor = 90)").execute(pool).await?;
    }
    Ok(())
}

/// A standby may lag, and cannot be written to. A connection that was made while the address led to one
/// would stay in the pool when it leads to the primary again, and fail every change.
async fn refuse_standby(conn: &mut PgConnection) -> sqlx::Result<()> {
    let (standby,): (bool,) = sqlx::query_as("SELECT pg_is_in_recovery()").fetch_one(conn).await?;
    if standby {
        return Err(sqlx::Error::Protocol("it is a standby, and not promoted yet".to_owned()));
    }
    Ok(())
}

/// Processes that start together on a new file get into each other's way: SQLite refuses the change to
/// WAL at once while another has the file open, and its driver has no lock for migrations. Who comes
/// second finds the work done when it looks again.
async fn open_sqlite(path: &Path, settings: &DatabaseSettings) -> Result<Store> {
    let mut attempts_left = 10;
    loop {
        match try_sqlite(path, settings).await {
            Ok(store) => return Ok(store),
            Err(error) if attempts_left == 0 || matches!(error, Error::Unusable(_)) => {
                return Err(error);
            }
            Err(_) => attempts_left -= 1,
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn try_sqlite(path: &Path, settings: &DatabaseSettings) -> Result<Store> {
    create_private(path)
        .map_err(|error| Error::Unusable(format!("cannot open {}: {error}", path.display())))?;
    let options = SqliteConnectOptions::new()
        .filename(path)
        .foreign_keys(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(settings.statement_timeout);
    let pool = |connections| {
        pool_options::<Sqlite>(settings)
            .max_connections(connections)
            // A full disk makes SQLite itself roll back. The driver does not notice, and would refuse every
            // transaction on that connection from then on.
            .before_acquire(|conn, _| Box::pin(ready(Ok(!conn.is_in_transaction()))))
            .connect_with(options.clone())
    };
    let writer = pool(1).await?;
    let (version,): (String,) =
        sqlx::query_as("SELECT sqlite_version()").fetch_one(&writer).await?;
    let mut parts = version.split('.').map(|part| part.parse().unwrap_or(0));
    let mut part = || parts.next().unwrap_or(0);
    if (part(), part(), part()) < OLDEST_SQLITE {
        return Err(Error::Unusable(format!("SQLite {version} can lose writes; 3.51.3 is needed")));
    }
    MIGRATIONS.run(&writer).await?;
    Ok(Store::Sqlite { readers: pool(settings.max_connections.min(4)).await?, writer })
}

/// What both databases have in common.
fn pool_options<DB: Database>(settings: &DatabaseSettings) -> PoolOptions<DB> {
    PoolOptions::new()
        .acquire_timeout(settings.acquire_timeout)
        // A ping before each use costs as much as the statement; a dead connection shows at once.
        .test_before_acquire(false)
        // The task that would look for old and idle connections can come to spin for ever, at any time, and
        // takes a core with it and what waits there: https://github.com/launchbadge/sqlx/issues/3645.
        .idle_timeout(None)
        .max_lifetime(None)
}

/// The file and the folder that holds it, for nobody else to read.
fn create_private(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
    if let Some(dir) = path.parent().filter(|dir| !dir.as_os_str().is_empty()) {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    }
    let mut options = std::fs::OpenOptions::new();
    options.create(true).truncate(false).write(true).mode(0o600).open(path).map(drop)
}

async fn open_postgres(url: &str, settings: &DatabaseSettings, trust: Trust) -> Result<PgPool> {
    let options: PgConnectOptions = url.parse::<PgConnectOptions>()?.options([
        ("statement_timeout", format!("{}ms", settings.statement_timeout.as_millis())),
        ("lock_timeout", format!("{}ms", settings.acquire_timeout.as_millis())),
        // Every statement here has one plan that fits all values; planning anew costs half as much again.
        ("plan_cache_mode", "force_generic_plan".to_owned()),
        // And that plan goes by the keys. One made while a table is small may read all of it, and
        // stays when the table has grown, until the next autovacuum.
        ("enable_seqscan", "off".to_owned()),
        ("jit", "off".to_owned()),
    ]);
    // A pool tries until it is out of time and forgets why; one connection tells what is wrong.
    let first = tokio::time::timeout(settings.acquire_timeout, options.connect()).await;
    let mut first = first.map_err(|_| sqlx::Error::PoolTimedOut)??;
    refuse_standby(&mut first).await?;
    first.close().await?;
    let lifetime = settings.connection_lifetime;
    let pool = pool_options(settings)
        .max_connections(settings.max_connections)
        .before_acquire(move |_, known| {
            let good = known.age < lifetime && trust.covers(known.age);
            Box::pin(ready(Ok(good)))
        })
        .after_connect(|conn, _| Box::pin(refuse_standby(conn)));
    let pool = pool.connect_with(options).await?;
    MIGRATIONS.run(&pool).await?;
    leave_room(&pool).await?;
    Ok(pool)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Settings;
    use std::collections::HashMap;

    #[test]
    fn no_pool_has_the_task_that_may_spin() {
        let settings = Settings::load(None, HashMap::new()).unwrap().database;
        let options = pool_options::<sqlx::Postgres>(&settings);
        assert_eq!((options.get_idle_timeout(), options.get_max_lifetime()), (None, None));
        assert_eq!(options.get_min_connections(), 0);
    }
}
