//! What a pasted text is, as far as it can be proved.
use super::Status;
use crate::{
    clock::Timestamp,
    jose::Unverified,
    keys::Snapshot,
    model::SessionId,
    session::{
        handle::{self, Handle, NoHandle},
        token_id,
    },
};
use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    RefreshToken,
    AccessToken,
}

/// A token that is ours.
pub(super) struct Pasted {
    pub kind: Kind,
    /// With the generation of the refresh token; none for a client's token for itself.
    pub session: Option<(SessionId, i64)>,
    /// Of an access token.
    pub expires_at: Option<Timestamp>,
    /// Of an access token.
    pub jti: Option<String>,
}

/// The claims of an access token that matter here.
#[derive(Deserialize)]
struct Claims {
    jti: String,
    exp: i64,
    sid: Option<SessionId>,
}

/// # Errors
/// [`Status::Unreadable`], [`Status::Forged`] or [`Status::KeyGone`].
pub(super) fn read(text: &str, keys: &Snapshot, now: Timestamp) -> Result<Pasted, Status> {
    match Handle::read(text, handle::Kind::RefreshToken, keys, now) {
        Ok(handle) => Ok(Pasted {
            kind: Kind::RefreshToken,
            session: Some((handle.session_id, handle.generation)),
            expires_at: None,
            jti: None,
        }),
        Err(NoHandle::Forged) => Err(Status::Forged),
        Err(NoHandle::KeyGone) => Err(Status::KeyGone),
        Err(NoHandle::Malformed) => read_access_token(text, keys),
    }
}

/// It may have expired long ago, and its key may have left the JWKS since; but a key that was revoked
/// proves nothing.
fn read_access_token(text: &str, keys: &Snapshot) -> Result<Pasted, Status> {
    let unverified = Unverified::parse(text).map_err(|_| Status::Unreadable)?;
    let key = keys.key(unverified.kid()).filter(|key| key.instants.revoked_at.is_none());
    let public = key.and_then(|key| key.public.as_ref()).ok_or(Status::KeyGone)?;
    let claims: Claims = unverified.verify(public).map_err(|_| Status::Forged)?;
    let session = match claims.sid {
        None => None,
        Some(sid) => Some((sid, token_id::generation(&claims.jti).ok_or(Status::Unreadable)?)),
    };
    Ok(Pasted {
        kind: Kind::AccessToken,
        session,
        expires_at: Some(Timestamp(claims.exp.saturating_mul(1000))),
        jti: Some(claims.jti),
    })
}
