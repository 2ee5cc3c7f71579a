//! The first-party session API: for an organisation's own apps, which collect the password
//! themselves. A thin face on the same sessions as the OAuth endpoints.
pub mod login;
pub mod refresh;

use super::token::{SessionMembers, answer};
use crate::{
    app::App,
    model::Client,
    oauth::{Caller, Code, Detail, Error, Grant, Params, Rejection, Result, authenticate, issue},
};
use actix_web::HttpResponse;
use std::sync::Arc;

/// The client that the request names and proves to be, or else the configured first-party client.
async fn client(app: &App, caller: &Caller, params: &Params) -> Result<Arc<Client>> {
    if params.get("client_id").is_some() {
        return authenticate(app, caller, params).await.map_err(unknown_client);
    }
    let not_configured =
        || Code::InvalidRequest.because("client_id is missing").with(Detail::NotConfigured);
    let id = app.settings.session_api.first_party_client.as_ref().ok_or_else(not_configured)?;
    // A client with a secret has to show it, so it has to be named.
    app.client(id).await?.filter(|client| client.is_public()).ok_or_else(not_configured)
}

fn unknown_client(error: Error) -> Error {
    match &error {
        Error::Rejected(Rejection { code: Code::InvalidClient, .. }) => {
            error.with(Detail::UnknownClient)
        }
        Error::Rejected(_) | Error::Unavailable(_) | Error::Internal(_) => error,
    }
}

/// The token response, with what an app would otherwise read from the access token.
async fn respond(app: &App, client: &Client, grant: Grant) -> Result<HttpResponse> {
    let user_id = grant.user.as_ref().map(|user| user.user_id);
    let tokens = issue(app, client, grant, app.clock.now()).await?;
    let session = user_id.zip(tokens.session_id).map(|(sub, sid)| SessionMembers {
        sub,
        iat: tokens.issued_at.seconds(),
        exp: tokens.expires_at(),
        sid,
    });
    Ok(answer(&tokens, session))
}

/// A refused credential is 401 here, as no OAuth client library stands in between.
fn unauthorized(error: Error) -> Error {
    match &error {
        Error::Rejected(Rejection { code: Code::InvalidGrant, .. }) => error.with_status(401),
        Error::Rejected(_) | Error::Unavailable(_) | Error::Internal(_) => error,
    }
}
