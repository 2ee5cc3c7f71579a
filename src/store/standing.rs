//! Whether tokens still hold: what is read of their sessions, and the list of those that were revoked
//! one by one.
use super::{Conn, Result, sql};
use crate::{
    clock::Timestamp,
    model::{ClientId, Scope, SessionId, UserId, Username},
};

/// What decides whether a token holds, beside what it says itself.
#[derive(Debug, Clone)]
pub struct Standing {
    /// None for a token of a client that acts for itself.
    pub session: Option<SessionStanding>,
    /// Whether it is on the deny list.
    pub denied: bool,
}

/// The part of a session that its tokens stand and fall with.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct SessionStanding {
    pub user_id: UserId,
    pub username: Username,
    pub client_id: ClientId,
    pub scope: Scope,
    pub generation: i64,
    /// The newest generation of which an access token was met.
    pub seen_generation: i64,
    pub last_used_at: Timestamp,
    pub expires_at: Timestamp,
    pub ended_at: Option<Timestamp>,
    pub disabled_at: Option<Timestamp>,
}

#[derive(sqlx::FromRow)]
struct Row {
    #[sqlx(flatten)]
    session: SessionStanding,
    denied: i64,
}

impl Conn {
    /// How a token of that session with that `jti` stands; refresh tokens have no `jti`. None if
    /// there is no such session, or its user is gone.
    pub async fn standing(
        &mut self,
        session_id: Option<SessionId>,
        jti: Option<&str>,
    ) -> Result<Option<Standing>> {
        let Some(session_id) = session_id else {
            let denied = match jti {
                Some(jti) => self.token_is_denied(jti).await?,
                None => false,
            };
            return Ok(Some(Standing { session: None, denied }));
        };
        let row: Option<Row> = sql!(self, fetch_optional:
            "SELECT s.user_id, u.username, s.client_id, s.scope, s.generation, s.seen_generation,
                    s.last_used_at, s.expires_at, s.ended_at, u.disabled_at,
                    (SELECT COUNT(*) FROM denied_tokens WHERE jti = $2) AS denied
             FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.id = $1", session_id, jti)?;
        Ok(row
            .map(|Row { session, denied }| Standing { session: Some(session), denied: denied > 0 }))
    }

    /// Notes that an access token of that generation was met, unless one of a later one was.
    pub async fn raise_seen_generation(&mut self, id: SessionId, generation: i64) -> Result<()> {
        sql!(self, execute:
            "UPDATE sessions SET seen_generation = $2 WHERE id = $1 AND seen_generation < $2",
            id, generation)
        .map(drop)
    }

    /// Whether an access token is on the deny list.
    pub async fn token_is_denied(&mut self, jti: &str) -> Result<bool> {
        let (denied,): (i64,) = sql!(self, fetch_one:
            "SELECT COUNT(*) FROM denied_tokens WHERE jti = $1", jti)?;
        Ok(denied > 0)
    }

    /// Puts an access token on the deny list until it expires. False if it is there already.
    pub async fn deny_token(&mut self, jti: &str, expires_at: Timestamp) -> Result<bool> {
        sql!(self, execute:
            "INSERT INTO denied_tokens (jti, expires_at) VALUES ($1, $2) ON CONFLICT DO NOTHING",
            jti, expires_at)
        .map(|rows| rows == 1)
    }

    /// Removes the oldest entries of the deny list whose tokens had expired by then, and says how many.
    pub async fn forget_denied_tokens(&mut self, expired: Timestamp, most: i64) -> Result<u64> {
        sql!(self, execute:
            "DELETE FROM denied_tokens WHERE jti IN
                 (SELECT jti FROM denied_tokens WHERE expires_at <= $1
                  ORDER BY expires_at, jti LIMIT $2)", expired, most)
    }
}
