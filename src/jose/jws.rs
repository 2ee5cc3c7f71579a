//! Signing: compact JWS (RFC 7515 §7.1).
use super::{
    scheme::{BoxedSigner, Curve},
    wipe,
};
use crate::model::{Algorithm, TokenType};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::{
    rand::SystemRandom,
    signature::{EcdsaKeyPair, Ed25519KeyPair},
};
use serde::Serialize;

/// Signs with one key. Its headers are encoded once.
pub struct Signer {
    alg: Algorithm,
    kid: String,
    at_jwt_header: String,
    jwt_header: String,
    key: Key,
    random: SystemRandom,
}

pub(super) enum Key {
    Rsa(BoxedSigner),
    Ecdsa(Box<EcdsaKeyPair>, &'static Curve),
    Ed25519(Box<Ed25519KeyPair>),
}

#[derive(Debug, thiserror::Error)]
#[error("signing failed: {0}")]
pub struct SigningFailed(String);

impl Signer {
    pub(super) fn new(alg: Algorithm, kid: &str, key: Key) -> Self {
        Self {
            alg,
            kid: kid.to_owned(),
            at_jwt_header: header(TokenType::AtJwt.as_str(), alg, kid),
            jwt_header: header(TokenType::Jwt.as_str(), alg, kid),
            key,
            random: SystemRandom::new(),
        }
    }

    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// Whether a signature takes so long that an async thread should not make it.
    pub fn is_slow(&self) -> bool {
        matches!(self.key, Key::Rsa(_))
    }

    /// Signs the claims of a token as a compact JWS.
    ///
    /// # Errors
    /// If the claims are not JSON or the key refuses; neither depends on a caller.
    pub fn sign(&self, typ: TokenType, claims: &impl Serialize) -> Result<String, SigningFailed> {
        self.sign_as(typ.as_str(), claims)
    }

    /// The same under any `typ` (RFC 8725 §3.11).
    ///
    /// # Errors
    /// As [`sign`](Self::sign).
    pub fn sign_as(&self, typ: &str, claims: &impl Serialize) -> Result<String, SigningFailed> {
        let other;
        let header = if typ == TokenType::AtJwt.as_str() {
            &self.at_jwt_header
        } else if typ == TokenType::Jwt.as_str() {
            &self.jwt_header
        } else {
            other = header(typ, self.alg, &self.kid);
            &other
        };
        let payload = serde_json::to_vec(claims).map_err(|e| SigningFailed(e.to_string()))?;
        let mut jws = String::with_capacity(header.len() + payload.len() * 4 / 3 + 360);
        jws.push_str(header);
        jws.push('.');
        URL_SAFE_NO_PAD.encode_string(payload, &mut jws);
        let signature = match &self.key {
            Key::Rsa(key) => key.sign(jws.as_bytes()).map_err(|e| SigningFailed(e.to_string()))?,
            Key::Ecdsa(key, _) => key
                .sign(&self.random, jws.as_bytes())
                .map_err(|e| SigningFailed(e.to_string()))?
                .as_ref()
                .to_vec(),
            Key::Ed25519(key) => key.sign(jws.as_bytes()).as_ref().to_vec(),
        };
        jws.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut jws);
        Ok(jws)
    }
}

fn header(typ: &str, alg: Algorithm, kid: &str) -> String {
    let header = serde_json::json!({ "typ": typ, "alg": alg, "kid": kid });
    URL_SAFE_NO_PAD.encode(header.to_string())
}

impl Drop for Signer {
    fn drop(&mut self) {
        match &mut self.key {
            Key::Rsa(_) => {}
            Key::Ecdsa(key, curve) => wipe::ecdsa(key, curve),
            Key::Ed25519(key) => wipe::ed25519(key),
        }
    }
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Signer({})", self.alg)
    }
}
