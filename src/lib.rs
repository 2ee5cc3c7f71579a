//! An OAuth 2.0 and OpenID Connect token service.
//!
//! A request goes down through the layers and comes back up, and no layer knows one above it:
//! [`http`] reads it, [`oauth`] and [`oidc`] decide it, [`session`] and [`keys`] know the rules of
//! refresh tokens and of signing keys, [`store`] keeps what must be kept, [`jose`] signs what is sent,
//! and all of them speak in the nouns of [`model`]. [`app`] wires the parts once; [`cli`] starts them.

#![warn(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
#![cfg_attr(
    test,
    allow(
        clippy::unwrap_used,
        clippy::panic,
        clippy::indexing_slicing,
        reason = "a test that panics has failed, which is what it is for"
    )
)]

pub mod app;
pub mod cli;
pub mod clock;
pub mod config;
pub mod http;
pub mod jose;
pub mod keys;
pub mod model;
pub mod oauth;
pub mod offload;
pub mod oidc;
pub mod password;
pub mod secret;
pub mod session;
pub mod store;
pub mod telemetry;
