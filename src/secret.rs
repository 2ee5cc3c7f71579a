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

/// The SHA-256 of a client secret: what the database keeps, in base64url. A fast hash is enough, as
/// the secret has 256 random bits; a password does not and is never one of these.
#[derive(Clone)]
pub struct SecretHash([u8; 32]);

impl SecretHash {
    pub fn of(presented: &str) -> Self {
        let digest = digest::digest(&digest::SHA256, presented.as_bytes());
        Self(digest.as_ref().try_into().expect("SHA-256 gives 32 bytes"))
    }

    /// Compares in time that does not depend on where they differ.
    pub fn matches(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Debug for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretHash(…)")
    }
}

impl fmt::Display for SecretHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

#[derive(Debug, thiserror::Error)]
#[error("this is no SHA-256 in base64url")]
pub struct InvalidHash;

impl std::str::FromStr for SecretHash {
    type Err = InvalidHash;
    fn from_str(text: &str) -> Result<Self, InvalidHash> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| InvalidHash)?;
        bytes.try_into().map(Self).map_err(|_| InvalidHash)
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
        assert!(hash.to_string().parse::<SecretHash>().unwrap().matches(&hash));
        assert!("short".parse::<SecretHash>().is_err());
    }
}
