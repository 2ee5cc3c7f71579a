//! Black-box tests over HTTP, on SQLite and PostgreSQL.
#![allow(clippy::unwrap_used, reason = "a test that panics has failed, which is what it is for")]

mod compromised;
mod docs;
mod jwks;
mod layers;
mod metadata;
mod quick_start;
mod replicas;
mod rotation;
mod sealed_keys;
mod support;
