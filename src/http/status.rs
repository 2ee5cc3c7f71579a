//! `GET /oauth/status/{list}`: token status lists (draft-ietf-oauth-status-list §8.1 and §8.2).
use super::etag;
use crate::{
    app::App,
    oauth::{
        self,
        Code::{InvalidRequest, NotFound},
        Result,
    },
};
use actix_web::{
    HttpRequest, HttpResponse,
    http::header,
    web::{Data, Path},
};

pub async fn list(
    app: Data<App>,
    number: Path<String>,
    request: HttpRequest,
) -> Result<HttpResponse> {
    if request.query_string().split('&').any(|pair| pair.starts_with("time=")) {
        return Err(InvalidRequest.because("lists of the past are not kept").with_status(501));
    }
    let found = match number.parse() {
        Ok(number) => oauth::status_list(&app, number).await?,
        Err(_) => None,
    };
    let list = found.ok_or_else(|| NotFound.because("there is no such status list"))?;
    let fresh = etag::is_fresh(&request, &list.etag);
    let mut response = if fresh { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    // How long a copy may be kept is the list's own `ttl`. What a cache on the way kept would come on
    // top of that, so it has to ask each time.
    response
        .insert_header((header::CACHE_CONTROL, "no-cache"))
        .insert_header((header::ETAG, list.etag.as_str()));
    if fresh {
        return Ok(response.finish());
    }
    Ok(response.content_type("application/statuslist+jwt").body(list.jwt.clone()))
}
