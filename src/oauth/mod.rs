//! The protocol: what a request must bring, what must be true, what it earns.
mod access_token;
pub mod bearer;
mod caller;
mod client_auth;
mod codes;
mod error;
pub mod grant;
mod introspect;
mod issue;
mod login;
mod params;
mod revoke;
mod sign;
mod status;

pub use caller::Caller;
pub use client_auth::authenticate;
pub use codes::{Code, Detail};
pub use error::{Error, Rejection, Result};
pub use grant::{Exchange, Grant, GrantType};
pub use introspect::{Introspection, introspect, signed};
pub use issue::{Tokens, issue};
pub use login::{Login, login};
pub use params::Params;
pub use revoke::revoke;
pub use status::status_list;
