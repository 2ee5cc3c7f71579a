//! Connections to PostgreSQL that lead nowhere and do not say so: to a server that has become read-only,
//! or through a firewall that has forgotten them.
use super::{Conn, Error, Result, Store};
use std::time::{Duration, Instant};
use tokio::{sync::watch, time::timeout};

/// Connections made before an instant are not used again.
#[derive(Debug, Clone, Default)]
pub struct Trust(watch::Sender<Option<Instant>>);

impl Trust {
    /// Whether a connection of that age may be used.
    pub(super) fn covers(&self, age: Duration) -> bool {
        self.0.borrow().is_none_or(|since| age < since.elapsed())
    }

    fn withdraw(&self) {
        self.0.send_replace(Some(Instant::now()));
    }

    /// Tells when it is withdrawn from all connections that there are now.
    pub(super) fn watch(&self) -> watch::Receiver<Option<Instant>> {
        self.0.subscribe()
    }
}

impl Store {
    /// Tries a connection, and has all replaced if it is of no use. To be called every few seconds.
    ///
    /// # Errors
    /// If there is none to be had, or this one cannot be used for changes.
    pub async fn probe(&self, longest: Duration) -> Result<()> {
        if matches!(self, Self::Sqlite { .. }) {
            return Ok(());
        }
        let mut conn = self.read().await?;
        let writable = timeout(longest, conn.is_writable()).await.unwrap_or(Err(Error::TimedOut));
        if let Err(error) = &writable {
            // Something may still be under way on it.
            conn.discard();
            self.doubt(error);
        }
        writable
    }

    /// After an error that is not of one connection alone: all that there are now are replaced before
    /// their next use, rather than each fail somebody first.
    pub(super) fn doubt(&self, error: &Error) {
        if let Self::Postgres(_, trust) = self
            && error.condemns_its_connection()
        {
            tracing::warn!(%error, "the connections to the database are replaced");
            trust.withdraw();
        }
    }
}

impl Conn {
    async fn is_writable(&mut self) -> Result<()> {
        let Self::Postgres(conn) = self else { return Ok(()) };
        let setting = "SELECT current_setting('transaction_read_only') = 'on'";
        let (read_only,): (bool,) = sqlx::query_as(setting).fetch_one(&mut **conn).await?;
        if read_only {
            return Err(sqlx::Error::Protocol("it is read-only".to_owned()).into());
        }
        Ok(())
    }
}
