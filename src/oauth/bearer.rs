//! Bearer tokens at this service's own APIs (RFC 6750), verified as any resource server would, and
//! against the database as no other could.
use super::{
    Caller,
    Code::{InsufficientScope, InvalidToken},
    Detail, Error, Result,
};
use crate::{
    app::App,
    jose::{PublicJwk, Unverified},
    model::{ClientId, Scope, SessionId},
};
use serde::Deserialize;
use std::sync::Arc;

/// The `typ` of RFC 9068 §2.1. Others are meant for others.
const TYPE: &str = "at+jwt";

/// What an access token that was accepted says.
#[derive(Debug, Deserialize)]
pub struct AccessToken {
    iss: String,
    aud: OneOrMany,
    exp: i64,
    iat: i64,
    nbf: i64,
    pub sub: String,
    pub client_id: ClientId,
    #[serde(default)]
    pub scope: Scope,
    pub sid: Option<SessionId>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl OneOrMany {
    fn has(&self, audience: &str) -> bool {
        match self {
            Self::One(one) => one == audience,
            Self::Many(many) => many.iter().any(|one| one == audience),
        }
    }
}

fn refused() -> Error {
    InvalidToken.because("the access token is not valid here")
}

/// The access token of a request, if it is for this service, live and has the scope.
///
/// # Errors
/// `invalid_token`, always the same; `insufficient_scope` if it is only the scope that lacks.
pub async fn authorize(
    app: &Arc<App>,
    caller: &Caller,
    scope: &'static str,
) -> Result<AccessToken> {
    let token = match caller.authorization() {
        None => {
            return Err(InvalidToken
                .because("the request has no access token")
                .with(Detail::MissingAuthorizationHeader));
        }
        Some((scheme, token)) if scheme == "bearer" => token,
        Some(_) => {
            return Err(InvalidToken
                .because("the Authorization header is not Bearer")
                .with(Detail::InvalidAuthorizationHeader));
        }
    };
    let token = verify(app, token).await?;
    if !token.scope.has(scope) && !token.scope.has(EVERYTHING) {
        return Err(InsufficientScope
            .because("the access token lacks the scope")
            .with_scope(scope));
    }
    Ok(token)
}

/// The scope that implies every other of the admin API.
const EVERYTHING: &str = "mintmark:admin";

async fn verify(app: &Arc<App>, token: &str) -> Result<AccessToken> {
    let unverified = Unverified::parse(token).map_err(|_| refused())?;
    if unverified.typ() != TYPE {
        return Err(refused());
    }
    let key = key(app, unverified.kid()).await?.ok_or_else(refused)?;
    let token: AccessToken = unverified.verify(&key).map_err(|_| refused())?;
    let now = app.clock.now();
    let in_time =
        now.seconds() < token.exp && token.nbf <= (now + app.settings.keys.leeway).seconds();
    let for_us = token.iss == app.settings.issuer && token.aud.has(&app.settings.issuer);
    if in_time && for_us && still_stands(app, &token).await? { Ok(token) } else { Err(refused()) }
}

/// The key of that `kid`; another replica may have made it a moment ago.
async fn key(app: &Arc<App>, kid: &str) -> Result<Option<PublicJwk>> {
    let now = app.clock.now();
    if let Some(key) = app.keys.snapshot().verifier(kid, now) {
        return Ok(Some(key.clone()));
    }
    let reloading = Arc::clone(app);
    app.to_the_end(async move { reloading.keys.reload_for_unknown_kid().await }).await?;
    Ok(app.keys.snapshot().verifier(kid, now).cloned())
}

/// Whether the client is still registered, not another of the same name, and the session, if there is
/// one, still live.
async fn still_stands(app: &Arc<App>, token: &AccessToken) -> Result<bool> {
    let client = app.client(&token.client_id).await?;
    if client.is_none_or(|client| token.iat < client.created_at.seconds()) {
        return Ok(false);
    }
    let Some(id) = token.sid else { return Ok(true) };
    let store = app.store.clone();
    let session = app.to_the_end(async move { store.read().await?.session(id).await }).await?;
    Ok(session.is_some_and(|session| session.ended.is_none()))
}
