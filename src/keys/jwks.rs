//! The key set as it is published (RFC 7517 §5).
use crate::{clock::Timestamp, jose::PublicJwk};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use ring::digest;
use serde::Serialize;

/// The bytes of one key set, with the strong `ETag` (RFC 9110 §8.8.3) that stands for them.
pub struct Jwks {
    pub body: Bytes,
    pub etag: String,
    /// When a key leaves and the set has to be built anew.
    pub until: Timestamp,
}

impl Jwks {
    pub(super) fn new<'a>(
        keys: impl Iterator<Item = &'a PublicJwk>,
        until: Option<Timestamp>,
    ) -> Self {
        #[derive(Serialize)]
        struct Set<'a> {
            keys: Vec<&'a PublicJwk>,
        }
        let set = serde_json::to_vec(&Set { keys: keys.collect() });
        let body = set.expect("public keys are JSON");
        let digest = digest::digest(&digest::SHA256, &body);
        let etag = format!("\"{}\"", URL_SAFE_NO_PAD.encode(digest));
        Self { body: body.into(), etag, until: until.unwrap_or(Timestamp(i64::MAX)) }
    }

    pub(super) fn empty() -> Self {
        Self::new(std::iter::empty(), None)
    }
}
