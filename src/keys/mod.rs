//! The signing keys and the keys of refresh tokens: when each of them is used, how they lie at rest,
//! how they rotate, and what of them is published.
//!
//! Replicas need no leader. A new key is an insert of (line, number) that only one of them can win,
//! and every replica computes the same state from the same rows and the clock ([`timeline`]).
mod answers;
mod compromise;
mod error;
mod fetchers;
mod import;
mod jwks;
mod key;
mod line;
mod making;
mod master;
mod readiness;
mod rekey;
mod ring;
mod rotation;
mod sealing;
mod snapshot;
pub mod timeline;
mod upkeep;
mod view;

pub use answers::{Answer, KeyList, KnownKey, Mode, Planned, ReadyKey, Report, Rotated};
pub use compromise::{Compromise, Impact};
pub use error::{Error, Result};
pub use fetchers::Fetchers;
pub use import::{Import, Imported, NotImported};
pub use jwks::Jwks;
pub use key::{Key, MacKey};
pub use line::Line;
pub use master::MasterKeys;
pub use readiness::{Readers, Readiness};
pub use rekey::Rekeyed;
pub use ring::KeyRing;
pub use rotation::TooManyKeys;
pub use snapshot::Snapshot;
pub use view::{KeyView, PlannedKey, Schedule};
