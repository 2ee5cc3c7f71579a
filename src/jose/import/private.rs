//! A private key in the terms of its kind.
use super::ImportRefused;
use crate::{
    jose::{
        der::{
            BIT_STRING, INTEGER, OCTET_STRING, Reader, SEQUENCE, element, integer,
            without_leading_zeros,
        },
        scheme::{Curve, Scheme},
    },
    model::Algorithm,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use josekit::jwk::{KeyPair as _, alg::ec::EcKeyPair};
use zeroize::Zeroizing;

type Bytes = Zeroizing<Vec<u8>>;

pub(super) enum Private {
    /// An `RSAPrivateKey` in DER (RFC 8017 A.1.2).
    Rsa(Bytes),
    Ec {
        curve: &'static Curve,
        d: Bytes,
    },
    /// The seed (RFC 8032 §5.1.5).
    Ed25519(Bytes),
}

/// Of the modulus, in bits: what OpenSSL and ring both sign with.
const RSA_SIZES: [usize; 3] = [2048, 3072, 4096];

impl Private {
    /// # Errors
    /// If it is none, or not of a size that is supported. Whether its numbers belong together is not
    /// looked at.
    pub fn rsa(pkcs1: &[u8]) -> Result<Self, ImportRefused> {
        let mut numbers = Reader::new(pkcs1).within(SEQUENCE).ok_or(ImportRefused::DamagedPem)?;
        match numbers.take(INTEGER) {
            Some([0]) => {}
            Some([1]) => return Err(ImportRefused::MultiPrime),
            _ => return Err(ImportRefused::DamagedPem),
        }
        let modulus = numbers.take(INTEGER).ok_or(ImportRefused::DamagedPem)?;
        let bits = bits(modulus);
        if !RSA_SIZES.contains(&bits) {
            return Err(ImportRefused::RsaSize(bits));
        }
        let exponent = numbers.take(INTEGER).ok_or(ImportRefused::DamagedPem)?;
        if without_leading_zeros(exponent).len() < 3 {
            return Err(ImportRefused::RsaExponent);
        }
        Ok(Self::Rsa(Zeroizing::new(pkcs1.to_vec())))
    }

    /// From n, e, d, p, q, dp, dq and qi.
    pub fn rsa_of<'a>(numbers: impl Iterator<Item = &'a [u8]>) -> Result<Self, ImportRefused> {
        let version: &[u8] = &[0];
        let numbers: Vec<_> = [version].into_iter().chain(numbers).map(integer).collect();
        let numbers: Vec<&[u8]> = numbers.iter().map(|number| number.as_slice()).collect();
        Self::rsa(&element(SEQUENCE, &numbers))
    }

    /// # Errors
    /// If the number is none of the curve. One that is too short has lost its leading zeros.
    pub fn ec(curve: &'static Curve, d: &[u8]) -> Result<Self, ImportRefused> {
        let d = without_leading_zeros(d);
        let zeros = curve.size.checked_sub(d.len()).ok_or(ImportRefused::Unsound)?;
        let mut padded = Zeroizing::new(Vec::with_capacity(curve.size));
        padded.resize(zeros, 0);
        padded.extend_from_slice(d);
        if d.is_empty() || padded.as_slice() >= curve.order {
            return Err(ImportRefused::Unsound);
        }
        Ok(Self::Ec { curve, d: padded })
    }

    fn fits(&self, scheme: Scheme) -> bool {
        match (self, scheme) {
            (Self::Rsa(_), Scheme::Rsa(_)) | (Self::Ed25519(_), Scheme::Ed25519) => true,
            (Self::Ec { curve, .. }, Scheme::Ecdsa(wanted)) => curve.oid == wanted.oid,
            (Self::Rsa(_) | Self::Ec { .. } | Self::Ed25519(_), _) => false,
        }
    }

    /// Those that can sign with it.
    pub fn algorithms(&self) -> impl Iterator<Item = Algorithm> {
        Algorithm::ALL.iter().copied().filter(|alg| self.fits(Scheme::of(*alg)))
    }

    /// As PKCS#8 (RFC 5208 §5), in the form that [`crate::jose::KeyPair::from_pkcs8`] reads.
    pub fn to_pkcs8(&self, scheme: Scheme) -> Result<Bytes, ImportRefused> {
        Ok(match self {
            Self::Rsa(pkcs1) => wrap(scheme, pkcs1),
            Self::Ed25519(seed) => wrap(scheme, &element(OCTET_STRING, &[seed])),
            Self::Ec { curve, d } => {
                let point = public_point(scheme, curve, d).ok_or(ImportRefused::Unsound)?;
                wrap(scheme, &sec1(d, Some(&point)))
            }
        })
    }
}

fn bits(number: &[u8]) -> usize {
    let number = without_leading_zeros(number);
    number.first().map_or(0, |first| number.len() * 8 - first.leading_zeros() as usize)
}

fn wrap(scheme: Scheme, key: &[u8]) -> Bytes {
    let key = element(OCTET_STRING, &[key]);
    element(SEQUENCE, &[&integer(&[0]), &scheme.identifier(), &key])
}

/// An `ECPrivateKey` (RFC 5915 §3), whose curve is named around it.
fn sec1(d: &[u8], point: Option<&[u8]>) -> Bytes {
    const PUBLIC_KEY: u8 = 0xa1;
    let public = point.map(|point| element(PUBLIC_KEY, &[&element(BIT_STRING, &[&[0], point])]));
    let public = public.as_ref().map_or(&[][..], |public| public);
    element(SEQUENCE, &[&integer(&[1]), &element(OCTET_STRING, &[d]), public])
}

/// The point that belongs to a private key, uncompressed. ring wants it with the key, and some
/// programs leave it out.
fn public_point(scheme: Scheme, curve: &Curve, d: &[u8]) -> Option<Vec<u8>> {
    let pair = EcKeyPair::from_der(&*wrap(scheme, &sec1(d, None)), None).ok()?;
    let jwk = pair.to_jwk_public_key();
    let mut point = vec![4];
    for name in ["x", "y"] {
        let coordinate = URL_SAFE_NO_PAD.decode(jwk.parameter(name)?.as_str()?).ok()?;
        point.extend(coordinate);
    }
    (point.len() == 1 + 2 * curve.size).then_some(point)
}
