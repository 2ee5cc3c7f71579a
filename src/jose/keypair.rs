//! Making key pairs and reading them back.
use super::{
    PublicJwk, Signer,
    jwk::{ED25519, Material},
    jws,
    scheme::{Curve, Scheme},
    wipe,
};
use crate::model::Algorithm;
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use josekit::jwk::{KeyPair as _, alg::rsa::RsaKeyPair};
use ring::{
    rand::SystemRandom,
    signature::{EcdsaKeyPair, Ed25519KeyPair, KeyPair as _},
};
use std::fmt::Display;
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
    /// For `map_err`.
    fn with<E: Display>(alg: Algorithm) -> impl Fn(E) -> Self {
        move |cause| Self { alg, cause: cause.to_string() }
    }
}

const RSA_BITS: u32 = 2048;

/// Makes a key pair. For RSA this takes a good part of a second of CPU: not for an async thread.
pub fn generate(alg: Algorithm) -> Result<KeyPair, UnusableKey> {
    KeyPair::from_pkcs8(alg, wipe::after(|| generate_pkcs8(alg))?)
}

fn generate_pkcs8(alg: Algorithm) -> Result<Zeroizing<Vec<u8>>, UnusableKey> {
    let random = SystemRandom::new();
    let pkcs8 = match Scheme::of(alg) {
        Scheme::Rsa(_) => {
            let pair = RsaKeyPair::generate(RSA_BITS).map_err(UnusableKey::with(alg))?;
            // Its DER would be put together in buffers that are not overwritten.
            let pem = Zeroizing::new(pair.to_pem_private_key());
            return contents(&pem).map_err(UnusableKey::with(alg));
        }
        Scheme::Ecdsa(curve) => {
            let document = EcdsaKeyPair::generate_pkcs8(curve.signing, &random);
            document.map_err(UnusableKey::with(alg))?.as_ref().to_vec()
        }
        Scheme::Ed25519 => {
            let document = Ed25519KeyPair::generate_pkcs8(&random);
            document.map_err(UnusableKey::with(alg))?.as_ref().to_vec()
        }
    };
    Ok(Zeroizing::new(pkcs8))
}

/// What is between the first and the last line of a PEM (RFC 7468).
fn contents(pem: &[u8]) -> Result<Zeroizing<Vec<u8>>, base64::DecodeError> {
    let lines = pem.split(|&byte| byte == b'\n').filter(|line| !line.starts_with(b"-----"));
    let mut text = Zeroizing::new(Vec::with_capacity(pem.len()));
    lines.for_each(|line| text.extend_from_slice(line));
    STANDARD.decode(&*text).map(Zeroizing::new)
}

impl KeyPair {
    /// Reads a private key and works out its public half.
    pub fn from_pkcs8(alg: Algorithm, pkcs8: Zeroizing<Vec<u8>>) -> Result<Self, UnusableKey> {
        let material = wipe::after(|| match Scheme::of(alg) {
            Scheme::Rsa(_) => rsa_public(alg, &pkcs8),
            Scheme::Ecdsa(curve) => ec_public(alg, curve, &pkcs8),
            Scheme::Ed25519 => {
                let x = URL_SAFE_NO_PAD.encode(ed25519(alg, &pkcs8)?.public_key());
                Ok(Material::Okp { crv: ED25519.to_owned(), x })
            }
        })?;
        Ok(Self { public: PublicJwk::new(alg, material), pkcs8 })
    }

    /// What signs with it; building it is work to be done once per key.
    pub fn signer(&self) -> Result<Signer, UnusableKey> {
        let alg = self.public.alg;
        let key = wipe::after(|| {
            Ok(match Scheme::of(alg) {
                Scheme::Rsa(rsa) => {
                    jws::Key::Rsa((rsa.signer)(&self.pkcs8).map_err(UnusableKey::with(alg))?)
                }
                Scheme::Ecdsa(curve) => {
                    jws::Key::Ecdsa(Box::new(ecdsa(alg, curve, &self.pkcs8)?), curve)
                }
                Scheme::Ed25519 => jws::Key::Ed25519(Box::new(ed25519(alg, &self.pkcs8)?)),
            })
        })?;
        Ok(Signer::new(alg, &self.public.kid, key))
    }
}

