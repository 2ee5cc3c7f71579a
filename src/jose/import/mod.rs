//! Reading private keys that other programs made: one PEM or one JWK.
mod jwk;
mod pem;
mod private;
mod refused;
#[cfg(test)]
mod tests;

pub use refused::ImportRefused;

use super::{KeyPair, jwk::Material, scheme::Scheme};
use crate::model::Algorithm;
use private::Private;
use ring::{
    rand::SystemRandom,
    signature::{RSA_PKCS1_SHA256, RsaKeyPair},
};

/// What was given: a private key, and what is said of it.
struct Given {
    private: Private,
    /// The public half beside it, if there is one.
    public: Option<Material>,
    alg: Option<Algorithm>,
}

/// Reads a private key in a PEM (PKCS#8, PKCS#1 or SEC 1, not encrypted) or a JWK (RFC 7517,
/// RFC 8037). The `kid` of a JWK is not kept: ours is the thumbprint. For RSA this takes some
/// milliseconds of CPU.
///
/// The algorithm is the one asked for, or that of the JWK, or the only one that the key fits.
///
/// # Errors
/// If there is not exactly one private key that is sound and fits an algorithm.
pub fn read_private_key(text: &str, asked: Option<Algorithm>) -> Result<KeyPair, ImportRefused> {
    let text = text.trim();
    let given = if text.starts_with('{') { jwk::read(text)? } else { pem::read(text)? };
    let alg = choose(&given, asked)?;
    let pkcs8 = given.private.to_pkcs8(Scheme::of(alg))?;
    if matches!(given.private, Private::Rsa(_)) && !rsa_is_sound(&pkcs8) {
        return Err(ImportRefused::Unsound);
    }
    let pair = KeyPair::from_pkcs8(alg, pkcs8).map_err(|_| ImportRefused::Unsound)?;
    let public_fits = given.public.is_none_or(|public| public == pair.public.material);
    if public_fits { Ok(pair) } else { Err(ImportRefused::Unsound) }
}

fn choose(given: &Given, asked: Option<Algorithm>) -> Result<Algorithm, ImportRefused> {
    let fits: Vec<_> = given.private.algorithms().collect();
    let named = match (asked, given.alg) {
        (Some(asked), Some(jwk)) if asked != jwk => {
            return Err(ImportRefused::AlgorithmsDiffer { jwk, asked });
        }
        (asked, jwk) => asked.or(jwk),
    };
    match (named, fits.as_slice()) {
        (Some(alg), _) if fits.contains(&alg) => Ok(alg),
        (Some(alg), _) => Err(ImportRefused::AlgorithmUnfit { alg, fits }),
        (None, [only]) => Ok(*only),
        (None, _) => Err(ImportRefused::AlgorithmMissing(fits)),
    }
}

/// Whether the numbers belong together. OpenSSL would not notice as long as some of them will do. ring
/// does, on reading and on signing, but for `d`, which neither uses beside the primes.
fn rsa_is_sound(pkcs8: &[u8]) -> bool {
    let Ok(pair) = RsaKeyPair::from_pkcs8(pkcs8) else { return false };
    let mut signature = vec![0; pair.public().modulus_len()];
    pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), b"probe", &mut signature).is_ok()
}
