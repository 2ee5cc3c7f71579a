//! `POST /oauth/token` (RFC 6749 §3.2).
use super::extract::{Form, Origin};
use crate::{
    app::App,
    model::{SessionId, UserId},
    oauth::{Exchange, Grant, GrantType, Result, Tokens, authenticate, issue},
};
use actix_web::{HttpResponse, http::header, web::Data};
use serde::Serialize;

pub async fn token(
    app: Data<App>,
    Origin(caller): Origin,
    Form(params): Form,
) -> Result<HttpResponse> {
    let client = authenticate(&app, &caller, &params).await?;
    let (app, now) = (&app, app.clock.now());
    let exchange = Exchange { app, client: &client, params: &params, caller: &caller, now };
    let grant = redeem(exchange).await.map_err(|error| error.of_client(&client.id))?;
    Ok(answer(&issue(app, &client, grant, now).await?, None))
}

async fn redeem(exchange: Exchange<'_>) -> Result<Grant> {
    GrantType::parse(exchange.params.require("grant_type")?)?.redeem(exchange).await
}

/// RFC 6749 §5.1.
#[derive(Serialize)]
struct Body<'a> {
    access_token: &'a str,
    token_type: &'static str,
    expires_in: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<&'a str>,
    #[serde(skip_serializing_if = "str::is_empty")]
    scope: &'a str,
    #[serde(flatten)]
    session: Option<SessionMembers>,
}

/// What the first-party API tells beside.
#[derive(Serialize)]
pub struct SessionMembers {
    pub sub: UserId,
    pub iat: i64,
    pub exp: i64,
    pub sid: SessionId,
}

pub fn answer(tokens: &Tokens, session: Option<SessionMembers>) -> HttpResponse {
    HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(Body {
        access_token: tokens.access_token.reveal(),
        token_type: "Bearer",
        expires_in: tokens.expires_in,
        refresh_token: tokens.refresh_token.as_ref().map(crate::secret::Secret::reveal),
        scope: &tokens.scope,
        session,
    })
}
