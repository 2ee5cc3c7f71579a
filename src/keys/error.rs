//! Why keys cannot be used; it is for the operator and names the row.
use crate::{jose, store};

pub type Result<T, E = Error> = std::result::Result<T, E>;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error("no master key is configured; set master_key.file, or MINTMARK__MASTER_KEY__KEY_FILE")]
    NoMasterKey,
    #[error("the master key in {place} cannot be used: {cause}")]
    MasterKey { place: String, cause: String },
    /// A row that this version cannot use. Nothing was changed.
    #[error("key {line}/{number} (kid {kid}) cannot be used: {cause}; nothing was changed")]
    Row { line: String, number: i64, kid: String, cause: String },
    #[error(transparent)]
    Jose(#[from] jose::UnusableKey),
}
