//! `GET /.well-known/openid-configuration` and `/.well-known/oauth-authorization-server`.
use crate::{app::App, config::Settings, oidc};
use actix_web::{
    HttpResponse,
    http::header,
    web::{Bytes, Data},
};

/// The document, made once.
pub struct Document(Bytes);

impl Document {
    pub fn new(settings: &Settings) -> Self {
        Self(oidc::metadata(settings).into())
    }
}

pub async fn metadata(app: Data<App>, document: Data<Document>) -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, app.keys.cache_control()))
        .content_type("application/json")
        .body(document.0.clone())
}

/// Where clients look: with the issuer's path, if it has one, appended (RFC 8414 §5, OpenID Connect
/// Discovery §4) and inserted (RFC 8414 §3.1).
pub fn paths(issuer_path: &str) -> Vec<String> {
    let mut paths = Vec::new();
    for name in ["openid-configuration", "oauth-authorization-server"] {
        paths.push(format!("/.well-known/{name}"));
        if !issuer_path.is_empty() {
            paths.push(format!("/.well-known/{name}{issuer_path}"));
        }
    }
    paths
}
