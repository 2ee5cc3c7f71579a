//! Private keys as JWKs (RFC 7517, RFC 7518 §6, RFC 8037 §2).
use super::{Given, ImportRefused, private::Private};
use crate::{
    jose::{
        der::without_leading_zeros,
        jwk::{ED25519, Material},
        scheme::Curve,
    },
    model::Algorithm,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{
    Deserialize, Deserializer,
    de::{Error, IgnoredAny, Visitor},
};
use std::fmt;
use zeroize::Zeroizing;

type Refusable<T> = Result<T, ImportRefused>;

/// The members that matter; others are skipped (RFC 7517 §4). One that comes twice is an error.
#[derive(Deserialize)]
struct Jwk {
    keys: Option<IgnoredAny>,
    kty: Option<String>,
    #[serde(rename = "use")]
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
    alg: Option<String>,
    crv: Option<String>,
    n: Option<Number>,
    e: Option<Number>,
    x: Option<Number>,
    y: Option<Number>,
    d: Option<Number>,
    p: Option<Number>,
    q: Option<Number>,
    dp: Option<Number>,
    dq: Option<Number>,
    qi: Option<Number>,
    oth: Option<IgnoredAny>,
}

/// Bytes in base64url.
struct Number(Zeroizing<Vec<u8>>);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Base64;
        impl Visitor<'_> for Base64 {
            type Value = Number;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("base64url without padding")
            }

            // Reads the text where it lies, so that there is no other copy of it.
            fn visit_str<E: Error>(self, text: &str) -> Result<Number, E> {
                let bytes = URL_SAFE_NO_PAD.decode(text);
                bytes.map(|bytes| Number(bytes.into())).map_err(|_| E::custom("no base64url"))
            }
        }
        deserializer.deserialize_str(Base64)
    }
}

pub(super) fn read(text: &str) -> Refusable<Given> {
    let jwk: Jwk = serde_json::from_str(text).map_err(|_| ImportRefused::DamagedJwk)?;
    if jwk.keys.is_some() {
        return Err(ImportRefused::Several);
    }
    let kty = jwk.kty.as_deref().ok_or(ImportRefused::Lacks("kty"))?;
    if kty == "oct" {
        return Err(ImportRefused::Symmetric);
    }
    if !["RSA", "EC", "OKP"].contains(&kty) {
        return Err(ImportRefused::OtherKind);
    }
    let d = jwk.d.as_ref().ok_or(ImportRefused::Public)?;
    jwk.check_purpose()?;
    let (private, public) = match kty {
        "RSA" => jwk.rsa(d)?,
        "EC" => jwk.ec(d)?,
        _ => jwk.ed25519(d)?,
    };
    let alg = jwk.alg.as_ref().map(|alg| alg.parse::<Algorithm>()).transpose();
    let alg = alg.map_err(|_| ImportRefused::AlgorithmUnknown)?;
    Ok(Given { private, public: Some(public), alg })
}

fn number<'a>(name: &'static str, member: Option<&'a Number>) -> Refusable<&'a [u8]> {
    member.map(|number| number.0.as_slice()).ok_or(ImportRefused::Lacks(name))
}

impl Jwk {
    fn check_purpose(&self) -> Refusable<()> {
        let usage = self.usage.as_ref().is_none_or(|usage| usage == "sig");
        let ops = self.key_ops.as_ref().is_none_or(|ops| ops.iter().any(|op| op == "sign"));
        if usage && ops { Ok(()) } else { Err(ImportRefused::NotForSigning) }
    }

    fn rsa(&self, d: &Number) -> Refusable<(Private, Material)> {
        if self.oth.is_some() {
            return Err(ImportRefused::MultiPrime);
        }
        let (n, e) = (number("n", self.n.as_ref())?, number("e", self.e.as_ref())?);
        let primes = [&self.p, &self.q, &self.dp, &self.dq, &self.qi].map(Option::as_ref);
        let primes: Option<Vec<_>> = primes.into_iter().collect();
        let primes = primes.ok_or(ImportRefused::LacksPrimes)?;
        let primes = primes.into_iter().map(|number| number.0.as_slice());
        let private = Private::rsa_of([n, e, &d.0].into_iter().chain(primes))?;
        // Some programs write a zero before numbers that begin with a high bit (RFC 7518 §6.3.1.1).
        let [n, e] = [n, e].map(|number| URL_SAFE_NO_PAD.encode(without_leading_zeros(number)));
        Ok((private, Material::Rsa { n, e }))
    }

    fn ec(&self, d: &Number) -> Refusable<(Private, Material)> {
        let crv = self.crv.as_ref().ok_or(ImportRefused::Lacks("crv"))?;
        let curve = Curve::find(|curve| curve.crv == crv).ok_or(ImportRefused::Curve)?;
        let (x, y) = (number("x", self.x.as_ref())?, number("y", self.y.as_ref())?);
        let [x, y] = [x, y].map(|coordinate| URL_SAFE_NO_PAD.encode(coordinate));
        Ok((Private::ec(curve, &d.0)?, Material::Ec { crv: curve.crv.to_owned(), x, y }))
    }

    fn ed25519(&self, d: &Number) -> Refusable<(Private, Material)> {
        let crv = self.crv.as_ref().ok_or(ImportRefused::Lacks("crv"))?;
        if crv != ED25519 {
            return Err(ImportRefused::Curve);
        }
        let x = URL_SAFE_NO_PAD.encode(number("x", self.x.as_ref())?);
        let private = Private::Ed25519(d.0.clone());
        Ok((private, Material::Okp { crv: ED25519.to_owned(), x }))
    }
}
