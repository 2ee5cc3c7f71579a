//! `POST /oauth/introspect` (RFC 7662), in JSON or as a JWT (RFC 9701).
use super::{
    accept::prefers,
    extract::{Form, Origin},
};
use crate::{
    app::App,
    oauth::{self, Result, authenticate},
};
use actix_web::{HttpRequest, HttpResponse, http::header, web::Data};

const JWT: &str = "application/token-introspection+jwt";

pub async fn introspect(
    app: Data<App>,
    request: HttpRequest,
    Origin(caller): Origin,
    Form(params): Form,
) -> Result<HttpResponse> {
    let client = authenticate(&app, &caller, &params).await?;
    let answer = oauth::introspect(&app, &client, &params).await;
    let answer = answer.map_err(|error| error.of_client(&client.id))?;
    let mut response = HttpResponse::Ok();
    response.insert_header((header::CACHE_CONTROL, "no-store"));
    if !prefers(&request, JWT) {
        return Ok(response.json(answer));
    }
    let jwt = oauth::signed(&app, &client, &answer).await?;
    Ok(response.content_type(JWT).body(jwt))
}
