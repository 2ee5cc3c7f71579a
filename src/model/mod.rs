//! The nouns. They know no protocol step, no database and no HTTP.
mod algorithm;
mod client;
mod id;
mod page;
mod scope;
mod session;
mod status;
mod user;

pub use algorithm::Algorithm;
pub use client::{Client, ClientMetadata, ClientType, TokenType, UnusableClient};
pub use id::{ClientId, InvalidId, SessionId, UserId};
pub use page::Page;
pub use scope::{InvalidScope, Scope};
pub use session::{Device, EndReason, Ended, Session, SessionState};
pub use status::StatusIndex;
pub use user::{InvalidUsername, User, UserClaims, Username};
