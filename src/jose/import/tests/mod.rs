//! With keys that josekit makes as the tests run.
mod read;
mod refused;

use crate::model::Algorithm::{self, EdDsa, Es256, Es384, Ps256, Rs256};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use josekit::jwk::{
    KeyPair as _,
    alg::{
        ec::{EcCurve, EcKeyPair},
        ed::{EdCurve, EdKeyPair},
        rsa::RsaKeyPair,
    },
};
use serde_json::{Value, json};

/// One foreign key, in every form.
struct Foreign {
    jwk: Value,
    pkcs8: String,
    /// The older PEM of its kind.
    traditional: Option<String>,
    fits: &'static [Algorithm],
}

impl Foreign {
    fn new(pair: &dyn josekit::jwk::KeyPair, fits: &'static [Algorithm]) -> Self {
        let jwk = Value::Object(pair.to_jwk_key_pair().into());
        Self { jwk, pkcs8: text(pair.to_pem_private_key()), traditional: None, fits }
    }

    fn rsa() -> Self {
        let pair = RsaKeyPair::generate(2048).unwrap();
        let traditional = Some(text(pair.to_traditional_pem_private_key()));
        Self { traditional, ..Self::new(&pair, &[Rs256, Ps256]) }
    }

    fn ec(curve: EcCurve, fits: &'static [Algorithm]) -> Self {
        let pair = EcKeyPair::generate(curve).unwrap();
        let traditional = Some(text(pair.to_traditional_pem_private_key()));
        Self { traditional, ..Self::new(&pair, fits) }
    }

    fn p256() -> Self {
        Self::ec(EcCurve::P256, &[Es256])
    }

    fn ed25519() -> Self {
        Self::new(&EdKeyPair::generate(EdCurve::Ed25519).unwrap(), &[EdDsa])
    }

    fn each() -> [Self; 4] {
        [Self::rsa(), Self::p256(), Self::ec(EcCurve::P384, &[Es384]), Self::ed25519()]
    }

    /// The JWK with a member changed, or without it if the value is null.
    fn jwk_with(&self, name: &str, value: impl Into<Value>) -> String {
        let (mut jwk, value) = (self.jwk.clone(), value.into());
        if value.is_null() {
            jwk.as_object_mut().unwrap().remove(name).unwrap();
        } else {
            jwk[name] = value;
        }
        jwk.to_string()
    }

    /// The bytes of a number in the JWK.
    fn number(&self, name: &str) -> Vec<u8> {
        URL_SAFE_NO_PAD.decode(self.jwk[name].as_str().unwrap()).unwrap()
    }

    fn public(&self) -> Value {
        let mut jwk = self.jwk.clone();
        let members = jwk.as_object_mut().unwrap();
        members.retain(|name, _| ["kty", "crv", "n", "e", "x", "y"].contains(&name.as_str()));
        json!(members)
    }
}

fn text(pem: Vec<u8>) -> String {
    String::from_utf8(pem).unwrap()
}

fn pem(label: &str, der: &[u8]) -> String {
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", STANDARD.encode(der))
}

fn number(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
