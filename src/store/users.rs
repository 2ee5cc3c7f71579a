use super::{Conn, Result, sql};
use crate::{
    clock::Timestamp,
    model::{User, UserClaims, UserId, Username},
};
use secrecy::{ExposeSecret, SecretString};

/// What a login needs to know of a user.
#[derive(Debug)]
pub struct LoginRow {
    pub id: UserId,
    pub password_hash: SecretString,
    pub disabled: bool,
}

impl Conn {
    pub async fn login(&mut self, username: &Username) -> Result<Option<LoginRow>> {
        let row: Option<(UserId, String, Option<Timestamp>)> = sql!(self, fetch_optional:
            "SELECT id, password_hash, disabled_at FROM users WHERE username = $1", username)?;
        Ok(row.map(|(id, hash, disabled_at)| LoginRow {
            id,
            password_hash: hash.into(),
            disabled: disabled_at.is_some(),
        }))
    }

    pub async fn user_id(&mut self, username: &Username) -> Result<Option<UserId>> {
        let row: Option<(UserId,)> = sql!(self, fetch_optional:
            "SELECT id FROM users WHERE username = $1", username)?;
        Ok(row.map(|(id,)| id))
    }

    pub async fn username(&mut self, id: UserId) -> Result<Option<Username>> {
        let row: Option<(Username,)> = sql!(self, fetch_optional:
            "SELECT username FROM users WHERE id = $1", id)?;
        Ok(row.map(|(username,)| username))
    }

    /// The claims of a user who is there and enabled.
    pub async fn enabled_user_claims(&mut self, id: UserId) -> Result<Option<UserClaims>> {
        let row: Option<(UserClaims,)> = sql!(self, fetch_optional:
            "SELECT claims FROM users WHERE id = $1 AND disabled_at IS NULL", id)?;
        Ok(row.map(|(claims,)| claims))
    }

    /// Notes a login and keeps other logins of the same user waiting until the transaction ends.
    /// None if the user is gone or disabled by now.
    pub async fn begin_login(&mut self, id: UserId, now: Timestamp) -> Result<Option<UserClaims>> {
        let row: Option<(UserClaims,)> = sql!(self, fetch_optional:
            "UPDATE users SET last_login_at = $2 WHERE id = $1 AND disabled_at IS NULL
             RETURNING claims", id, now)?;
        Ok(row.map(|(claims,)| claims))
    }

    /// Users in order of their name, after the given one; without their password hashes.
    pub async fn users(
        &mut self,
        after: Option<&Username>,
        limit: i64,
    ) -> Result<Vec<(UserId, Username, UserClaims, Timestamp, Option<Timestamp>)>> {
        sql!(self, fetch_all:
            "SELECT id, username, claims, created_at, disabled_at FROM users
             WHERE ($1 IS NULL OR username > $1) ORDER BY username LIMIT $2", after, limit)
    }

    /// False if the name is taken.
    pub async fn insert_user(&mut self, user: &User) -> Result<bool> {
        sql!(self, execute:
            "INSERT INTO users (id, username, password_hash, claims, created_at)
             VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING",
            user.id, &user.username, user.password_hash.expose_secret(), &user.claims, user.created_at)
        .map(|rows| rows == 1)
    }

    /// The user's id; none if there is no such user. The sessions are to be ended in the same
    /// transaction.
    pub async fn set_password(
        &mut self,
        username: &Username,
        hash: &SecretString,
    ) -> Result<Option<UserId>> {
        let row: Option<(UserId,)> = sql!(self, fetch_optional:
            "UPDATE users SET password_hash = $2 WHERE username = $1 RETURNING id",
            username, hash.expose_secret())?;
        Ok(row.map(|(id,)| id))
    }

    /// As [`set_password`](Self::set_password); a user disabled twice keeps the first instant.
    pub async fn disable_user(
        &mut self,
        username: &Username,
        now: Timestamp,
    ) -> Result<Option<UserId>> {
        let row: Option<(UserId,)> = sql!(self, fetch_optional:
            "UPDATE users SET disabled_at = COALESCE(disabled_at, $2) WHERE username = $1
             RETURNING id", username, now)?;
        Ok(row.map(|(id,)| id))
    }
}
