//! `GET /.well-known/jwks.json` (RFC 7517 §5), for caches to keep (RFC 9111).
use crate::app::App;
use actix_web::{HttpRequest, HttpResponse, http::header, web::Data};

pub async fn jwks(app: Data<App>, request: HttpRequest) -> HttpResponse {
    let jwks = app.keys.snapshot().jwks(app.clock.now());
    let known = request.headers().get_all(header::IF_NONE_MATCH);
    let fresh = known.filter_map(|tags| tags.to_str().ok()).any(|tags| jwks.is_in(tags));
    let mut response = if fresh { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response
        .insert_header((header::CACHE_CONTROL, app.keys.cache_control()))
        .insert_header((header::ETAG, jwks.etag.as_str()));
    if fresh {
        return response.finish();
    }
    response.content_type("application/json").body(jwks.body.clone())
}
