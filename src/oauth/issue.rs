//! The one place where tokens are made: from a [`Grant`], whatever grant type it came from.
use super::{
    Grant, Result,
    grant::UserGrant,
    sign::{no_key, sign},
    status::StatusClaim,
};
use crate::{
    app::App,
    clock::Timestamp,
    model::{Client, SessionId},
    secret::Secret,
    session::{
        handle::{Handle, Kind},
        token_id,
    },
};
use serde::Serialize;

/// What the client gets (RFC 6749 §5.1).
#[derive(Debug)]
pub struct Tokens {
    pub access_token: Secret,
    /// Seconds.
    pub expires_in: u64,
    pub refresh_token: Option<Secret>,
    pub scope: String,
    pub subject: String,
    pub session_id: Option<SessionId>,
    pub issued_at: Timestamp,
}

/// The claims of an access token (RFC 9068 §2.2).
#[derive(Debug, Serialize)]
struct AccessClaims<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: Audience<'a>,
    exp: i64,
    iat: i64,
    nbf: i64,
    jti: String,
    client_id: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    scope: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<SessionId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_time: Option<i64>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    roles: &'a [String],
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    groups: &'a [String],
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    permissions: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<StatusClaim>,
}

/// One audience is a string, several are a list (RFC 7519 §4.1.3).
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Audience<'a> {
    One(&'a str),
    Several(&'a [String]),
}

/// Makes the tokens that the grant entitles the client to.
///
/// # Errors
/// Only [`Internal`](super::Error::Internal) and [`Unavailable`](super::Error::Unavailable): what a
/// caller can get wrong has been refused.
pub async fn issue(app: &App, client: &Client, grant: Grant, now: Timestamp) -> Result<Tokens> {
    let user = grant.user.as_ref();
    let subject = user.map_or_else(|| client.id.to_string(), |user| user.user_id.to_string());
    let scope = grant.scope.to_string();
    let lifetime = app.settings.tokens.access_token_lifetime;
    let claims = AccessClaims {
        iss: &app.settings.issuer,
        sub: &subject,
        aud: match grant.audience.as_slice() {
            [] => Audience::One(&app.settings.issuer),
            [one] => Audience::One(one),
            several => Audience::Several(several),
        },
        exp: (now + lifetime).seconds(),
        iat: now.seconds(),
        nbf: now.seconds(),
        jti: token_id::new(user.map(|user| (user.session_id, user.generation))),
        client_id: client.id.as_str(),
        scope: &scope,
        sid: user.map(|user| user.session_id),
        auth_time: user.map(|user| user.auth_time.seconds()),
        roles: user.map_or(&[], |user| &user.claims.roles),
        groups: user.map_or(&[], |user| &user.claims.groups),
        permissions: user.map_or(&[], |user| &user.claims.permissions),
        status: user
            .and_then(|user| user.status_index)
            .map(|index| StatusClaim::of(index, &app.settings.issuer)),
    };
    let alg = client.metadata.access_token_alg.unwrap_or(app.settings.tokens.access_token_alg);
    let typ = client.metadata.access_token_typ.as_str();
    Ok(Tokens {
        access_token: Secret::new(sign(app, alg, typ, &claims, now).await?),
        expires_in: lifetime.as_secs(),
        refresh_token: user.map(|user| refresh_token(app, user)).transpose()?,
        session_id: user.map(|user| user.session_id),
        issued_at: now,
        scope,
        subject,
    })
}

/// The successor, made with the key of the moment at which the chain moved: a retry computes the
/// same text again.
fn refresh_token(app: &App, user: &UserGrant) -> Result<Secret> {
    let UserGrant { session_id, generation, moved_at, .. } = *user;
    let key = app.keys.snapshot().mac_key_at(moved_at).ok_or_else(no_key)?;
    Ok(Handle { kind: Kind::RefreshToken, session_id, generation }.seal(&key))
}

impl Tokens {
    /// When the access token expires.
    pub fn expires_at(&self) -> i64 {
        self.issued_at.seconds() + i64::try_from(self.expires_in).unwrap_or(i64::MAX)
    }
}
