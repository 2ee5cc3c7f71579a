//! The only place that knows HTTP. The whole URL map is `routes` in this file.
mod accept;
mod admin;
mod cors;
mod error;
mod etag;
mod extract;
mod finish;
mod health;
mod help;
mod introspect;
mod jwks;
mod metadata;
mod revoke;
mod server;
mod session;
mod status;
mod token;
mod trace;
mod unread;

pub use server::serve;

use crate::oauth::{Code, Error};
use actix_web::{
    Handler, Resource, Responder, guard,
    web::{self, ServiceConfig},
};
use std::future::{Ready, ready};

/// Every path of the service. `metadata` are the paths of the metadata documents, which depend on
/// whether the issuer has a path of its own.
fn routes(service: &mut ServiceConfig, metadata_paths: &[String]) {
    for path in metadata_paths {
        service.service(cors::open(get(path, metadata::metadata)));
    }
    service
        .service(cors::open(get("/.well-known/jwks.json", jwks::jwks)))
        .service(cors::open(post("/oauth/token", token::token)))
        .service(cors::open(post("/oauth/revoke", revoke::revoke)))
        .service(post("/oauth/introspect", introspect::introspect))
        .service(cors::open(get("/oauth/status/{list}", status::list)))
        .service(post("/session/login", session::login::login))
        .service(post("/session/refresh", session::refresh::refresh))
        .service(get("/admin/v1/keys", admin::keys::list))
        .service(post("/admin/v1/keys/rotate", admin::rotate::rotate))
        .service(post("/admin/v1/keys/import", admin::import::import))
        .service(
            web::resource("/admin/v1/sessions")
                .route(web::get().to(admin::sessions::list))
                .route(web::delete().to(admin::sessions::end_many))
                .default_service(web::to(|| not_allowed("GET, DELETE"))),
        )
        .service(post("/admin/v1/sessions/why", admin::sessions::why))
        .service(
            web::resource("/admin/v1/sessions/{id}")
                .route(web::delete().to(admin::sessions::end))
                .default_service(web::to(|| not_allowed("DELETE"))),
        )
        .service(get("/admin/v1/audit", admin::audit::list))
        .service(get("/help/errors", help::index))
        .service(get("/help/errors/{code}", help::page))
        .service(get("/health/live", health::live))
        .service(get("/health/ready", health::ready))
        .default_service(web::to(not_found));
}

fn post<F, Args>(path: &str, handler: F) -> Resource
where
    F: Handler<Args>,
    Args: actix_web::FromRequest + 'static,
    F::Output: Responder + 'static,
{
    web::resource(path)
        .route(web::post().to(handler))
        .default_service(web::to(|| not_allowed("POST")))
}

fn get<F, Args>(path: &str, handler: F) -> Resource
where
    F: Handler<Args>,
    Args: actix_web::FromRequest + 'static,
    F::Output: Responder + 'static,
{
    let readable = guard::Any(guard::Get()).or(guard::Head());
    web::resource(path)
        .route(web::route().guard(readable).to(handler))
        .default_service(web::to(|| not_allowed("GET, HEAD")))
}

fn not_allowed(methods: &'static str) -> Ready<Result<&'static str, Error>> {
    let error = Code::MethodNotAllowed.because("the method is not allowed here");
    ready(Err(error.with_allow(methods)))
}

fn not_found() -> Ready<Result<&'static str, Error>> {
    ready(Err(Code::NotFound.because("there is nothing under this path")))
}
