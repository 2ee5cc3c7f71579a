//! Token introspection (RFC 7662), also with signed answers (RFC 9701).
use super::{
    Code::InvalidClient,
    Error, Params, Result,
    access_token::{AccessToken, Age, Standing},
    sign::sign,
};
use crate::{
    app::App,
    clock::Timestamp,
    model::{Algorithm, Client, ClientId, Scope, SessionId, UserId, Username},
    session::{
        Policy, TokenRef,
        handle::{Handle, Kind},
    },
};
use serde::Serialize;
use std::sync::Arc;

/// What is told of a token. Of one that is not valid, or that the asking client has nothing to do with,
/// nothing else is told (RFC 7662 §2.2).
#[derive(Debug, Serialize)]
pub struct Introspection {
    active: bool,
    #[serde(flatten)]
    token: Option<Token>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Token {
    Access {
        token_type: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        username: Option<Username>,
        #[serde(flatten)]
        claims: Box<AccessToken>,
    },
    Refresh {
        iss: String,
        sub: UserId,
        client_id: ClientId,
        #[serde(skip_serializing_if = "Scope::is_empty")]
        scope: Scope,
        /// The sooner of the ends of its idle and its absolute lifetime.
        exp: i64,
        /// When the chain last moved.
        iat: i64,
        sid: SessionId,
        username: Username,
    },
}

/// Tells a client of its own token, or of an access token for a resource server that it is. It changes
/// nothing but that an access token of a later refresh makes earlier ones obsolete, if its client wants
/// that; it never counts as the use of a refresh token.
///
/// # Errors
/// `invalid_client` for a public client; [`Error::Unavailable`] if the database cannot be read.
pub async fn introspect(app: &Arc<App>, client: &Client, params: &Params) -> Result<Introspection> {
    if client.is_public() {
        return Err(InvalidClient.because("a public client cannot prove who it is"));
    }
    let (token, now) = (params.require("token")?, app.clock.now());
    // What a token is shows by itself, so `token_type_hint` is not needed (RFC 7662 §2.1).
    let handle = Handle::open(token, Kind::RefreshToken, &app.keys.snapshot(), now);
    let known = match handle {
        Some(handle) => refresh_token(app, client, handle, now).await,
        None => access_token(app, client, token).await,
    };
    let token = known.map_err(unreadable)?;
    Ok(Introspection { active: token.is_some(), token })
}

/// Whatever kept the database from being read: it must not look like the end of all tokens.
fn unreadable(error: Error) -> Error {
    match error {
        Error::Internal(cause) => {
            tracing::error!(%cause, "a token could not be introspected");
            Error::Unavailable(cause)
        }
        Error::Rejected(_) | Error::Unavailable(_) => error,
    }
}

async fn access_token(app: &Arc<App>, client: &Client, text: &str) -> Result<Option<Token>> {
    let Some(token) = AccessToken::verify(app, text).await? else { return Ok(None) };
    let own = token.client_id == client.id;
    let meant = client.metadata.introspects.iter().any(|audience| token.aud.has(audience));
    if !own && !meant {
        return Ok(None);
    }
    Ok(match token.standing(app, Age::Recent).await? {
        Standing::Good(username) => {
            Some(Token::Access { token_type: "Bearer", username, claims: Box::new(token) })
        }
        Standing::Obsolete | Standing::Over => None,
    })
}

/// A token that was used is not active, even while a retry of it would be honoured.
async fn refresh_token(
    app: &Arc<App>,
    client: &Client,
    handle: Handle,
    now: Timestamp,
) -> Result<Option<Token>> {
    let token = TokenRef { session_id: Some(handle.session_id), jti: None };
    let Some(standing) = app.recent_standing(token).await? else { return Ok(None) };
    let Some(session) = &standing.session else { return Ok(None) };
    let idle_lifetime = Policy::of(client, &app.settings.sessions).idle_lifetime;
    let own = session.client_id == client.id;
    let spent = handle.generation < session.generation;
    if !own || spent || !session.is_live(idle_lifetime, now) {
        return Ok(None);
    }
    Ok(Some(Token::Refresh {
        iss: app.settings.issuer.clone(),
        sub: session.user_id,
        client_id: client.id.clone(),
        scope: session.scope.clone(),
        exp: session.ends_at(idle_lifetime).seconds(),
        iat: session.last_used_at.seconds(),
        sid: handle.session_id,
        username: session.username.clone(),
    }))
}

/// RFC 9701 §5. It has neither `sub` nor `exp`, so that it cannot pass for an access token.
#[derive(Serialize)]
struct SignedAnswer<'a> {
    iss: &'a str,
    aud: &'a ClientId,
    iat: i64,
    token_introspection: &'a Introspection,
}

/// The answer as a JWT for the client that asked (RFC 9701 §5).
///
/// # Errors
/// Only [`Error::Internal`] and [`Error::Unavailable`].
pub async fn signed(app: &App, client: &Client, answer: &Introspection) -> Result<String> {
    let now = app.clock.now();
    let alg = client.metadata.introspection_signed_response_alg.unwrap_or(Algorithm::Rs256);
    let claims = SignedAnswer {
        iss: &app.settings.issuer,
        aud: &client.id,
        iat: now.seconds(),
        token_introspection: answer,
    };
    sign(app, alg, "token-introspection+jwt", &claims, now).await
}