fn rsa_public(alg: Algorithm, pkcs8: &[u8]) -> Result<Material, UnusableKey> {
    let pair = RsaKeyPair::from_der(pkcs8).map_err(UnusableKey::with(alg))?;
    let jwk = pair.to_jwk_public_key();
    let member = |name| match jwk.parameter(name).and_then(|value| value.as_str()) {
        Some(value) => Ok(value.to_owned()),
        None => Err(UnusableKey { alg, cause: format!("no `{name}` in it") }),
    };
    Ok(Material::Rsa { n: member("n")?, e: member("e")? })
}

fn ec_public(alg: Algorithm, curve: &Curve, pkcs8: &[u8]) -> Result<Material, UnusableKey> {
    let pair = ecdsa(alg, curve, pkcs8)?;
    // SEC 1 §2.3.3, uncompressed: 4, then x and y.
    let point = pair.public_key().as_ref().strip_prefix(&[4]);
    let Some((x, y)) = point.and_then(|point| point.split_at_checked(curve.size)) else {
        let cause = "its public point is not uncompressed".to_owned();
        return Err(UnusableKey { alg, cause });
    };
    let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
    Ok(Material::Ec { crv: curve.crv.to_owned(), x, y })
}

fn ecdsa(alg: Algorithm, curve: &Curve, pkcs8: &[u8]) -> Result<EcdsaKeyPair, UnusableKey> {
    EcdsaKeyPair::from_pkcs8(curve.signing, pkcs8, &SystemRandom::new())
        .map_err(UnusableKey::with(alg))
}

/// Also reads documents of version 1, which are what other programs make. They have no public half
/// that the private one could contradict.
fn ed25519(alg: Algorithm, pkcs8: &[u8]) -> Result<Ed25519KeyPair, UnusableKey> {
    Ed25519KeyPair::from_pkcs8_maybe_unchecked(pkcs8).map_err(UnusableKey::with(alg))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_read_for_its_own_family_only() {
        use Algorithm::{EdDsa, Es256, Es384, Ps256, Rs256};
        for (alg, others) in [
            (Rs256, &[Es256, Es384, EdDsa][..]),
            (Es256, &[Rs256, Ps256, Es384, EdDsa]),
            (Es384, &[Rs256, Ps256, Es256, EdDsa]),
            (EdDsa, &[Rs256, Ps256, Es256, Es384]),
        ] {
            let pkcs8 = generate(alg).unwrap().pkcs8;
            for &other in others {
                let read = KeyPair::from_pkcs8(other, pkcs8.clone());
                assert_eq!(read.err().map(|error| error.alg), Some(other), "{alg} as {other}");
            }
        }
    }

    #[test]
    fn a_generated_key_has_the_size_of_its_algorithm() {
        for (alg, bytes) in [(Algorithm::Rs256, 256), (Algorithm::Ps256, 256)] {
            let Material::Rsa { n, .. } = generate(alg).unwrap().public.material else {
                panic!("{alg} has an RSA key");
            };
            assert_eq!(URL_SAFE_NO_PAD.decode(n).unwrap().len(), bytes, "{alg}");
        }
        for (alg, curve, bytes) in
            [(Algorithm::Es256, "P-256", 32), (Algorithm::Es384, "P-384", 48)]
        {
            let Material::Ec { crv, x, y } = generate(alg).unwrap().public.material else {
                panic!("{alg} has a key on a curve");
            };
            assert_eq!(crv, curve);
            for coordinate in [x, y] {
                assert_eq!(URL_SAFE_NO_PAD.decode(coordinate).unwrap().len(), bytes, "{alg}");
            }
        }
    }
}
