//! What handlers take as arguments, named by what it proves.
mod admin;
mod caller;
mod params;

pub use admin::{Admin, KeysRead, KeysRotate, SessionsRead, SessionsRevoke};
pub use caller::Origin;
pub use params::{Form, FormOrJson, Json};
