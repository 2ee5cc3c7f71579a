//! Private keys in PEM (RFC 7468): PKCS#8, and the older forms of RSA and EC keys.
use super::{Given, ImportRefused, private::Private};
use crate::jose::{
    der::{self, BIT_STRING, INTEGER, OCTET_STRING, OID, Reader, SEQUENCE},
    jwk::{ED25519, Material},
    scheme::Curve,
};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use zeroize::Zeroizing;

type Refusable<T> = Result<T, ImportRefused>;

/// id-RSASSA-PSS (RFC 8017 A.2.3).
const RSA_PSS: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a];
/// X25519, X448 and Ed448 (RFC 8410 §3).
const OTHER_CURVES: [&[u8]; 3] = [&[0x2b, 0x65, 0x6e], &[0x2b, 0x65, 0x6f], &[0x2b, 0x65, 0x71]];

/// What stands between a BEGIN and an END line.
struct Block<'a> {
    label: &'a str,
    lines: Vec<&'a str>,
}

pub(super) fn read(text: &str) -> Refusable<Given> {
    let mut keys = Vec::new();
    for block in blocks(text)? {
        match block.label {
            // openssl writes it before a key, which names the curve as well.
            "EC PARAMETERS" => {}
            "ENCRYPTED PRIVATE KEY" => return Err(ImportRefused::Encrypted),
            "PRIVATE KEY" | "RSA PRIVATE KEY" | "EC PRIVATE KEY" => keys.push(block),
            label if label.ends_with("PUBLIC KEY") => return Err(ImportRefused::Public),
            label if label.ends_with("CERTIFICATE") => return Err(ImportRefused::Certificate),
            _ => return Err(ImportRefused::OtherPem),
        }
    }
    let [key] = keys.as_slice() else {
        let several = !keys.is_empty();
        return Err(if several { ImportRefused::Several } else { ImportRefused::OtherPem });
    };
    let der = key.contents()?;
    match key.label {
        "RSA PRIVATE KEY" => Ok(Given { private: Private::rsa(&der)?, public: None, alg: None }),
        "EC PRIVATE KEY" => sec1(&der, None),
        _ => pkcs8(&der),
    }
}

/// Text around the blocks, such as openssl writes, is no part of them (RFC 7468 §2).
fn blocks(text: &str) -> Refusable<Vec<Block<'_>>> {
    let mut blocks = Vec::new();
    let mut lines = text.lines().map(str::trim);
    while let Some(line) = lines.next() {
        let label = line.strip_prefix("-----BEGIN ").and_then(|rest| rest.strip_suffix("-----"));
        let Some(label) = label else { continue };
        let end = format!("-----END {label}-----");
        let mut within = Vec::new();
        loop {
            match lines.next() {
                Some(line) if line == end => break,
                Some(line) => within.push(line),
                None => return Err(ImportRefused::DamagedPem),
            }
        }
        blocks.push(Block { label, lines: within });
    }
    if blocks.is_empty() { Err(ImportRefused::NeitherPemNorJwk) } else { Ok(blocks) }
}

impl Block<'_> {
    fn contents(&self) -> Refusable<Zeroizing<Vec<u8>>> {
        // RFC 1421 §4.6: only these old forms have header fields.
        if self
            .lines
            .iter()
            .any(|line| line.starts_with("Proc-Type:") && line.contains("ENCRYPTED"))
        {
            return Err(ImportRefused::Encrypted);
        }
        let text = Zeroizing::new(self.lines.concat());
        let der = STANDARD.decode(&*text).map_err(|_| ImportRefused::DamagedPem)?;
        Ok(Zeroizing::new(der))
    }
}

fn damaged() -> ImportRefused {
    ImportRefused::DamagedPem
}

/// A `PrivateKeyInfo` (RFC 5208 §5), or a `OneAsymmetricKey` that has the public key as well
/// (RFC 5958 §2).
fn pkcs8(der: &[u8]) -> Refusable<Given> {
    let mut info = Reader::new(der).within(SEQUENCE).ok_or_else(damaged)?;
    info.take(INTEGER).ok_or_else(damaged)?;
    let mut kind = info.within(SEQUENCE).ok_or_else(damaged)?;
    let oid = kind.take(OID).ok_or_else(damaged)?;
    let key = info.take(OCTET_STRING).ok_or_else(damaged)?;
    match oid {
        der::RSA => Ok(Given { private: Private::rsa(key)?, public: None, alg: None }),
        der::EC => sec1(key, Some(named_curve(&mut kind)?)),
        der::ED25519 => ed25519(key, info),
        RSA_PSS => Err(ImportRefused::BoundToPss),
        other if OTHER_CURVES.contains(&other) => Err(ImportRefused::Curve),
        _ => Err(ImportRefused::OtherKind),
    }
}

/// The curve, if it is named and not described (RFC 5480 §2.1.1).
fn named_curve(parameters: &mut Reader<'_>) -> Refusable<&'static Curve> {
    let oid = parameters.take(OID).ok_or(ImportRefused::Curve)?;
    Curve::find(|curve| curve.oid == oid).ok_or(ImportRefused::Curve)
}

/// An `ECPrivateKey` (RFC 5915 §3) that names its curve, unless what is around it does.
fn sec1(der: &[u8], outer: Option<&'static Curve>) -> Refusable<Given> {
    const PARAMETERS: u8 = 0xa0;
    const PUBLIC_KEY: u8 = 0xa1;
    let mut key = Reader::new(der).within(SEQUENCE).ok_or_else(damaged)?;
    key.take(INTEGER).ok_or_else(damaged)?;
    let d = key.take(OCTET_STRING).ok_or_else(damaged)?;
    let inner = key.within(PARAMETERS).map(|mut named| named_curve(&mut named)).transpose()?;
    let curve = match (inner, outer) {
        (Some(inner), Some(outer)) if inner.oid != outer.oid => return Err(damaged()),
        (inner, outer) => inner.or(outer).ok_or(ImportRefused::Curve)?,
    };
    let public = key.within(PUBLIC_KEY).and_then(|mut public| public.take(BIT_STRING));
    // 0 unused bits, then an uncompressed point; a compressed one is left aside, as it says less.
    let public = public.and_then(|bits| bits.strip_prefix(&[0, 4])).map(|point| {
        let (x, y) = point.split_at(point.len() / 2);
        let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
        Material::Ec { crv: curve.crv.to_owned(), x, y }
    });
    Ok(Given { private: Private::ec(curve, d)?, public, alg: None })
}

/// A `CurvePrivateKey` (RFC 8410 §7) and what stands behind it.
fn ed25519(key: &[u8], mut rest: Reader<'_>) -> Refusable<Given> {
    const ATTRIBUTES: u8 = 0xa0;
    const PUBLIC_KEY: u8 = 0x81;
    let seed = Reader::new(key).take(OCTET_STRING).ok_or_else(damaged)?;
    rest.take(ATTRIBUTES);
    let public = rest.take(PUBLIC_KEY).and_then(|bits| bits.strip_prefix(&[0]));
    let public =
        public.map(|x| Material::Okp { crv: ED25519.to_owned(), x: URL_SAFE_NO_PAD.encode(x) });
    let private = Private::Ed25519(Zeroizing::new(seed.to_vec()));
    Ok(Given { private, public, alg: None })
}
