//! `GET /.well-known/jwks.json` (RFC 7517 §5), for caches to keep (RFC 9111).
use super::{
    etag,
    extract::{address, user_agent},
};
use crate::app::App;
use actix_web::{
    HttpRequest, HttpResponse,
    http::{Method, header},
    web::Data,
};

pub async fn jwks(app: Data<App>, request: HttpRequest) -> HttpResponse {
    let now = app.clock.now();
    let jwks = app.keys.snapshot().jwks(now);
    let fresh = etag::is_fresh(&request, &jwks.etag);
    // An answer to HEAD holds no keys, and `If-None-Match: *` does not say which the caller has.
    if request.method() == Method::GET && (!fresh || etag::is_named(&request, &jwks.etag)) {
        app.fetchers.record(user_agent(&request), address(&request), &jwks.etag, now);
    }
    let mut response = if fresh { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response
        .insert_header((header::CACHE_CONTROL, app.keys.cache_control()))
        .insert_header((header::ETAG, jwks.etag.as_str()));
    if fresh {
        return response.finish();
    }
    response.content_type("application/json").body(jwks.body.clone())
}
