//! The hot path: one statement for all rotations that share a commit.
use super::{Conn, Result};
use crate::{
    clock::Timestamp,
    model::{ClientId, Scope, SessionId, StatusIndex, UserClaims, UserId},
};
use serde::Serialize;
use sqlx::{PgConnection, SqliteConnection};

/// One use of a refresh token, as the statement that decides it needs it.
#[derive(Debug, Clone)]
pub struct Rotation {
    pub session_id: SessionId,
    pub client_id: ClientId,
    /// The generation that was presented.
    pub presented: i64,
    /// How far behind it the row may be.
    pub lowest: i64,
    /// By how much the chain moves: 1, or 0 for a client whose tokens do not rotate.
    pub step: i64,
    /// The device the caller says it is, if it says so.
    pub device_id: Option<String>,
    pub user_agent: Option<String>,
    pub address: Option<String>,
    /// A session unused since this instant has expired.
    pub idle_since: Timestamp,
    pub now: Timestamp,
}

/// A rotation that happened.
#[derive(Debug, sqlx::FromRow)]
pub struct Rotated {
    #[sqlx(rename = "id")]
    pub session_id: SessionId,
    pub user_id: UserId,
    pub scope: Scope,
    pub auth_time: Timestamp,
    /// Where the chain stands now.
    pub generation: i64,
    /// Where it stood before.
    pub previous_generation: i64,
    pub status_index: Option<StatusIndex>,
    pub claims: UserClaims,
}

/// `$used` gives a row for each use of a token; all else is the same on both databases.
macro_rules! rotate {
    ($used:literal) => {
        concat!(
            "WITH used AS MATERIALIZED (",
            $used,
            ")
             UPDATE sessions
             SET generation = used.presented + used.step, previous_generation = generation,
                 last_used_at = used.at, user_agent = used.user_agent, address = used.address
             FROM used
             WHERE sessions.id = used.id AND sessions.generation BETWEEN used.lowest AND used.presented
               AND sessions.client_id = used.client_id AND sessions.ended_at IS NULL
               AND sessions.expires_at > used.at AND sessions.last_used_at > used.idle_since
               AND (used.device_id IS NULL OR sessions.device_id = used.device_id)
               AND EXISTS (SELECT 1 FROM users WHERE users.id = sessions.user_id
                                                 AND users.disabled_at IS NULL)
             RETURNING sessions.id, user_id, scope, auth_time, generation, previous_generation,
                 status_index, (SELECT claims FROM users WHERE users.id = sessions.user_id) AS claims"
        )
    };
}

impl Conn {
    /// Moves each chain on whose session is live, this client's and on this device, whose user is
    /// enabled, and whose generation is the one presented or as far behind it as may be. Of any
    /// number of callers at once, one moves it. No session may be there twice.
    pub async fn rotate(&mut self, uses: &[Rotation]) -> Result<Vec<Rotated>> {
        Ok(match self {
            Self::Sqlite(conn) => rotate_sqlite(conn, uses).await?,
            Self::Postgres(conn) => rotate_postgres(conn, uses).await?,
        })
    }
}

/// All uses are one value: each parameter that is bound costs more than to find it in there.
async fn rotate_sqlite(
    conn: &mut SqliteConnection,
    uses: &[Rotation],
) -> sqlx::Result<Vec<Rotated>> {
    let statement = rotate!(
        "SELECT unhex(value ->> 0) AS id, value ->> 1 AS client_id, value ->> 2 AS presented,
                value ->> 3 AS lowest, value ->> 4 AS step, value ->> 5 AS device_id,
                value ->> 6 AS user_agent, value ->> 7 AS address, value ->> 8 AS idle_since,
                value ->> 9 AS at
         FROM json_each($1)"
    );
    let rows: Vec<_> = uses.iter().map(row).collect();
    let rows = serde_json::to_string(&rows).map_err(|error| sqlx::Error::Encode(error.into()))?;
    sqlx::query_as(statement).bind(rows).fetch_all(conn).await
}

/// As the statement reads it.
fn row(used: &Rotation) -> impl Serialize + '_ {
    let Rotation { session_id, client_id, presented, lowest, step, .. } = used;
    let Rotation { device_id, user_agent, address, idle_since, now, .. } = used;
    let id = session_id.0.simple().to_string();
    let (idle_since, now) = (idle_since.0, now.0);
    (id, client_id, presented, lowest, step, device_id, user_agent, address, idle_since, now)
}

async fn rotate_postgres(conn: &mut PgConnection, uses: &[Rotation]) -> sqlx::Result<Vec<Rotated>> {
    let statement = rotate!(
        "SELECT * FROM UNNEST ($1::uuid[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[],
                               $6::text[], $7::text[], $8::text[], $9::bigint[], $10::bigint[])
         AS used (id, client_id, presented, lowest, step, device_id, user_agent, address,
                  idle_since, at)"
    );
    let numbers = |of: fn(&Rotation) -> i64| uses.iter().map(of).collect::<Vec<_>>();
    let texts = |of: fn(&Rotation) -> Option<&str>| uses.iter().map(of).collect::<Vec<_>>();
    sqlx::query_as(statement)
        .bind(uses.iter().map(|used| used.session_id.0).collect::<Vec<_>>())
        .bind(texts(|used| Some(used.client_id.as_str())))
        .bind(numbers(|used| used.presented))
        .bind(numbers(|used| used.lowest))
        .bind(numbers(|used| used.step))
        .bind(texts(|used| used.device_id.as_deref()))
        .bind(texts(|used| used.user_agent.as_deref()))
        .bind(texts(|used| used.address.as_deref()))
        .bind(numbers(|used| used.idle_since.0))
        .bind(numbers(|used| used.now.0))
        .fetch_all(conn)
        .await
}
