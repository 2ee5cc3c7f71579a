use super::{Conn, Result, sql};
use crate::{
    clock::Timestamp,
    model::{ClientId, Device, EndReason, Ended, Scope, Session, SessionId, UserClaims, UserId},
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
}

/// One use of a refresh token, as the statement that decides it needs it.
#[derive(Debug)]
pub struct Rotation<'a> {
    pub session_id: SessionId,
    pub client_id: &'a ClientId,
    /// The generation that was presented.
    pub presented: i64,
    /// By how much the chain moves: 1, or 0 for a client whose tokens do not rotate.
    pub step: i64,
    /// The device the caller says it is, if it says so.
    pub device_id: Option<&'a str>,
    pub user_agent: Option<&'a str>,
    pub address: Option<&'a str>,
    /// A session unused since this instant has expired.
    pub idle_since: Timestamp,
    pub now: Timestamp,
}

/// A rotation that happened.
#[derive(Debug, sqlx::FromRow)]
pub struct Rotated {
    pub user_id: UserId,
    pub scope: Scope,
    pub auth_time: Timestamp,
    /// Where the chain stands now.
    pub generation: i64,
    /// Where it stood before.
    pub previous_generation: i64,
    pub claims: UserClaims,
}

/// Which live sessions are meant; what is absent does not restrict.
#[derive(Debug, Clone, Default)]
pub struct SessionFilter {
    pub user_id: Option<UserId>,
    pub client_id: Option<ClientId>,
    pub device_id: Option<String>,
}

#[derive(sqlx::FromRow)]
struct Row {
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
            ended: row.ended_at.zip(row.end_reason).map(|(at, reason)| Ended { at, reason }),
        }
    }
}

impl Conn {
    /// Moves the chain on if the session is live, this client's and on this device, its user is
    /// enabled, and the generation is the current one or ahead of it. Of any number of callers at
    /// once, one moves it.
    pub async fn rotate(&mut self, rotation: &Rotation<'_>) -> Result<Option<Rotated>> {
        sql!(self, fetch_optional:
            "UPDATE sessions
             SET generation = $2 + $3, previous_generation = generation, last_used_at = $4,
                 user_agent = $5, address = $6
             WHERE id = $1 AND generation <= $2 AND client_id = $7 AND ended_at IS NULL
               AND expires_at > $4 AND last_used_at > $8
               AND ($9 IS NULL OR device_id = $9)
               AND EXISTS (SELECT 1 FROM users WHERE users.id = sessions.user_id
                                                 AND users.disabled_at IS NULL)
             RETURNING user_id, scope, auth_time, generation, previous_generation,
                 (SELECT claims FROM users WHERE users.id = sessions.user_id) AS claims",
            rotation.session_id, rotation.presented, rotation.step, rotation.now,
            rotation.user_agent, rotation.address, rotation.client_id, rotation.idle_since,
            rotation.device_id)
    }

    pub async fn session(&mut self, id: SessionId) -> Result<Option<Session>> {
        let row: Option<Row> = sql!(self, fetch_optional:
            "SELECT id, user_id, client_id, device_id, device_name, session_group, scope, auth_time,
                    created_at, expires_at, generation, last_used_at, user_agent, address,
                    ended_at, end_reason
             FROM sessions WHERE id = $1", id)?;
        Ok(row.map(Session::from))
    }

    /// Live sessions in order of creation, after the given one.
    pub async fn sessions(
        &mut self,
        filter: &SessionFilter,
        after: Option<SessionId>,
        limit: i64,
    ) -> Result<Vec<Session>> {
        let rows: Vec<Row> = sql!(self, fetch_all:
            "SELECT s.id, s.user_id, s.client_id, s.device_id, s.device_name, s.session_group,
                    s.scope, s.auth_time, s.created_at, s.expires_at, s.generation, s.last_used_at,
                    s.user_agent, s.address, s.ended_at, s.end_reason
             FROM user_sessions u JOIN sessions s ON s.id = u.session_id
             WHERE ($1 IS NULL OR u.user_id = $1) AND ($2 IS NULL OR u.client_id = $2)
               AND ($3 IS NULL OR u.device_id = $3) AND ($4 IS NULL OR u.session_id > $4)
             ORDER BY u.session_id LIMIT $5",
            filter.user_id, &filter.client_id, &filter.device_id, after, limit)?;
        Ok(rows.into_iter().map(Session::from).collect())
    }

    pub async fn insert_session(&mut self, new: &NewSession, now: Timestamp) -> Result<()> {
        sql!(self, execute:
            "INSERT INTO sessions
                 (id, user_id, client_id, device_id, device_name, session_group, scope, auth_time,
                  created_at, expires_at, generation, previous_generation, last_used_at,
                  user_agent, address)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, 0, 0, $9, $11, $12)",
            new.id, new.user_id, &new.client_id, &new.device.id, &new.device.name, &new.group,
            &new.scope, new.auth_time, now, new.expires_at, &new.device.user_agent,
            &new.device.address)?;
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
        let ended: Option<(UserId, ClientId)> = sql!(self, fetch_optional:
            "UPDATE sessions SET ended_at = $2, end_reason = $3
             WHERE id = $1 AND ended_at IS NULL RETURNING user_id, client_id", id, now, reason)?;
        let Some((user_id, client_id)) = ended else { return Ok(false) };
        sql!(self, execute:
            "DELETE FROM user_sessions
             WHERE user_id = $1 AND client_id = $2 AND session_id = $3", user_id, &client_id, id)?;
        Ok(true)
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

    /// The ids of live sessions, oldest first.
    pub async fn live_sessions(&mut self, filter: &SessionFilter) -> Result<Vec<SessionId>> {
        let rows: Vec<(SessionId,)> = sql!(self, fetch_all:
            "SELECT session_id FROM user_sessions
             WHERE ($1 IS NULL OR user_id = $1) AND ($2 IS NULL OR client_id = $2)
               AND ($3 IS NULL OR device_id = $3)
             ORDER BY session_id",
            filter.user_id, &filter.client_id, &filter.device_id)?;
        Ok(rows.into_iter().map(|(id,)| id).collect())
    }
}
