use super::{Server, part_of};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256,
    RSA_PSS_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm,
};
use serde_json::Value;

/// Somebody who verifies tokens with a copy of the JWKS, and nothing else of this service.
#[derive(Debug)]
pub struct ResourceServer {
    keys: Vec<Value>,
}

impl ResourceServer {
    /// With the JWKS as it is now.
    pub async fn fetch(server: &Server) -> Self {
        Self::with(&server.get("/.well-known/jwks.json").await.expect(200).json)
    }

    pub fn with(jwks: &Value) -> Self {
        Self { keys: jwks["keys"].as_array().unwrap().clone() }
    }

    pub fn kids(&self) -> Vec<&str> {
        self.keys.iter().map(|key| key["kid"].as_str().unwrap()).collect()
    }

    /// Whether a key of the copy signed the token, with its own algorithm.
    pub fn accepts(&self, token: &str) -> bool {
        let header = part_of(token, 0);
        let Some(key) = self.keys.iter().find(|key| key["kid"] == header["kid"]) else {
            return false;
        };
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
        let member = |name: &str| URL_SAFE_NO_PAD.decode(key[name].as_str().unwrap()).unwrap();
        if header["alg"] != key["alg"] {
            return false;
        }
        let rsa = |how| {
            let key = RsaPublicKeyComponents { n: member("n"), e: member("e") };
            key.verify(how, signed.as_bytes(), &signature)
        };
        let other = |how: &'static dyn VerificationAlgorithm, key| {
            UnparsedPublicKey::new(how, key).verify(signed.as_bytes(), &signature)
        };
        let point = || [&[4], &*member("x"), &*member("y")].concat();
        let text = |name: &str| key[name].as_str().unwrap_or_default();
        let verified = match (text("alg"), text("kty"), text("crv")) {
            ("RS256", "RSA", "") => rsa(&RSA_PKCS1_2048_8192_SHA256),
            ("PS256", "RSA", "") => rsa(&RSA_PSS_2048_8192_SHA256),
            ("ES256", "EC", "P-256") => other(&ECDSA_P256_SHA256_FIXED, point()),
            ("ES384", "EC", "P-384") => other(&ECDSA_P384_SHA384_FIXED, point()),
            ("EdDSA", "OKP", "Ed25519") => other(&ED25519, member("x")),
            unknown => panic!("no resource server knows a key of {unknown:?}"),
        };
        verified.is_ok()
    }
}
