//! Black-box tests over HTTP, on SQLite and PostgreSQL.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed, which is what it is for")]

mod admin_auth;
mod admin_claims;
mod admin_forgeries;
mod admin_sessions;
mod compromised;
mod crashes;
mod database_away;
mod docs;
mod hang_ups;
mod jwks;
mod layers;
mod metadata;
mod processes;
mod quick_start;
mod replicas;
mod rotation;
mod sealed_keys;
mod support;
