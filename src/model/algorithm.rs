//! The signing algorithms.
use std::{fmt, str::FromStr};

macro_rules! algorithms {
    ($($(#[$doc:meta])* $variant:ident = $name:literal;)*) => {
        /// The one list of signing algorithms (RFC 7518 §3.1): settings and clients name them,
        /// metadata publishes them, and each has a line of keys.
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
}

#[derive(Debug, thiserror::Error)]
#[error("no such signing algorithm; there are RS256 and ES256")]
pub struct UnknownAlgorithm;

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
