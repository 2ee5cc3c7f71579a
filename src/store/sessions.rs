//! The rows of sessions: how they begin, are read and end.
use super::{Conn, Result, sql};
use crate::{
    clock::Timestamp,
    model::{ClientId, Device, EndReason, Ended, Scope, Session, SessionId, StatusIndex, UserId},
};

/// What a new session starts with; its generation is 0.
#[derive(Debug)]
pub struct NewSession {
    pub id: SessionId,
    pub user_id: UserId,
    pub client_id: ClientId,
    pub device: Device,
    pub group: Option<String>,
    pub scope: Scope,
    pub auth_time: Timestamp,
    pub expires_at: Timestamp,
    pub status_index: Option<StatusIndex>,
}

#[derive(sqlx::FromRow)]
pub(super) struct Row {
    id: SessionId,
    user_id: UserId,
    client_id: ClientId,
    device_id: Option<String>,
    device_name: Option<String>,
    session_group: Option<String>,
    scope: Scope,
    auth_time: Timestamp,
    created_at: Timestamp,
    expires_at: Timestamp,
    generation: i64,
    last_used_at: Timestamp,
    user_agent: Option<String>,
    address: Option<String>,
    ended_at: Option<Timestamp>,
    end_reason: Option<EndReason>,
    status_index: Option<StatusIndex>,
}

impl From<Row> for Session {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            user_id: row.user_id,
            client_id: row.client_id,
            device: Device {
                id: row.device_id,
                name: row.device_name,
                user_agent: row.user_agent,
                address: row.address,
            },
            group: row.session_group,
            scope: row.scope,
            generation: row.generation,
            auth_time: row.auth_time,
            created_at: row.created_at,
            last_used_at: row.last_used_at,
            expires_at: row.expires_at,
            status_index: row.status_index,
            ended: row.ended_at.zip(row.end_reason).map(|(at, reason)| Ended { at, reason }),
        }
    }
}

impl Conn {
    pub async fn session(&mut self, id: SessionId) -> Result<Option<Session>> {
        let row: Option<Row> = sql!(self, fetch_optional:
            "SELECT id, user_id, client_id, device_id, device_name, session_group, scope, auth_time,
                    created_at, expires_at, generation, last_used_at, user_agent, address,
                    ended_at, end_reason, status_index
             FROM sessions WHERE id = $1", id)?;
        Ok(row.map(Session::from))
    }

    pub async fn insert_session(&mut self, new: &NewSession, now: Timestamp) -> Result<()> {
        sql!(self, execute:
            "INSERT INTO sessions
                 (id, user_id, client_id, device_id, device_name, session_group, scope, auth_time,
                  created_at, expires_at, generation, previous_generation, last_used_at,
                  user_agent, address, status_index)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0, 0, $9, $11, $12, $13)",
            new.id, new.user_id, &new.client_id, &new.device.id, &new.device.name, &new.group,
            &new.scope, new.auth_time, now, new.expires_at, &new.device.user_agent,
            &new.device.address, new.status_index)?;
        sql!(self, execute:
            "INSERT INTO user_sessions (user_id, client_id, session_id, device_id)
             VALUES ($1, $2, $3, $4)",
            new.user_id, &new.client_id, new.id, &new.device.id)
        .map(drop)
    }

    /// Ends a session, if it has not ended yet. Rows of `sessions` are always taken before those of
    /// `user_sessions`, so that two endings cannot wait for each other.
    pub async fn end_session(
        &mut self,
        id: SessionId,
        reason: EndReason,
        now: Timestamp,
    ) -> Result<bool> {
        let ended: Option<(UserId, ClientId, Option<StatusIndex>)> = sql!(self, fetch_optional:
            "UPDATE sessions SET ended_at = $2, end_reason = $3
             WHERE id = $1 AND ended_at IS NULL
             RETURNING user_id, client_id, status_index", id, now, reason)?;
        let Some((user_id, client_id, status_index)) = ended else { return Ok(false) };
        self.delete_user_session(user_id, &client_id, id).await?;
        self.publish_end(status_index, now).await?;
        Ok(true)
    }

    pub(super) async fn delete_user_session(
        &mut self,
        user_id: UserId,
        client_id: &ClientId,
        id: SessionId,
    ) -> Result<()> {
        sql!(self, execute:
            "DELETE FROM user_sessions
             WHERE user_id = $1 AND client_id = $2 AND session_id = $3", user_id, client_id, id)
        .map(drop)
    }
}
