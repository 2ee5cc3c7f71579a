//! What is read.
use super::*;
use crate::jose::{
    KeyPair, PublicJwk, Unverified,
    der::{self, BIT_STRING, OCTET_STRING, OID, SEQUENCE, element, integer},
    generate,
    import::{ImportRefused, read_private_key},
    scheme::Scheme,
};

use crate::model::TokenType;

fn read(text: &str) -> PublicJwk {
    let pair = read_private_key(text, None).unwrap_or_else(|refused| panic!("{refused}"));
    pair.public
}

fn material(public: &PublicJwk) -> Value {
    serde_json::to_value(&public.material).unwrap()
}

#[test]
fn every_form_of_a_key_becomes_the_same_key_pair() {
    for key in Foreign::each() {
        for &alg in key.fits {
            let texts = [key.pkcs8.clone(), key.jwk.to_string(), key.jwk_with("alg", alg.as_str())];
            for text in texts.iter().chain(&key.traditional) {
                let pair = read_private_key(text, Some(alg)).unwrap();
                assert_eq!(material(&pair.public), key.public());
                assert_eq!(pair.public.alg, alg);
                let again = KeyPair::from_pkcs8(alg, pair.pkcs8).unwrap();
                assert_eq!(again.public, pair.public, "it is not read back");
                let token = again.signer().unwrap().sign(TokenType::Jwt, &json!({})).unwrap();
                let verified = Unverified::parse(&token).unwrap().verify::<Value>(&pair.public);
                assert_eq!(verified, Ok(json!({})));
            }
        }
    }
}

#[test]
fn the_algorithm_is_the_one_asked_for_or_that_of_the_jwk_or_the_only_one() {
    let rsa = Foreign::rsa();
    let (ps256, es512) = (rsa.jwk_with("alg", "PS256"), rsa.jwk_with("alg", "RS512"));
    let alg = |text: &str, asked| read_private_key(text, asked).map(|pair| pair.public.alg);
    let missing = ImportRefused::AlgorithmMissing(vec![Rs256, Ps256]);
    let differ = ImportRefused::AlgorithmsDiffer { jwk: Ps256, asked: Rs256 };
    let unfit = ImportRefused::AlgorithmUnfit { alg: Es256, fits: vec![Rs256, Ps256] };
    for (text, asked, expected) in [
        (&rsa.pkcs8, None, Err(missing)),
        (&rsa.pkcs8, Some(Ps256), Ok(Ps256)),
        (&rsa.pkcs8, Some(Es256), Err(unfit)),
        (&ps256, None, Ok(Ps256)),
        (&ps256, Some(Ps256), Ok(Ps256)),
        (&ps256, Some(Rs256), Err(differ)),
        (&es512, None, Err(ImportRefused::AlgorithmUnknown)),
        (&es512, Some(Rs256), Err(ImportRefused::AlgorithmUnknown)),
    ] {
        assert_eq!(alg(text, asked), expected);
    }
    for key in &Foreign::each()[1..] {
        assert_eq!(alg(&key.pkcs8, None), Ok(key.fits[0]));
        assert_eq!(alg(&key.jwk.to_string(), None), Ok(key.fits[0]));
        let unfit = ImportRefused::AlgorithmUnfit { alg: Rs256, fits: key.fits.to_vec() };
        assert_eq!(alg(&key.pkcs8, Some(Rs256)), Err(unfit));
    }
    let p384 = Foreign::ec(EcCurve::P384, &[Es384]);
    assert!(matches!(alg(&p384.pkcs8, Some(Es256)), Err(ImportRefused::AlgorithmUnfit { .. })));
}

#[test]
fn what_other_programs_write_around_a_key_does_not_matter() {
    let key = Foreign::p256();
    let traditional = key.traditional.as_ref().unwrap();
    let curve = element(OID, &[&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07]]);
    for text in [
        format!("{}{traditional}", pem("EC PARAMETERS", &curve)),
        format!("Bag Attributes\n    friendlyName: key\n\n{}\nThe end.", key.pkcs8),
        key.pkcs8.replace('\n', "\r\n"),
        format!("\n  {}", key.pkcs8.replace('\n', "  \n  ")),
        serde_json::to_string_pretty(&key.jwk).unwrap(),
        key.jwk_with("key_ops", json!(["verify", "sign"])),
        key.jwk_with("use", "sig"),
        key.jwk_with("kid", "2011-04-29"),
        key.jwk_with("x5c", json!(["MIIB"])),
    ] {
        assert_eq!(material(&read(&text)), key.public(), "{text}");
    }
}

