//! The signing algorithms.
use std::{fmt, str::FromStr};

macro_rules! algorithms {
    ($($(#[$doc:meta])* $variant:ident = $name:literal;)*) => {
        /// The one list of signing algorithms (RFC 7518 §3.1, RFC 8037 §3.1): settings and clients
        /// name them, and each that is switched on has a line of keys.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        pub enum Algorithm { $($(#[$doc])* #[serde(rename = $name)] $variant),* }

        impl Algorithm {
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }
        }
    };
}

algorithms! {
    /// RSASSA-PKCS1-v1_5 with SHA-256, keys of 2048 bits.
    Rs256 = "RS256";
    /// ECDSA with P-256 and SHA-256.
    Es256 = "ES256";
    /// RSASSA-PSS with SHA-256, MGF1 with SHA-256 and a salt of 32 bytes, keys of 2048 bits.
    Ps256 = "PS256";
    /// ECDSA with P-384 and SHA-384.
    Es384 = "ES384";
    /// `EdDSA` with Ed25519.
    EdDsa = "EdDSA";
}

#[derive(Debug, thiserror::Error)]
#[error("no such signing algorithm; there are {}", Algorithm::names())]
pub struct UnknownAlgorithm;

impl Algorithm {
    /// All of them, for messages.
    pub fn names() -> String {
        Self::ALL.iter().map(|alg| alg.as_str()).collect::<Vec<_>>().join(", ")
    }
}

impl FromStr for Algorithm {
    type Err = UnknownAlgorithm;
    fn from_str(name: &str) -> Result<Self, UnknownAlgorithm> {
        Self::ALL.iter().copied().find(|alg| alg.as_str() == name).ok_or(UnknownAlgorithm)
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
