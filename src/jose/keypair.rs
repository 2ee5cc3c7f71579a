//! Making key pairs and reading them back.
use super::{PublicJwk, Signer, jwk::Material};
use crate::model::Algorithm;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use josekit::{jwk::alg::rsa::RsaKeyPair, jws::RS256};
use ring::{
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use zeroize::Zeroizing;

/// A private key in PKCS#8 (RFC 5958) and its public half.
pub struct KeyPair {
    pub pkcs8: Zeroizing<Vec<u8>>,
    pub public: PublicJwk,
}

#[derive(Debug, thiserror::Error)]
#[error("the key cannot be used with {alg}: {cause}")]
pub struct UnusableKey {
    pub alg: Algorithm,
    pub cause: String,
}

impl UnusableKey {
    fn new(alg: Algorithm, cause: &impl std::fmt::Display) -> Self {
        Self { alg, cause: cause.to_string() }
    }
}

const RSA_BITS: u32 = 2048;

/// Makes a key pair. For RSA this takes a good part of a second of CPU: not for an async thread.
pub fn generate(alg: Algorithm) -> Result<KeyPair, UnusableKey> {
    match alg {
        Algorithm::Rs256 => {
            let pair = RsaKeyPair::generate(RSA_BITS).map_err(|e| UnusableKey::new(alg, &e))?;
            KeyPair::from_pkcs8(alg, Zeroizing::new(pair.to_der_private_key()))
        }
        Algorithm::Es256 => {
            let document = EcdsaKeyPair::generate_pkcs8(
                &ECDSA_P256_SHA256_FIXED_SIGNING,
                &SystemRandom::new(),
            );
            let document = document.map_err(|e| UnusableKey::new(alg, &e))?;
            KeyPair::from_pkcs8(alg, Zeroizing::new(document.as_ref().to_vec()))
        }
    }
}

impl KeyPair {
    /// Reads a private key and works out its public half.
    pub fn from_pkcs8(alg: Algorithm, pkcs8: Zeroizing<Vec<u8>>) -> Result<Self, UnusableKey> {
        let material = match alg {
            Algorithm::Rs256 => rsa_public(&pkcs8)?,
            Algorithm::Es256 => ec_public(&pkcs8)?,
        };
        Ok(Self { public: PublicJwk::new(alg, material), pkcs8 })
    }

    /// What signs with it; building it is work to be done once per key.
    pub fn signer(&self) -> Result<Signer, UnusableKey> {
        let alg = self.public.alg;
        let key = match alg {
            Algorithm::Rs256 => super::jws::Key::Rsa(Box::new(
                RS256.signer_from_der(&*self.pkcs8).map_err(|e| UnusableKey::new(alg, &e))?,
            )),
            Algorithm::Es256 => super::jws::Key::Ecdsa(Box::new(ecdsa(&self.pkcs8)?)),
        };
        Ok(Signer::new(alg, &self.public.kid, key))
    }
}

fn rsa_public(pkcs8: &[u8]) -> Result<Material, UnusableKey> {
    let alg = Algorithm::Rs256;
    let pair = RS256.key_pair_from_der(pkcs8).map_err(|e| UnusableKey::new(alg, &e))?;
    let jwk = pair.to_jwk_public_key();
    let member = |name| match jwk.parameter(name).and_then(|value| value.as_str()) {
        Some(value) => Ok(value.to_owned()),
        None => Err(UnusableKey::new(alg, &format_args!("no `{name}` in it"))),
    };
    Ok(Material::Rsa { n: member("n")?, e: member("e")? })
}

fn ec_public(pkcs8: &[u8]) -> Result<Material, UnusableKey> {
    let pair = ecdsa(pkcs8)?;
    // SEC 1 §2.3.3, uncompressed: 4, then x and y of 32 bytes each.
    let Some((x, y)) =
        pair.public_key().as_ref().strip_prefix(&[4]).and_then(|point| point.split_at_checked(32))
    else {
        return Err(UnusableKey::new(Algorithm::Es256, &"its public point is not uncompressed"));
    };
    let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
    Ok(Material::Ec { crv: "P-256".to_owned(), x, y })
}

fn ecdsa(pkcs8: &[u8]) -> Result<EcdsaKeyPair, UnusableKey> {
    EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, pkcs8, &SystemRandom::new())
        .map_err(|e| UnusableKey::new(Algorithm::Es256, &e))
}
