//! Signing what the service says, with the key of the moment.
use super::{Error, Result};
use crate::{app::App, clock::Timestamp, model::Algorithm};
use serde::Serialize;
use std::sync::Arc;

/// A compact JWS with that `typ`. If no line signs with the algorithm, one of the others does.
///
/// # Errors
/// Only [`Error::Internal`] and [`Error::Unavailable`]; neither depends on what a caller sent.
pub async fn sign(
    app: &App,
    alg: Algorithm,
    typ: &'static str,
    claims: &impl Serialize,
    now: Timestamp,
) -> Result<String> {
    let signer = app.keys.snapshot().signer(alg, now).ok_or_else(no_key)?;
    let jws = if signer.is_slow() {
        // Claims without borrows can go to another thread.
        let claims = serde_json::value::to_raw_value(claims).map_err(Error::internal)?;
        let signer = Arc::clone(&signer);
        app.signing.run(move || signer.sign_as(typ, &claims)).await?
    } else {
        signer.sign_as(typ, claims)
    };
    jws.map_err(Error::internal)
}

#[derive(Debug, thiserror::Error)]
#[error("no key of the algorithm is active")]
struct NoKey;

pub fn no_key() -> Error {
    Error::internal(NoKey)
}
