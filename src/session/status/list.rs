//! What a status list looks like (draft-ietf-oauth-status-list §4 and §5.1).
use crate::{
    clock::Timestamp,
    jose::{Signer, SigningFailed},
    model::StatusIndex,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use flate2::{Compression, write::ZlibEncoder};
use ring::digest;
use serde::Serialize;
use std::{io::Write, time::Duration};

/// A list as it was signed, with the strong `ETag` (RFC 9110 §8.8.3) that stands for it.
#[derive(Debug)]
pub struct StatusList {
    pub jwt: Bytes,
    pub etag: String,
    /// Whose bits are 1.
    pub(super) ended: Vec<StatusIndex>,
    pub(super) kid: String,
    pub(super) issued_at: Timestamp,
}

/// What a list is to say.
#[derive(Debug, Clone)]
pub struct Contents {
    /// Where it is published.
    pub uri: String,
    pub issuer: String,
    /// Whose bits are 1.
    pub ended: Vec<StatusIndex>,
    pub now: Timestamp,
    pub lifetime: Duration,
    pub ttl: Duration,
}

const TYPE: &str = "statuslist+jwt";

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    sub: &'a str,
    iat: i64,
    exp: i64,
    ttl: u64,
    status_list: Bits,
}

#[derive(Serialize)]
struct Bits {
    bits: u8,
    lst: String,
}

impl Contents {
    /// # Errors
    /// If the key refuses, which depends on no caller.
    pub fn sign(self, signer: &Signer) -> Result<StatusList, SigningFailed> {
        let Self { ended, now, .. } = self;
        let claims = Claims {
            iss: &self.issuer,
            sub: &self.uri,
            iat: now.seconds(),
            exp: (now + self.lifetime).seconds(),
            ttl: self.ttl.as_secs(),
            status_list: Bits {
                bits: 1,
                lst: encode(&bits(ended.iter().map(|index| index.bit()), StatusIndex::PER_LIST)),
            },
        };
        let jwt = signer.sign_as(TYPE, &claims)?;
        let digest = digest::digest(&digest::SHA256, jwt.as_bytes());
        let etag = format!("\"{}\"", URL_SAFE_NO_PAD.encode(digest));
        let kid = signer.kid().to_owned();
        Ok(StatusList { jwt: jwt.into(), etag, ended, kid, issued_at: now })
    }
}

impl StatusList {
    /// Whether it would be the same again, but for its times.
    pub fn says(&self, ended: &[StatusIndex], signer: &Signer) -> bool {
        self.ended == ended && self.kid == signer.kid()
    }

    /// Whether it stays valid for at least half of its lifetime.
    pub fn is_young(&self, lifetime: Duration, now: Timestamp) -> bool {
        now < self.issued_at + lifetime / 2
    }
}

/// One bit for each place, the least significant of a byte first.
fn bits(set: impl Iterator<Item = i64>, length: i64) -> Vec<u8> {
    let mut bytes = vec![0; usize::try_from(length / 8).unwrap_or(0)];
    for place in set {
        if let Some(byte) = usize::try_from(place / 8).ok().and_then(|byte| bytes.get_mut(byte)) {
            *byte |= 1 << (place % 8);
        }
    }
    bytes
}

/// Compressed as much as it can be.
fn encode(bits: &[u8]) -> String {
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::best());
    zlib.write_all(bits).expect("memory takes all of it");
    URL_SAFE_NO_PAD.encode(zlib.finish().expect("memory takes all of it"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of §4.1 and §4.2.
    #[test]
    fn the_bits_lie_and_are_encoded_as_in_the_draft() {
        let statuses = [1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1];
        let set = (0..16).zip(statuses).filter(|(_, status)| *status == 1);
        let bytes = bits(set.map(|(place, _)| place), 16);
        assert_eq!(bytes, [0xb9, 0xa3]);
        assert_eq!(encode(&bytes), "eNrbuRgAAhcBXQ");
    }

    #[test]
    fn a_list_has_its_full_length_and_is_small() {
        let none = bits(std::iter::empty(), StatusIndex::PER_LIST);
        assert_eq!(none.len(), 128 * 1024);
        assert!(encode(&none).len() < 256);
        let last = StatusIndex(StatusIndex::PER_LIST - 1).bit();
        assert_eq!(bits(std::iter::once(last), StatusIndex::PER_LIST).last(), Some(&0x80));
        let few = bits((0..300).map(|place| place * 3_491), StatusIndex::PER_LIST);
        assert!(encode(&few).len() < 2_000, "{}", encode(&few).len());
    }

    #[test]
    fn the_lists_follow_each_other() {
        let (last, first) = (StatusIndex(StatusIndex::PER_LIST - 1), StatusIndex::first_of(2));
        assert_eq!((last.list(), first.list(), first.bit()), (1, 2, 0));
        assert_eq!(first.0, last.0 + 1);
        let blocks = StatusIndex::PER_LIST / StatusIndex::PER_BLOCK;
        assert_eq!(StatusIndex::new(blocks, 0), first);
    }
}
