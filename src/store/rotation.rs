//! The hot path: one statement per use of a refresh token.
use super::{Conn, Result, sql};
use crate::{
    clock::Timestamp,
    model::{ClientId, Scope, SessionId, UserClaims, UserId},
};

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
}
