//! Looking for sessions that are over, and removing them. Each statement touches one row by its key, or
//! reads a bounded part of the table in order of creation: no index helps, and none is needed.
use super::{Conn, Result, sql};
use crate::{
    clock::Timestamp,
    model::{ClientId, EndReason, SessionId, StatusIndex, UserId},
};

/// What tells whether a session is over.
#[derive(Debug, Clone, Copy, sqlx::FromRow)]
pub struct Lifetime {
    pub id: SessionId,
    pub expires_at: Timestamp,
    pub last_used_at: Timestamp,
    pub ended_at: Option<Timestamp>,
}

impl Conn {
    /// Sessions in order of creation, after the given one.
    pub async fn lifetimes(
        &mut self,
        after: Option<SessionId>,
        most: i64,
    ) -> Result<Vec<Lifetime>> {
        match after {
            Some(after) => sql!(self, fetch_all:
                "SELECT id, expires_at, last_used_at, ended_at FROM sessions
                 WHERE id > $1 ORDER BY id LIMIT $2", after, most),
            None => sql!(self, fetch_all:
                "SELECT id, expires_at, last_used_at, ended_at FROM sessions
                 ORDER BY id LIMIT $1", most),
        }
    }

    /// Ends a session whose lifetime is over, unless it has been used since it was looked at.
    pub async fn expire_session(
        &mut self,
        seen: &Lifetime,
        reason: EndReason,
        now: Timestamp,
    ) -> Result<bool> {
        let ended: Option<(UserId, ClientId, Option<StatusIndex>)> = sql!(self, fetch_optional:
            "UPDATE sessions SET ended_at = $2, end_reason = $3
             WHERE id = $1 AND ended_at IS NULL AND last_used_at = $4
             RETURNING user_id, client_id, status_index", seen.id, now, reason, seen.last_used_at)?;
        let Some((user_id, client_id, status_index)) = ended else { return Ok(false) };
        self.delete_user_session(user_id, &client_id, seen.id).await?;
        self.publish_end(status_index, now).await?;
        Ok(true)
    }

    /// Removes a session that has ended.
    pub async fn forget_session(&mut self, id: SessionId) -> Result<bool> {
        sql!(self, execute: "DELETE FROM sessions WHERE id = $1 AND ended_at IS NOT NULL", id)
            .map(|rows| rows == 1)
    }
}
