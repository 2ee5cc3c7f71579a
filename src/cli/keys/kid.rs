//! Names of keys that are shorter than they are.
use crate::keys::KeyView;

/// How many characters of a kid are enough.
const SHORTEST: usize = 8;

/// How many characters tell these keys apart.
pub fn telling_length(keys: &[KeyView]) -> usize {
    let mut kids: Vec<_> = keys.iter().map(|key| key.kid.as_str()).collect();
    kids.sort_unstable();
    let common = |pair: &[&str]| match pair {
        [one, other] => one.chars().zip(other.chars()).take_while(|(a, b)| a == b).count(),
        _ => 0,
    };
    kids.windows(2).map(|pair| common(pair) + 1).max().unwrap_or(0).max(SHORTEST)
}

/// The key that a whole kid names, or its beginning if no other key begins so.
///
/// # Errors
/// With what to do instead.
pub fn named<'a>(keys: &'a [KeyView], name: &str) -> anyhow::Result<&'a KeyView> {
    let begins =
        |key: &&KeyView| key.kid == name || name.len() >= SHORTEST && key.kid.starts_with(name);
    let mut found = keys.iter().filter(begins);
    match (found.next(), found.next()) {
        (Some(key), None) => Ok(key),
        (Some(_), Some(_)) => {
            anyhow::bail!("more than one kid begins with {name}; give more of it")
        }
        (None, _) => anyhow::bail!(
            "no key has the kid {name}; `mintmark keys list` shows those there are, and its first \
             {SHORTEST} characters are enough"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{clock::Timestamp, keys::timeline::State, store::Origin};

    fn keys(kids: &[&str]) -> Vec<KeyView> {
        let key = |kid: &&str| KeyView {
            kid: (*kid).to_owned(),
            alg: "ES256",
            number: 1,
            state: State::Active,
            published_at: Timestamp(0),
            activates_at: Timestamp(0),
            superseded_at: None,
            unpublished_at: None,
            revoked_at: None,
            origin: Origin::Generated,
        };
        kids.iter().map(key).collect()
    }

    #[test]
    fn a_kid_is_shown_as_far_as_it_takes() {
        assert_eq!(telling_length(&[]), 8);
        assert_eq!(telling_length(&keys(&["abcdefghij", "bcdefghijk"])), 8);
        assert_eq!(telling_length(&keys(&["abcdefghij", "x", "abcdefghik"])), 10);
    }

    #[test]
    fn a_key_is_named_by_its_kid_or_the_beginning_if_it_is_the_only_one() {
        let keys = keys(&["abcdefghij", "abcdefghik", "qrstuvwxyz", "short"]);
        let found = |name| named(&keys, name).map(|key| key.kid.as_str());
        assert_eq!(found("abcdefghik").unwrap(), "abcdefghik");
        assert_eq!(found("qrstuvwx").unwrap(), "qrstuvwxyz");
        assert_eq!(found("short").unwrap(), "short");
        assert!(found("abcdefghi").unwrap_err().to_string().contains("more than one"));
        for nothing in ["", "qrstuvw", "rstuvwxyz"] {
            assert!(found(nothing).unwrap_err().to_string().contains("keys list"), "{nothing}");
        }
    }
}
