//! Sessions and their chains of refresh tokens: one row per device, a counter and a MAC.
//!
//! [`chain`] decides what the use of a token means, as a pure function; [`Use`] and [`start`] do
//! it to the database; [`handle`] is what a token looks like. [`Recent`] remembers how tokens stand,
//! [`status`] has the lists by which others learn that a session has ended, and [`admin`] shows and ends
//! sessions.
pub mod admin;
pub mod chain;
pub mod handle;
mod policy;
mod pruning;
mod recent;
mod refresh;
mod standing;
mod start;
pub mod status;
pub mod token_id;

pub use policy::{Policy, Retry};
pub use pruning::Pruning;
pub use recent::{Recent, TokenRef};
pub use refresh::{Live, Use};
pub use standing::Pair;
pub use start::start;
