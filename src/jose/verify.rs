//! Verifying our own tokens: one key, one algorithm, both chosen by us (RFC 8725 §3.1).
use super::{PublicJwk, jwk::Material, scheme::Scheme};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use ring::signature::{ED25519, RsaPublicKeyComponents, UnparsedPublicKey};
use serde::{Deserialize, de::DeserializeOwned};

/// A token is a few hundred bytes; what is much longer is not one of ours.
const LONGEST: usize = 8 * 1024;

/// A compact JWS whose header has been read and whose signature has not been checked.
pub struct Unverified<'a> {
    header: Header,
    signed: &'a str,
    payload: &'a str,
    signature: &'a str,
}

/// The header members we write, and no others: a `crit`, `jwk`, `jku` or a member that comes twice
/// makes the token unreadable. `typ` is read as text, as what it says matters to the caller.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    typ: String,
    alg: String,
    kid: String,
}

/// Why a token is none of ours. Callers are not told which.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    #[error("this is no compact JWS with the header members that this service writes")]
    Malformed,
    #[error("the signature is not that of the named key")]
    Signature,
}

impl<'a> Unverified<'a> {
    pub fn parse(token: &'a str) -> Result<Self, Refused> {
        let mut parts = token.splitn(4, '.');
        let (Some(header), Some(payload), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(Refused::Malformed);
        };
        if token.len() > LONGEST {
            return Err(Refused::Malformed);
        }
        let signed = token.get(..header.len() + 1 + payload.len()).ok_or(Refused::Malformed)?;
        Ok(Self { header: json(header)?, signed, payload, signature })
    }

    pub fn kid(&self) -> &str {
        &self.header.kid
    }

    pub fn typ(&self) -> &str {
        &self.header.typ
    }

    /// The claims, if the key signed them with its own algorithm. A claim that comes twice makes a
    /// struct of claims unreadable.
    pub fn verify<C: DeserializeOwned>(&self, key: &PublicJwk) -> Result<C, Refused> {
        if self.header.alg != key.alg.as_str() || self.header.kid != key.kid {
            return Err(Refused::Signature);
        }
        let signature = decode(self.signature)?;
        let message = self.signed.as_bytes();
        let verified = match (Scheme::of(key.alg), &key.material) {
            (Scheme::Rsa(rsa), Material::Rsa { n, e }) => {
                RsaPublicKeyComponents { n: decode(n)?, e: decode(e)? }.verify(
                    rsa.verification,
                    message,
                    &signature,
                )
            }
            (Scheme::Ecdsa(curve), Material::Ec { x, y, .. }) => {
                let point = [&[4], &*decode(x)?, &*decode(y)?].concat();
                UnparsedPublicKey::new(curve.verification, point).verify(message, &signature)
            }
            (Scheme::Ed25519, Material::Okp { x, .. }) => {
                UnparsedPublicKey::new(&ED25519, decode(x)?).verify(message, &signature)
            }
            (Scheme::Rsa(_) | Scheme::Ecdsa(_) | Scheme::Ed25519, _) => {
                return Err(Refused::Signature);
            }
        };
        verified.map_err(|_| Refused::Signature)?;
        json(self.payload)
    }
}

fn decode(text: &str) -> Result<Vec<u8>, Refused> {
    URL_SAFE_NO_PAD.decode(text).map_err(|_| Refused::Malformed)
}

