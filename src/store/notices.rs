//! How replicas tell each other that something they cache has changed.
use super::{Conn, Error, Result, Store};
use sqlx::postgres::PgListener;
use std::time::Instant;
use tokio::sync::watch;

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
pub struct Notices {
    listener: PgListener,
    trust: watch::Receiver<Option<Instant>>,
}

impl Store {
    /// None where the database has no notices.
    pub async fn notices(&self) -> Result<Option<Notices>> {
        let Self::Postgres(pool, trust) = self else { return Ok(None) };
        let trust = trust.watch();
        // On a connection beside the others: when it is lost it cannot be taken from the listener, and
        // would keep its place among them.
        let options = pool.connect_options().as_ref().clone();
        let own = pool.options().clone().max_connections(1).connect_lazy_with(options);
        let mut listener = PgListener::connect_with(&own).await?;
        listener.listen(CHANNEL).await?;
        Ok(Some(Notices { listener, trust }))
    }
}

impl Notices {
    /// The next notice; none for one that this version does not know, and after a lost connection,
    /// when anything may have been missed.
    ///
    /// # Errors
    /// If the connection is of no use any more.
    pub async fn next(&mut self) -> Result<Option<Notice>> {
        let notification = tokio::select! {
            notification = self.listener.try_recv() => notification?,
            _ = self.trust.changed() => return Err(Error::TimedOut),
        };
        let payload = notification.as_ref().map(sqlx::postgres::PgNotification::payload);
        Ok([Notice::Keys, Notice::Clients].into_iter().find(|n| Some(n.as_str()) == payload))
    }
}
