//! What handlers take as arguments, named by what it proves.
mod admin;
mod caller;
mod params;

pub use admin::{Admin, AuditRead, KeysImport, KeysRead, KeysRotate, SessionsRead, SessionsRevoke};
pub use caller::{Origin, address, user_agent};
pub use params::{Form, FormOrJson, Json};
