//! The metadata document (RFC 8414 §2, OpenID Connect Discovery 1.0 §3): exactly what works.
use crate::{config::Settings, model::Algorithm, oauth::GrantType};
use serde::Serialize;

#[derive(Debug, Serialize)]
struct Metadata<'a> {
    issuer: &'a str,
    token_endpoint: String,
    revocation_endpoint: String,
    introspection_endpoint: String,
    jwks_uri: String,
    grant_types_supported: Vec<&'static str>,
    /// There is no authorization endpoint, so no response type either.
    response_types_supported: [&'static str; 0],
    token_endpoint_auth_methods_supported: [&'static str; 3],
    revocation_endpoint_auth_methods_supported: [&'static str; 3],
    /// A public client proves nothing, so it is told nothing.
    introspection_endpoint_auth_methods_supported: [&'static str; 2],
    /// RFC 9701 §7.
    introspection_signing_alg_values_supported: &'a [Algorithm],
    subject_types_supported: [&'static str; 1],
    service_documentation: String,
    /// Both default to true where they are absent.
    request_parameter_supported: bool,
    request_uri_parameter_supported: bool,
}

const AUTH_METHODS: [&str; 3] = ["client_secret_basic", "client_secret_post", "none"];
const SECRET_METHODS: [&str; 2] = ["client_secret_basic", "client_secret_post"];

/// The document, as JSON. The same one serves both specifications.
pub fn metadata(settings: &Settings) -> Vec<u8> {
    let issuer = settings.issuer.as_str();
    let metadata = Metadata {
        issuer,
        token_endpoint: format!("{issuer}/oauth/token"),
        revocation_endpoint: format!("{issuer}/oauth/revoke"),
        introspection_endpoint: format!("{issuer}/oauth/introspect"),
        jwks_uri: format!("{issuer}/.well-known/jwks.json"),
        grant_types_supported: GrantType::ALL.iter().map(|grant| grant.as_str()).collect(),
        response_types_supported: [],
        token_endpoint_auth_methods_supported: AUTH_METHODS,
        revocation_endpoint_auth_methods_supported: AUTH_METHODS,
        introspection_endpoint_auth_methods_supported: SECRET_METHODS,
        introspection_signing_alg_values_supported: &settings.keys.algorithms,
        subject_types_supported: ["public"],
        service_documentation: format!("{issuer}/help/errors"),
        request_parameter_supported: false,
        request_uri_parameter_supported: false,
    };
    serde_json::to_vec(&metadata).expect("metadata is JSON")
}
