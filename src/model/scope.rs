//! Scope (RFC 6749 §3.3).
use std::{collections::BTreeSet, fmt, str::FromStr};

/// A set of scope tokens, written in alphabetical order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Scope(BTreeSet<String>);

/// More tokens than anyone needs, and few enough to be cheap.
const MOST_TOKENS: usize = 100;

#[derive(Debug, thiserror::Error)]
#[error(
    "a scope has at most {MOST_TOKENS} tokens of visible ASCII characters other than \" and \\"
)]
pub struct InvalidScope;

impl Scope {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether every token of `other` is in this scope.
    pub fn covers(&self, other: &Self) -> bool {
        other.0.is_subset(&self.0)
    }

    pub fn has(&self, token: &str) -> bool {
        self.0.contains(token)
    }

    pub fn tokens(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl FromStr for Scope {
    type Err = InvalidScope;
    fn from_str(text: &str) -> Result<Self, InvalidScope> {
        let allowed = |byte: u8| matches!(byte, b'\x21' | b'\x23'..=b'\x5b' | b'\x5d'..=b'\x7e');
        let mut tokens = BTreeSet::new();
        for token in text.split(' ').filter(|token| !token.is_empty()) {
            if !token.bytes().all(allowed) {
                return Err(InvalidScope);
            }
            tokens.insert(token.to_owned());
            if tokens.len() > MOST_TOKENS {
                return Err(InvalidScope);
            }
        }
        Ok(Self(tokens))
    }
}

impl FromIterator<String> for Scope {
    fn from_iter<I: IntoIterator<Item = String>>(tokens: I) -> Self {
        Self(tokens.into_iter().collect())
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, token) in self.0.iter().enumerate() {
            if place > 0 {
                f.write_str(" ")?;
            }
            f.write_str(token)?;
        }
        Ok(())
    }
}

impl serde::Serialize for Scope {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for Scope {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn tokens_are_a_set() {
        let scope: Scope = "write read  read".parse().unwrap();
        assert_eq!(scope.to_string(), "read write");
        assert!(scope.covers(&"write".parse().unwrap()));
        assert!(!scope.covers(&"admin".parse().unwrap()));
    }

    #[test]
    fn characters_outside_the_grammar_are_refused() {
        for bad in ["a\"b", "a\\b", "a\tb", "ä", "a\u{7f}"] {
            assert!(bad.parse::<Scope>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_number_of_tokens_is_bounded() {
        let many: Vec<String> = (0..=MOST_TOKENS).map(|n| n.to_string()).collect();
        assert!(many.join(" ").parse::<Scope>().is_err());
        assert!("same ".repeat(5_000).parse::<Scope>().is_ok());
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(text in ".{0,80}") {
            if let Ok(scope) = text.parse::<Scope>() {
                prop_assert_eq!(scope.to_string().parse::<Scope>().unwrap(), scope);
            }
        }
    }
}
