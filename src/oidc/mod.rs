//! OpenID Connect.
mod discovery;

pub use discovery::metadata;
