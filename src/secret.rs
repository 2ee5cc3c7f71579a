//! Secrets in types that do not print, and the randomness they are made of.
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{
    digest,
    rand::{SecureRandom, SystemRandom},
};
use std::fmt;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// Bytes from the operating system's random number generator.
///
/// # Panics
/// If the operating system has no randomness to give: nothing safe can be done then.
pub fn random<const N: usize>() -> Zeroizing<[u8; N]> {
    let mut bytes = Zeroizing::new([0; N]);
    SystemRandom::new().fill(bytes.as_mut()).expect("the operating system gives randomness");
    bytes
}

/// A bearer secret in the clear. It has no `Display` and no `Serialize`: leaving the server takes
/// an explicit [`Secret::reveal`].
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// A client secret of 256 random bits. Scanners for leaked secrets can look for the prefix.
    pub fn generate_client_secret() -> Self {
        Self::new(format!("mint_cs_{}", URL_SAFE_NO_PAD.encode(random::<32>().as_ref())))
    }

    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// The SHA-256 of a client secret, in base64url: what the database keeps. A fast hash is enough, as
/// the secret has 256 random bits; a password does not and is never one of these.
#[derive(Clone)]
pub struct SecretHash(String);

impl SecretHash {
    pub fn of(presented: &str) -> Self {
        Self(URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, presented.as_bytes())))
    }

    /// Compares in time that does not depend on where they differ.
    pub fn matches(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretHash(…)")
    }
}

impl fmt::Display for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::str::FromStr for SecretHash {
    type Err = std::convert::Infallible;
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Ok(Self(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_print() {
        let secret = Secret::generate_client_secret();
        assert!(!format!("{secret:?}").contains(&secret.reveal()[8..]));
        assert!(secret.reveal().len() == "mint_cs_".len() + 43);
    }

    #[test]
    fn only_the_same_secret_matches() {
        let hash = SecretHash::of("right");
        assert!(hash.matches(&SecretHash::of("right")));
        assert!(!hash.matches(&SecretHash::of("wrong")));
    }
}
