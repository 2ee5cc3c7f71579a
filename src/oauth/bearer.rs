//! Bearer tokens at this service's own APIs (RFC 6750).
use super::{
    Caller,
    Code::{InsufficientScope, InvalidToken},
    Detail, Error, Result,
    access_token::{AccessToken, Age, Standing},
};
use crate::{app::App, model::TokenType};
use std::sync::Arc;

fn refused() -> Error {
    InvalidToken.because("the access token is not valid here")
}

/// The access token of a request, if it is for this service, live and has the scope.
///
/// # Errors
/// `invalid_token`, the same for all but an obsolete one; `insufficient_scope` if it is only the scope
/// that lacks.
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
    let token = verify(app, token, scope).await?;
    if !token.scope.has(scope) && !token.scope.has(EVERYTHING) {
        return Err(InsufficientScope
            .because("the access token lacks the scope")
            .with_scope(scope));
    }
    Ok(token)
}

/// The scope that implies every other of the admin API.
const EVERYTHING: &str = "mintmark:admin";

/// The scope of what may be read while nobody can say whether a token was revoked: it tells no secret,
/// and those who look after an outage need it.
const READABLE_WITHOUT_DATABASE: &str = "keys:read";

async fn verify(app: &Arc<App>, text: &str, scope: &str) -> Result<AccessToken> {
    let token = AccessToken::verify(app, text).await?.ok_or_else(refused)?;
    if token.typ != TokenType::AtJwt || !token.aud.has(&app.settings.issuer) {
        return Err(refused());
    }
    let age = if scope == READABLE_WITHOUT_DATABASE { Age::NowIfItCanBe } else { Age::Now };
    match token.standing(app, age).await? {
        Standing::Good(_) => Ok(token),
        Standing::Obsolete => Err(refused().with(Detail::TokenObsolete)),
        Standing::Over => Err(refused()),
    }
}
