//! Public keys as JWKs (RFC 7517), put together from an allow-list of members.
use crate::model::Algorithm;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::digest;
use serde::{Deserialize, Serialize};

/// A public signing key. There is no member for a private part, so none can be published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicJwk {
    #[serde(flatten)]
    pub material: Material,
    #[serde(rename = "use")]
    pub usage: Usage,
    pub alg: Algorithm,
    pub kid: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Usage {
    Sig,
}

/// The members that make the key (RFC 7518 §6, RFC 8037 §2), in unpadded base64url.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kty")]
pub enum Material {
    #[serde(rename = "RSA")]
    Rsa { n: String, e: String },
    #[serde(rename = "EC")]
    Ec { crv: String, x: String, y: String },
    #[serde(rename = "OKP")]
    Okp { crv: String, x: String },
}

/// The one curve of `EdDSA` here (RFC 8037 §3.1).
pub(super) const ED25519: &str = "Ed25519";

impl PublicJwk {
    /// The `kid` is the key's thumbprint.
    pub fn new(alg: Algorithm, material: Material) -> Self {
        let kid = material.thumbprint();
        Self { material, usage: Usage::Sig, alg, kid }
    }
}

impl Material {
    /// RFC 7638, for OKP with RFC 8037 §2: SHA-256 over the required members in alphabetical order,
    /// in base64url. The values are base64url and curve names, so nothing in them needs escaping.
    fn thumbprint(&self) -> String {
        let canonical = match self {
            Self::Rsa { n, e } => format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#),
            Self::Ec { crv, x, y } => {
                format!(r#"{{"crv":"{crv}","kty":"EC","x":"{x}","y":"{y}"}}"#)
            }
            Self::Okp { crv, x } => format!(r#"{{"crv":"{crv}","kty":"OKP","x":"{x}"}}"#),
        };
        URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, canonical.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 7638 §3.1.
    #[test]
    fn the_thumbprint_is_that_of_the_rfc() {
        let n = concat!(
            "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_",
            "BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_",
            "FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI",
            "4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
        );
        let jwk = PublicJwk::new(Algorithm::Rs256, Material::Rsa { n: n.into(), e: "AQAB".into() });
        assert_eq!(jwk.kid, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    }
    /// The example of RFC 8037 A.2 and A.3.
    #[test]
    fn the_thumbprint_of_an_octet_key_pair_is_that_of_the_rfc() {
        let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo".to_owned();
        let jwk = PublicJwk::new(Algorithm::EdDsa, Material::Okp { crv: ED25519.into(), x });
        assert_eq!(jwk.kid, "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    }
}
