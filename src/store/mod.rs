//! The only place that knows a database. Two drivers, one set of SQL.
//!
//! A [`Conn`] is what statements run on: statement by statement from [`Store::read`] and
//! [`Store::autocommit`], in one transaction from [`Store::write`]. Each table has a file with the
//! functions that need it, all of them `impl Conn`.
mod audit;
mod clients;
mod columns;
mod conn;
mod error;
mod fetchers;
mod group_commit;
mod keys;
mod live_sessions;
mod notices;
mod open;
mod pruning;
mod rotation;
mod session_list;
mod sessions;
mod standing;
mod statuses;
mod trust;
mod users;

pub use audit::{AuditEntry, AuditEvent, AuditFilter};
pub use conn::Conn;
pub use error::{Error, Result};
pub use fetchers::{Fetcher, FetcherBounds};
pub use group_commit::GroupCommit;
pub use keys::{KeyRow, Origin};
pub use live_sessions::{EndedBatch, EndedSession, SessionFilter};
pub use notices::{Notice, Notices};
pub use pruning::Lifetime;
pub use rotation::{Rotated, Rotation};
pub use session_list::Liveness;
pub use sessions::NewSession;
pub use standing::{SessionStanding, Standing};
pub use statuses::StatusSlot;
pub use users::LoginRow;

use conn::sql;
use sqlx::{PgPool, SqlitePool};
use trust::Trust;

/// A database of either kind.
#[derive(Debug, Clone)]
pub enum Store {
    /// One connection writes, so that writers queue here and not at the file's lock.
    Sqlite {
        writer: SqlitePool,
        readers: SqlitePool,
    },
    Postgres(PgPool, Trust),
}

impl Store {
    /// For statements that only read, each on its own.
    pub async fn read(&self) -> Result<Conn> {
        Ok(match self {
            Self::Sqlite { readers, .. } => Conn::Sqlite(readers.acquire().await?.into()),
            Self::Postgres(pool, _) => Conn::Postgres(pool.acquire().await?.into()),
        })
    }

    /// For a change that is one statement: it is committed when the statement returns.
    pub async fn autocommit(&self) -> Result<Conn> {
        Ok(match self {
            Self::Sqlite { writer, .. } => Conn::Sqlite(writer.acquire().await?.into()),
            Self::Postgres(pool, _) => Conn::Postgres(pool.acquire().await?.into()),
        })
    }

    /// For a change of several statements: nothing of it holds before [`Conn::commit`]. To be used
    /// in a task that nobody cancels: sqlx 0.9.0 hands on a connection whose `BEGIN` was cancelled.
    pub async fn write(&self) -> Result<Conn> {
        Ok(match self {
            // SQLite takes its write lock at once: a transaction that reads first and upgrades
            // later fails with `database is locked` as soon as two meet.
            Self::Sqlite { writer, .. } => {
                Conn::Sqlite(writer.begin_with("BEGIN IMMEDIATE").await?.into())
            }
            Self::Postgres(pool, _) => Conn::Postgres(pool.begin().await?.into()),
        })
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<()> {
        let rows: Result<(i64,)> =
            sql!(&mut self.read().await?, fetch_one: "SELECT COUNT(*) FROM keys");
        rows.map(drop).inspect_err(|error| self.doubt(error))
    }

    /// Waits for what is in use and closes the files.
    pub async fn close(&self) {
        match self {
            Self::Sqlite { writer, readers } => {
                readers.close().await;
                writer.close().await;
            }
            Self::Postgres(pool, _) => pool.close().await,
        }
    }
}