/// A JSON object (RFC 7515 §4, RFC 7519 §7.2); serde would read a struct from a list as well.
fn json<T: DeserializeOwned>(part: &str) -> Result<T, Refused> {
    let text = decode(part)?;
    if !text.trim_ascii_start().starts_with(b"{") {
        return Err(Refused::Malformed);
    }
    serde_json::from_slice(&text).map_err(|_| Refused::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        jose::{KeyPair, Signer, generate, jws},
        model::{Algorithm, TokenType},
    };
    use proptest::prelude::*;

    #[derive(Debug, PartialEq, serde::Serialize, Deserialize)]
    struct Claims {
        sub: String,
    }

    fn claims() -> Claims {
        Claims { sub: "alice".into() }
    }

    #[test]
    fn every_algorithm_verifies_what_it_signed() {
        for &alg in Algorithm::ALL {
            let (pair, other) = (generate(alg).unwrap(), generate(alg).unwrap());
            let token = pair.signer().unwrap().sign(TokenType::AtJwt, &claims()).unwrap();
            let unverified = Unverified::parse(&token).unwrap();
            assert_eq!(unverified.kid(), pair.public.kid);
            assert_eq!(unverified.typ(), "at+jwt");
            assert_eq!(unverified.verify::<Claims>(&pair.public), Ok(claims()));
            let impostor = PublicJwk { kid: pair.public.kid.clone(), ..other.public };
            assert_eq!(unverified.verify::<Claims>(&impostor), Err(Refused::Signature));
        }
    }

    /// One RSA key would serve for both, which is what its `alg` is there to prevent.
    #[test]
    fn a_token_of_an_rsa_key_is_refused_under_its_other_algorithm() {
        let (pkcs1, pss) = (Algorithm::Rs256, Algorithm::Ps256);
        for (alg, other) in [(pkcs1, pss), (pss, pkcs1)] {
            let pair = generate(alg).unwrap();
            let Scheme::Rsa(rsa) = Scheme::of(alg) else { panic!("{alg} is not RSA") };
            // What is signed as `alg` and says that it is `other`.
            let key = jws::Key::Rsa((rsa.signer)(&pair.pkcs8).unwrap());
            let relabelled = Signer::new(other, &pair.public.kid, key);
            let relabelled = relabelled.sign(TokenType::Jwt, &claims()).unwrap();
            let token = pair.signer().unwrap().sign(TokenType::Jwt, &claims()).unwrap();
            // The same key in the line of the other algorithm.
            let twin = KeyPair::from_pkcs8(other, pair.pkcs8).unwrap();
            for (token, key) in
                [(&relabelled, &pair.public), (&relabelled, &twin.public), (&token, &twin.public)]
            {
                let verified = Unverified::parse(token).unwrap().verify::<Claims>(key);
                assert_eq!(verified, Err(Refused::Signature), "{alg} as {other}");
            }
            let token = twin.signer().unwrap().sign(TokenType::Jwt, &claims()).unwrap();
            let verified = Unverified::parse(&token).unwrap().verify::<Claims>(&twin.public);
            assert_eq!(verified, Ok(claims()));
        }
    }

    #[test]
    fn headers_that_we_do_not_write_are_refused() {
        for header in [
            r#"{"typ":"JWT","alg":"none"}"#,
            r#"{"typ":"JWT","alg":"ES256","alg":"none","kid":"k"}"#,
            r#"{"typ":"JWT","alg":"ES256","kid":"k","crit":["exp"]}"#,
            r#"{"typ":"JWT","alg":"ES256","kid":"k","jku":"http://127.0.0.1/"}"#,
            r#"{"typ":"JWT","alg":"ES256","kid":["k"]}"#,
        ] {
            let token = format!("{}.e30.", URL_SAFE_NO_PAD.encode(header));
            assert_eq!(Unverified::parse(&token).err(), Some(Refused::Malformed), "{header}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "[A-Za-z0-9._-]{0,200}") {
            let _ = Unverified::parse(&text);
        }

        #[test]
        fn a_changed_byte_never_verifies(place in 0_usize..10_000, to in 1_u8..=255) {
            let pair = generate(Algorithm::Es256).unwrap();
            let token = pair.signer().unwrap().sign(TokenType::Jwt, &claims()).unwrap();
            let mut bytes = token.into_bytes();
            let place = place % bytes.len();
            bytes[place] ^= to;
            if let Ok(text) = String::from_utf8(bytes) {
                let outcome = Unverified::parse(&text).and_then(|t| t.verify::<Claims>(&pair.public));
                prop_assert!(outcome.is_err());
            }
        }
    }
}
