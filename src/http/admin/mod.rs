//! The admin API. Every handler takes an [`Admin`](super::extract::Admin) of the scope it needs.
pub mod audit;
pub mod import;
pub mod keys;
mod query;
pub mod rotate;
pub mod sessions;
