//! Black-box tests over HTTP, on SQLite and PostgreSQL.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed, which is what it is for")]

mod access_tokens;
mod admin_auth;
mod admin_claims;
mod admin_forgeries;
mod admin_sessions;
mod bodies;
mod client_auth;
mod compromised;
mod crashes;
mod database_away;
mod docs;
mod handles;
mod hang_ups;
mod jwks;
mod layers;
mod login;
mod login_refusals;
mod metadata;
mod processes;
mod quick_start;
mod refresh;
mod refresh_lifetimes;
mod refresh_races;
mod refresh_refusals;
mod replicas;
mod revoke;
mod rotation;
mod sealed_keys;
mod session_refresh;
mod support;
mod token_endpoint;
mod token_errors;
