//! How replicas tell each other that something they cache has changed.
use super::{Conn, Result, Store};
use sqlx::postgres::PgListener;

/// What changed. On SQLite nothing is sent: other processes notice when they next look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notice {
    Keys,
    Clients,
}

const CHANNEL: &str = "mintmark";

impl Notice {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Keys => "keys",
            Self::Clients => "clients",
        }
    }
}

impl Conn {
    /// Tells the other replicas, when the transaction commits.
    pub async fn notify(&mut self, notice: Notice) -> Result<()> {
        if let Self::Postgres(conn) = self {
            let query = sqlx::query("SELECT pg_notify($1, $2)").bind(CHANNEL);
            query.bind(notice.as_str()).execute(&mut **conn).await?;
        }
        Ok(())
    }
}

/// The notices of other replicas, in order.
pub struct Notices(PgListener);

impl Store {
    /// None where the database has no notices.
    pub async fn notices(&self) -> Result<Option<Notices>> {
        let Self::Postgres(pool) = self else { return Ok(None) };
        let mut listener = PgListener::connect_with(pool).await?;
        listener.listen(CHANNEL).await?;
        Ok(Some(Notices(listener)))
    }
}

impl Notices {
    /// The next notice; none for one that this version does not know, and after a lost connection,
    /// when anything may have been missed.
    pub async fn next(&mut self) -> Result<Option<Notice>> {
        let notification = self.0.try_recv().await?;
        let payload = notification.as_ref().map(sqlx::postgres::PgNotification::payload);
        Ok([Notice::Keys, Notice::Clients].into_iter().find(|n| Some(n.as_str()) == payload))
    }
}
