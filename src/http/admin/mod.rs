//! The admin API. Every handler takes an [`Admin`](super::extract::Admin) of the scope it needs.
pub mod import;
pub mod keys;
pub mod rotate;
pub mod sessions;
