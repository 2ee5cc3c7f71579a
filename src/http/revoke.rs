//! `POST /oauth/revoke` (RFC 7009).
use super::extract::{Form, Origin};
use crate::{
    app::App,
    oauth::{self, Result, authenticate},
};
use actix_web::{HttpResponse, http::header, web::Data};

pub async fn revoke(
    app: Data<App>,
    Origin(caller): Origin,
    Form(params): Form,
) -> Result<HttpResponse> {
    let client = authenticate(&app, &caller, &params).await?;
    oauth::revoke(&app, &client, &params, &caller).await?;
    Ok(HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).finish())
}