#[test]
fn a_public_half_that_was_left_out_is_worked_out() {
    for key in [Foreign::p256(), Foreign::ec(EcCurve::P384, &[Es384])] {
        let scheme = Scheme::of(key.fits[0]);
        let Scheme::Ecdsa(curve) = scheme else { panic!("it is on no curve") };
        let d = element(OCTET_STRING, &[&key.number("d")]);
        let sec1 = element(SEQUENCE, &[&integer(&[1]), &d]);
        let octets = element(OCTET_STRING, &[&sec1]);
        let pkcs8 = element(SEQUENCE, &[&integer(&[0]), &scheme.identifier(), &octets]);
        assert_eq!(material(&read(&pem("PRIVATE KEY", &pkcs8))), key.public());
        let named = element(0xa0, &[&element(OID, &[curve.oid])]);
        let sec1 = element(SEQUENCE, &[&integer(&[1]), &d, &named]);
        assert_eq!(material(&read(&pem("EC PRIVATE KEY", &sec1))), key.public());
    }
}

/// The key next to the last has the same point as the first, mirrored: so the order is right.
#[test]
fn the_largest_private_key_of_a_curve_is_read() {
    for alg in [Es256, Es384] {
        let Scheme::Ecdsa(curve) = Scheme::of(alg) else { panic!("{alg} has no curve") };
        let mut largest = curve.order.to_vec();
        *largest.last_mut().unwrap() -= 1;
        let [first, last] = [&[1], &largest[..]].map(|d| {
            let named = element(0xa0, &[&element(OID, &[curve.oid])]);
            let d = element(OCTET_STRING, &[d]);
            let sec1 = element(SEQUENCE, &[&integer(&[1]), &d, &named]);
            material(&read(&pem("EC PRIVATE KEY", &sec1)))
        });
        assert_eq!(first["x"], last["x"], "{alg}");
        assert_ne!(first["y"], last["y"], "{alg}");
    }
}

#[test]
fn a_compressed_public_point_is_left_aside() {
    let key = Foreign::p256();
    let d = element(OCTET_STRING, &[&key.number("d")]);
    let sign = 2 + key.number("y")[31] % 2;
    let point = element(BIT_STRING, &[&[0, sign], &key.number("x")]);
    let sec1 = element(SEQUENCE, &[&integer(&[1]), &d, &element(0xa1, &[&point])]);
    let octets = element(OCTET_STRING, &[&sec1]);
    let identifier = Scheme::of(Es256).identifier();
    let pkcs8 = element(SEQUENCE, &[&integer(&[0]), &identifier, &octets]);
    assert_eq!(material(&read(&pem("PRIVATE KEY", &pkcs8))), key.public());
}

#[test]
fn an_octet_key_pair_is_read_with_and_without_its_public_half() {
    let own = generate(EdDsa).unwrap();
    let text = pem("PRIVATE KEY", &own.pkcs8);
    let pair = read_private_key(&text, None).unwrap();
    assert_eq!(pair.public, own.public);
    assert!(pair.pkcs8.len() < own.pkcs8.len(), "it is kept in the form that others read as well");
    let inner = der::Reader::new(&pair.pkcs8).take(SEQUENCE).unwrap();
    assert_eq!(pair.pkcs8.len(), inner.len() + 2);
}

#[test]
fn zeros_before_a_number_do_not_matter() {
    let rsa = Foreign::rsa();
    for name in ["n", "e", "d", "p", "qi"] {
        let padded = [&[0], &*rsa.number(name)].concat();
        let text = rsa.jwk_with(name, number(&padded));
        assert_eq!(material(&read_private_key(&text, Some(Rs256)).unwrap().public), rsa.public());
    }
    let key = loop {
        let key = Foreign::p256();
        if key.number("d")[0] == 0 {
            break key;
        }
    };
    let d = key.number("d");
    for d in [&d[1..], &[&[0], &*d].concat()] {
        assert_eq!(material(&read(&key.jwk_with("d", number(d)))), key.public());
    }
}
