use super::{Conn, Result, Store, sql};
use crate::clock::Timestamp;
use std::{fmt, str::FromStr};

/// One key of one line, as it lies in the database.
#[derive(Debug, Clone, PartialEq, sqlx::FromRow)]
pub struct KeyRow {
    /// A signing algorithm, or `handle`.
    pub line: String,
    pub number: i64,
    pub kid: String,
    /// JSON; none for `handle`.
    pub public_jwk: Option<String>,
    /// The secret half, sealed; none once it is erased.
    pub sealed: Option<String>,
    pub published_at: Timestamp,
    pub activates_at: Timestamp,
    /// When it stops signing as its line was switched off.
    pub retired_at: Option<Timestamp>,
    /// The longest lifetime of a token made with it, in milliseconds.
    pub longest_token: i64,
    pub revoked_at: Option<Timestamp>,
    pub origin: Origin,
}

/// Where a key comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    Generated,
    Imported,
}

#[derive(Debug, thiserror::Error)]
#[error("no such origin of a key")]
pub struct UnknownOrigin;

impl FromStr for Origin {
    type Err = UnknownOrigin;
    fn from_str(name: &str) -> Result<Self, UnknownOrigin> {
        match name {
            "generated" => Ok(Self::Generated),
            "imported" => Ok(Self::Imported),
            _ => Err(UnknownOrigin),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Generated => f.write_str("generated"),
            Self::Imported => f.write_str("imported"),
        }
    }
}

impl Conn {
    pub async fn keys(&mut self) -> Result<Vec<KeyRow>> {
        sql!(self, fetch_all:
            "SELECT line, number, kid, public_jwk, sealed, published_at, activates_at,
                    retired_at, longest_token, revoked_at, origin
             FROM keys ORDER BY line, number")
    }

    /// False if the line has a key of that number by now, or the ring has that key: of any number of
    /// callers at once, one makes it.
    pub async fn insert_key(&mut self, key: &KeyRow) -> Result<bool> {
        sql!(self, execute:
            "INSERT INTO keys (line, number, kid, public_jwk, sealed, published_at, activates_at,
                               retired_at, longest_token, origin)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING",
            &key.line, key.number, &key.kid, &key.public_jwk, &key.sealed, key.published_at,
            key.activates_at, key.retired_at, key.longest_token, key.origin)
        .map(|rows| rows == 1)
    }

    /// Brings the activation of an announced key forward to `now`; false if it was active by then.
    pub async fn activate_key(&mut self, line: &str, number: i64, now: Timestamp) -> Result<bool> {
        sql!(self, execute:
            "UPDATE keys SET activates_at = $3
             WHERE line = $1 AND number = $2 AND activates_at > $3", line, number, now)
        .map(|rows| rows == 1)
    }

    /// Takes the key out of use for ever, and forgets its secret half; false if it was out before.
    pub async fn revoke_key(&mut self, kid: &str, now: Timestamp) -> Result<bool> {
        sql!(self, execute:
            "UPDATE keys SET revoked_at = $2, sealed = NULL WHERE kid = $1 AND revoked_at IS NULL",
            kid, now)
        .map(|rows| rows == 1)
    }

    /// Replaces what is sealed, unless it has been erased or replaced since the row was read.
    pub async fn reseal_key(&mut self, row: &KeyRow, sealed: &str) -> Result<bool> {
        sql!(self, execute:
            "UPDATE keys SET sealed = $4 WHERE line = $1 AND number = $2 AND sealed = $3",
            &row.line, row.number, &row.sealed, sealed)
        .map(|rows| rows == 1)
    }

    /// Forgets the secret half.
    pub async fn erase_key(&mut self, line: &str, number: i64) -> Result<bool> {
        sql!(self, execute:
            "UPDATE keys SET sealed = NULL WHERE line = $1 AND number = $2 AND sealed IS NOT NULL",
            line, number)
        .map(|rows| rows == 1)
    }

    /// Keeps the line's keys from this number on for tokens that live longer than those so far.
    pub async fn lengthen_keys(
        &mut self,
        line: &str,
        from: i64,
        longest_token: i64,
    ) -> Result<bool> {
        sql!(self, execute:
            "UPDATE keys SET longest_token = $3
             WHERE line = $1 AND number >= $2 AND longest_token < $3",
            line, from, longest_token)
        .map(|rows| rows > 0)
    }

    /// Lets the line's keys from this number on run out at an instant, unless that is settled.
    pub async fn retire_keys(&mut self, line: &str, from: i64, at: Timestamp) -> Result<bool> {
        sql!(self, execute:
            "UPDATE keys SET retired_at = $3
             WHERE line = $1 AND number >= $2 AND retired_at IS NULL AND revoked_at IS NULL",
            line, from, at)
        .map(|rows| rows > 0)
    }

    /// Takes that back for keys that have not run out yet.
    pub async fn keep_keys(&mut self, line: &str, now: Timestamp) -> Result<bool> {
        sql!(self, execute:
            "UPDATE keys SET retired_at = NULL WHERE line = $1 AND retired_at > $2", line, now)
        .map(|rows| rows > 0)
    }
}

impl Store {
    pub async fn keys(&self) -> Result<Vec<KeyRow>> {
        self.read().await?.keys().await
    }
}
