//! `POST /oauth/token` (RFC 6749 §3.2).
use super::extract::{Form, Origin};
use crate::{
    app::App,
    model::{SessionId, UserId},
    oauth::{Exchange, GrantType, Result, Tokens, authenticate, issue},
};
use actix_web::{HttpResponse, http::header, web::Data};
use serde::Serialize;
use tracing::{Span, field};

pub async fn token(
    app: Data<App>,
    Origin(caller): Origin,
    Form(params): Form,
) -> Result<HttpResponse> {
    let client = authenticate(&app, &caller, &params).await?;
    Span::current().record("client_id", field::display(&client.id));
    let grant_type = GrantType::parse(params.require("grant_type")?)?;
    Span::current().record("grant_type", grant_type.as_str());

    let (app, now) = (&app, app.clock.now());
    let exchange = Exchange { app, client: &client, params: &params, caller: &caller, now };
    let grant = grant_type.redeem(exchange).await?;
    Ok(answer(&issue(app, &client, grant, now).await?, None))
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
