//! Handles: opaque tokens that name a session and a generation and carry a MAC.
//!
//! ```text
//! prefix + base64url( version 1 | kind 1 | MAC key 2 | session 16 | generation 8 | HMAC-SHA-256 32 )
//! ```
//! A forged or mistyped handle is refused without a query, and the database needs to hold no token
//! and no hash of one.
use crate::{
    clock::Timestamp,
    keys::{MacKey, Snapshot},
    model::SessionId,
    secret::Secret,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::hmac;
use uuid::Uuid;

/// What a handle is for. Kinds never stand in for each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    RefreshToken,
}

impl Kind {
    /// By which people and leak scanners recognise it.
    const fn prefix(self) -> &'static str {
        match self {
            Self::RefreshToken => "mint_rt_",
        }
    }

    const fn byte(self) -> u8 {
        match self {
            Self::RefreshToken => 1,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Handle {
    pub kind: Kind,
    pub session_id: SessionId,
    pub generation: i64,
}

const VERSION: u8 = 1;
const BODY: usize = 1 + 1 + 2 + 16 + 8;
const MAC: usize = 32;

impl Handle {
    pub fn seal(&self, key: &MacKey) -> Secret {
        let mut bytes = Vec::with_capacity(BODY + MAC);
        bytes.extend([VERSION, self.kind.byte()]);
        bytes.extend(key.number.to_be_bytes());
        bytes.extend(self.session_id.0.as_bytes());
        bytes.extend(self.generation.to_be_bytes());
        let mac = hmac::sign(&key.key, &bytes);
        bytes.extend(mac.as_ref());
        Secret::new(self.kind.prefix().to_owned() + &URL_SAFE_NO_PAD.encode(bytes))
    }

    /// The handle in a text, if we made it, of this kind, with a key that is still in use.
    pub fn open(text: &str, kind: Kind, keys: &Snapshot, now: Timestamp) -> Option<Self> {
        Self::read(text, kind, keys, now).ok()
    }

    /// The same, and why not. Only those who administer the service may be told.
    pub fn read(text: &str, kind: Kind, keys: &Snapshot, now: Timestamp) -> Result<Self, NoHandle> {
        let bytes = decode(text, kind).ok_or(NoHandle::Malformed)?;
        let (body, mac) = bytes.split_at_checked(BODY).ok_or(NoHandle::Malformed)?;
        let (handle, number) = parse(body, kind).ok_or(NoHandle::Malformed)?;
        let key = keys.mac_key(number, now).ok_or(NoHandle::KeyGone)?;
        hmac::verify(key, body, mac).map_err(|_| NoHandle::Forged)?;
        Ok(handle)
    }
}

/// Why a text is no handle that counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoHandle {
    /// It does not look like one of this kind.
    Malformed,
    /// It names a key that is not in use.
    KeyGone,
    /// Its MAC is wrong.
    Forged,
}

fn decode(text: &str, kind: Kind) -> Option<[u8; BODY + MAC]> {
    let encoded = text.strip_prefix(kind.prefix())?;
    URL_SAFE_NO_PAD.decode(encoded).ok()?.try_into().ok()
}

/// The handle that a body names, and the number of the key that is to prove it.
fn parse(body: &[u8], kind: Kind) -> Option<(Handle, u16)> {
    let (&[version, kind_byte], rest) = body.split_first_chunk()?;
    let (&number, rest) = rest.split_first_chunk()?;
    let (&session_id, rest) = rest.split_first_chunk()?;
    let (&generation, _) = rest.split_first_chunk()?;
    if (version, kind_byte) != (VERSION, kind.byte()) {
        return None;
    }
    let session_id = SessionId(Uuid::from_bytes(session_id));
    let handle = Handle { kind, session_id, generation: i64::from_be_bytes(generation) };
    Some((handle, u16::from_be_bytes(number)))
}
