//! Finding and ending live sessions, for logins and for administration.
use super::{Conn, Result, sessions::Row, sql};
use crate::{
    clock::Timestamp,
    model::{ClientId, EndReason, Session, SessionId, UserId},
};

/// Which live sessions are meant; what is absent does not restrict.
#[derive(Debug, Clone, Default)]
pub struct SessionFilter {
    pub user_id: Option<UserId>,
    pub client_id: Option<ClientId>,
    pub device_id: Option<String>,
}

impl Conn {
    /// Live sessions in order of creation, after the given one.
    pub async fn sessions(
        &mut self,
        filter: &SessionFilter,
        after: Option<SessionId>,
        limit: i64,
    ) -> Result<Vec<Session>> {
        let rows: Vec<Row> = if filter.user_id.is_some() {
            sql!(self, fetch_all:
                "SELECT s.id, s.user_id, s.client_id, s.device_id, s.device_name, s.session_group,
                        s.scope, s.auth_time, s.created_at, s.expires_at, s.generation,
                        s.last_used_at, s.user_agent, s.address, s.ended_at, s.end_reason,
                        s.status_index
                 FROM user_sessions u JOIN sessions s ON s.id = u.session_id
                 WHERE u.user_id = $1 AND ($2 IS NULL OR u.client_id = $2)
                   AND ($3 IS NULL OR u.device_id = $3) AND ($4 IS NULL OR u.session_id > $4)
                 ORDER BY u.session_id LIMIT $5",
                filter.user_id, &filter.client_id, &filter.device_id, after, limit)?
        } else {
            sql!(self, fetch_all:
                "SELECT id, user_id, client_id, device_id, device_name, session_group, scope,
                        auth_time, created_at, expires_at, generation, last_used_at, user_agent,
                        address, ended_at, end_reason, status_index
                 FROM sessions
                 WHERE ended_at IS NULL AND ($1 IS NULL OR client_id = $1)
                   AND ($2 IS NULL OR device_id = $2) AND ($3 IS NULL OR id > $3)
                 ORDER BY id LIMIT $4",
                &filter.client_id, &filter.device_id, after, limit)?
        };
        Ok(rows.into_iter().map(Session::from).collect())
    }

    /// How many live sessions of each client were last used in a span of time. Looks at every
    /// session: for emergencies.
    pub async fn clients_with_sessions_used(
        &mut self,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<(ClientId, i64)>> {
        sql!(self, fetch_all:
            "SELECT client_id, COUNT(*) FROM sessions
             WHERE ended_at IS NULL AND expires_at > $2 AND last_used_at BETWEEN $1 AND $2
             GROUP BY client_id ORDER BY client_id", from, until)
    }

    /// Ends the live sessions of a client that were last used in a span of time.
    pub async fn end_sessions_used(
        &mut self,
        client_id: &ClientId,
        (from, until): (Timestamp, Timestamp),
        reason: EndReason,
        now: Timestamp,
    ) -> Result<u64> {
        let ended = sql!(self, execute:
            "UPDATE sessions SET ended_at = $4, end_reason = $5
             WHERE client_id = $1 AND ended_at IS NULL AND last_used_at BETWEEN $2 AND $3",
            client_id, from, until, now, reason)?;
        self.publish_ends(client_id, now).await?;
        sql!(self, execute:
            "DELETE FROM user_sessions WHERE client_id = $1 AND session_id IN
                 (SELECT id FROM sessions WHERE client_id = $1 AND ended_at = $2)", client_id, now)?;
        Ok(ended)
    }

    /// The ids of live sessions, oldest first. Every statement begins with the columns of an index,
    /// as logins use it too.
    pub async fn live_sessions(&mut self, filter: &SessionFilter) -> Result<Vec<SessionId>> {
        let rows: Vec<(SessionId,)> = match (filter.user_id, &filter.client_id) {
            (Some(user_id), Some(client_id)) => sql!(self, fetch_all:
                "SELECT session_id FROM user_sessions
                 WHERE user_id = $1 AND client_id = $2 AND ($3 IS NULL OR device_id = $3)
                 ORDER BY session_id", user_id, client_id, &filter.device_id)?,
            (Some(user_id), None) => sql!(self, fetch_all:
                "SELECT session_id FROM user_sessions
                 WHERE user_id = $1 AND ($2 IS NULL OR device_id = $2)
                 ORDER BY session_id", user_id, &filter.device_id)?,
            (None, Some(client_id)) => sql!(self, fetch_all:
                "SELECT session_id FROM user_sessions
                 WHERE client_id = $1 AND ($2 IS NULL OR device_id = $2)
                 ORDER BY session_id", client_id, &filter.device_id)?,
            (None, None) => sql!(self, fetch_all:
                "SELECT session_id FROM user_sessions
                 WHERE ($1 IS NULL OR device_id = $1) ORDER BY session_id", &filter.device_id)?,
        };
        Ok(rows.into_iter().map(|(id,)| id).collect())
    }

    /// Ends all that the filter means and says which they were.
    pub async fn end_sessions(
        &mut self,
        filter: &SessionFilter,
        reason: EndReason,
        now: Timestamp,
    ) -> Result<Vec<SessionId>> {
        let mut ended = Vec::new();
        for id in self.live_sessions(filter).await? {
            if self.end_session(id, reason, now).await? {
                ended.push(id);
            }
        }
        Ok(ended)
    }
}
