//! What a database refuses, told apart by whether trying again can help.

pub type Result<T, E = Error> = std::result::Result<T, E>;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The database is away, busy, full or read-only: the same request may succeed later.
    #[error("the database is not available: {0}")]
    Unavailable(sqlx::Error),
    /// The row changed each time it was looked at: the same request may succeed later.
    #[error("the row changed each time it was looked at")]
    Contended,
    /// It does not answer; what was asked of it may yet happen.
    #[error("the database does not answer")]
    TimedOut,
    #[error(transparent)]
    Failed(sqlx::Error),
    #[error("the database cannot be brought to this version's schema: {0}")]
    Migrate(#[from] sqlx::migrate::MigrateError),
    /// The settings name no database that can be opened.
    #[error("{0}")]
    Unusable(String),
}

impl Error {
    /// Whether the connection that it came over is of no use any more: broken, or to a server that has
    /// stopped or takes no changes.
    pub(super) fn condemns_its_connection(&self) -> bool {
        match self {
            Self::TimedOut | Self::Unavailable(sqlx::Error::Io(_) | sqlx::Error::Protocol(_)) => {
                true
            }
            Self::Unavailable(sqlx::Error::Database(refusal)) => {
                let code = refusal.code().unwrap_or_default();
                code.starts_with("57P") || code == "25006"
            }
            Self::Unavailable(_)
            | Self::Contended
            | Self::Failed(_)
            | Self::Migrate(_)
            | Self::Unusable(_) => false,
        }
    }
}

/// PostgreSQL's classes of trouble that passes (connection, rollback, resources, operator) and the
/// states of a server that is starting, stopping or a read-only standby; SQLite's primary codes for
/// busy, locked, read-only, I/O error, full and cannot open.
const PASSING_POSTGRES: &[&str] = &["08", "40", "53", "55", "57", "25006"];
const PASSING_SQLITE: &[i32] = &[5, 6, 8, 10, 13, 14];

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        if passes(&error) { Self::Unavailable(error) } else { Self::Failed(error) }
    }
}

fn passes(error: &sqlx::Error) -> bool {
    use sqlx::Error as E;
    if let E::Database(refusal) = error {
        let code = refusal.code().unwrap_or_default();
        return match code.parse::<i32>() {
            // SQLite's extended codes hold the primary one in their low byte.
            Ok(number) if code.len() != 5 => PASSING_SQLITE.contains(&(number & 0xff)),
            _ => PASSING_POSTGRES.iter().any(|class| code.starts_with(class)),
        };
    }
    matches!(
        error,
        E::Io(_)
            | E::Tls(_)
            | E::PoolTimedOut
            | E::PoolClosed
            | E::WorkerCrashed
            | E::BeginFailed
            | E::Protocol(_)
    )
}
