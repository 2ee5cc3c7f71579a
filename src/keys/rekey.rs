//! Sealing everything anew, after a new master key has been put first.
use super::{Error, MasterKeys, Result, sealing};
use crate::{
    clock::Clock,
    store::{AuditEvent, KeyRow, Notice, Store},
};
use serde::Serialize;

/// What sealing everything anew came to.
#[derive(Debug, Serialize)]
pub struct Rekeyed {
    /// The id of the master key that seals everything now.
    pub master_key: String,
    pub sealed_anew: usize,
    /// Rows that it had sealed before.
    pub unchanged: usize,
}

impl MasterKeys {
    /// Seals each row with the first key that another has sealed. Each row is a transaction of its own:
    /// a run that is interrupted is finished by the next. Servers may run meanwhile if they have the
    /// first key as well.
    ///
    /// # Errors
    /// [`Error::Row`] names a row that does not open; nothing has been changed then.
    pub async fn rekey(&self, store: &Store, clock: &Clock, actor: &str) -> Result<Rekeyed> {
        let rows = store.keys().await?;
        let rows: Vec<_> = rows.iter().filter(|row| row.sealed.is_some()).collect();
        for row in &rows {
            self.unseal(row)?;
        }
        let first = self.sealing_id();
        let (sealed, old): (Vec<&KeyRow>, Vec<_>) =
            rows.into_iter().partition(|row| sealing::master_key_of(row) == Some(first));
        let mut sealed_anew = 0;
        for row in old {
            sealed_anew += usize::from(self.seal_anew(row, store, clock, actor).await?);
        }
        Ok(Rekeyed { master_key: first.to_owned(), sealed_anew, unchanged: sealed.len() })
    }

    /// False if the secret half has been erased, or sealed by somebody else, since the row was read.
    async fn seal_anew(
        &self,
        row: &KeyRow,
        store: &Store,
        clock: &Clock,
        actor: &str,
    ) -> Result<bool> {
        let sealed = self.seal(&sealing::Row::of(row), &self.unseal(row)?);
        let mut conn = store.write().await?;
        if !conn.reseal_key(row, &sealed).await? {
            return Ok(false);
        }
        let detail = serde_json::json!({
            "line": row.line, "number": row.number, "master_key": self.sealing_id(),
        });
        let event = AuditEvent { detail, ..AuditEvent::new("key.sealed_anew", actor) };
        conn.audit(&event, clock.now()).await?;
        conn.notify(Notice::Keys).await?;
        conn.commit().await?;
        Ok(true)
    }
}

impl Error {
    pub(super) fn of(row: &KeyRow, cause: &dyn std::fmt::Display) -> Self {
        let cause = cause.to_string();
        Self::Row { line: row.line.clone(), number: row.number, kid: row.kid.clone(), cause }
    }
}
