//! The `jti` of access tokens.
use crate::{model::SessionId, secret::random};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

const SESSION: usize = 16;
const GENERATION: usize = 8;
const RANDOM: usize = 16;

/// Session and generation with a random part, so that what they mean can be looked up without a
/// table of issued tokens; random only where there is no session.
pub fn new(of: Option<(SessionId, i64)>) -> String {
    let random = random::<RANDOM>();
    let Some((session, generation)) = of else { return URL_SAFE_NO_PAD.encode(random.as_ref()) };
    let (session, generation) = (session.0.as_bytes(), generation.to_be_bytes());
    URL_SAFE_NO_PAD.encode([session, generation.as_slice(), random.as_ref()].concat())
}

/// The generation in the `jti` of a session's token.
pub fn generation(jti: &str) -> Option<i64> {
    let bytes: [u8; SESSION + GENERATION + RANDOM] =
        URL_SAFE_NO_PAD.decode(jti).ok()?.try_into().ok()?;
    let (_, rest) = bytes.split_at_checked(SESSION)?;
    Some(i64::from_be_bytes(*rest.first_chunk()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;

    #[test]
    fn the_generation_is_read_back() {
        for written in [0, 1, 77, i64::MAX] {
            let of = Some((SessionId::new(Timestamp(0)), written));
            assert_eq!(generation(&new(of)), Some(written));
        }
        for none in [new(None), "1".to_owned(), String::new()] {
            assert_eq!(generation(&none), None);
        }
    }
}
