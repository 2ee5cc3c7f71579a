//! What is refused, and that the refusals give nothing away.
use super::*;
use crate::jose::{
    der::{BIT_STRING, INTEGER, NULL, OCTET_STRING, OID, SEQUENCE, element, integer},
    import::{ImportRefused, read_private_key},
    scheme,
};
use ImportRefused::{
    BoundToPss, Certificate, Curve, DamagedJwk, DamagedPem, Encrypted, Lacks, LacksPrimes,
    MultiPrime, NeitherPemNorJwk, NotForSigning, OtherKind, OtherPem, Public, RsaExponent, RsaSize,
    Several, Symmetric, Unsound,
};
use josekit::{
    jwk::alg::ecx::{EcxCurve, EcxKeyPair},
    jws::PS256,
};
use proptest::prelude::*;

/// The refusal; no long word of the text may be in it.
fn refusal_as(text: &str, asked: Option<Algorithm>) -> ImportRefused {
    let refused = read_private_key(text, asked).map(|pair| pair.public);
    let refused = refused.expect_err("it is read");
    let told = format!("{refused} {refused:?}");
    for word in text.split(|c: char| c.is_whitespace() || "\"-".contains(c)) {
        assert!(word.len() < 12 || !told.contains(word), "{word} is in {told}");
    }
    refused
}

fn refusal(text: &str) -> ImportRefused {
    refusal_as(text, None)
}

#[test]
fn what_is_no_private_key_is_refused_as_what_it_is() {
    let rsa = Foreign::rsa();
    let p256 = EcKeyPair::generate(EcCurve::P256).unwrap();
    let encrypted = "Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAAA";
    let traditional = rsa.traditional.clone().unwrap();
    for (text, expected) in [
        (String::new(), NeitherPemNorJwk),
        ("MIIEvQIBADANBgkqhkiG9w0BAQEFAASC".to_owned(), NeitherPemNorJwk),
        ("[1]".to_owned(), NeitherPemNorJwk),
        (pem("OPENSSH PRIVATE KEY", b"x"), OtherPem),
        (pem("CERTIFICATE REQUEST", b"x"), OtherPem),
        (pem("EC PARAMETERS", b"x"), OtherPem),
        (pem("ENCRYPTED PRIVATE KEY", b"x"), Encrypted),
        (traditional.replacen("-----\n", &format!("-----\n{encrypted}\n"), 1), Encrypted),
        (text(p256.to_pem_public_key()), Public),
        (text(RsaKeyPair::generate(2048).unwrap().to_traditional_pem_public_key()), Public),
        (rsa.jwk_with("d", Value::Null), Public),
        (Foreign::p256().jwk_with("d", Value::Null), Public),
        (Foreign::ed25519().jwk_with("d", Value::Null), Public),
        (pem("CERTIFICATE", b"x"), Certificate),
        (format!("{}{}", rsa.pkcs8, pem("CERTIFICATE", b"x")), Certificate),
        (format!("{0}{0}", rsa.pkcs8), Several),
        (format!("{}{traditional}", Foreign::p256().pkcs8), Several),
        (json!({ "keys": [rsa.jwk] }).to_string(), Several),
        (
            json!({ "kty": "oct", "k": "c2l4dGVlbiBieXRlcyBhcmUgbm90IGVub3VnaA" }).to_string(),
            Symmetric,
        ),
        (json!({ "kty": "AKP", "alg": "ML-DSA-44" }).to_string(), OtherKind),
    ] {
        assert_eq!(refusal(&text), expected, "{text}");
    }
}

#[test]
fn damage_is_told_from_what_is_missing() {
    let (rsa, p256, ed) = (Foreign::rsa(), Foreign::p256(), Foreign::ed25519());
    let jwk = p256.jwk.to_string();
    let curve = |size| scheme::Curve::find(|curve| curve.size == size).unwrap();
    let inner = element(0xa0, &[&element(OID, &[curve(48).oid])]);
    let inner = element(SEQUENCE, &[&integer(&[1]), &element(OCTET_STRING, &[&[1; 32]]), &inner]);
    let outer = scheme::Scheme::Ecdsa(curve(32)).identifier();
    let inner = element(OCTET_STRING, &[&inner]);
    let two_curves = element(SEQUENCE, &[&integer(&[0]), &outer, &inner]);
    for (text, expected) in [
        (rsa.pkcs8.replace("-----END", "----END"), DamagedPem),
        (rsa.pkcs8.replacen("MII", "M?I", 1), DamagedPem),
        (pem("PRIVATE KEY", b"no DER"), DamagedPem),
        (pem("PRIVATE KEY", &two_curves), DamagedPem),
        (pem("RSA PRIVATE KEY", &element(SEQUENCE, &[])), DamagedPem),
        (pem("EC PRIVATE KEY", &element(SEQUENCE, &[&integer(&[1])])), DamagedPem),
        (jwk[..jwk.len() - 1].to_owned(), DamagedJwk),
        (jwk.replacen('{', r#"{"d":"AA","#, 1), DamagedJwk),
        (p256.jwk_with("d", format!("{}=", p256.jwk["d"].as_str().unwrap())), DamagedJwk),
        (p256.jwk_with("d", 7), DamagedJwk),
        (p256.jwk_with("kty", Value::Null), Lacks("kty")),
        (p256.jwk_with("crv", Value::Null), Lacks("crv")),
        (p256.jwk_with("y", Value::Null), Lacks("y")),
        (ed.jwk_with("x", Value::Null), Lacks("x")),
        (rsa.jwk_with("n", Value::Null), Lacks("n")),
        (rsa.jwk_with("p", Value::Null), LacksPrimes),
        (rsa.jwk_with("qi", Value::Null), LacksPrimes),
        (rsa.jwk_with("oth", json!([{ "r": "AQ", "d": "AQ", "t": "AQ" }])), MultiPrime),
        (rsa.jwk_with("use", "enc"), NotForSigning),
        (rsa.jwk_with("key_ops", json!(["decrypt"])), NotForSigning),
        (rsa.jwk_with("key_ops", json!([])), NotForSigning),
    ] {
        assert_eq!(refusal_as(&text, Some(Es256)), expected, "{text}");
    }
}

#[test]
fn keys_on_other_curves_and_of_other_kinds_are_refused() {
    let curves = [EcCurve::P521, EcCurve::Secp256k1].map(|curve| Foreign::ec(curve, &[]));
    for key in curves {
        for text in [&key.pkcs8, &key.jwk.to_string(), key.traditional.as_ref().unwrap()] {
            assert_eq!(refusal(text), Curve, "{text}");
        }
    }
    let ed448 = EdKeyPair::generate(EdCurve::Ed448).unwrap();
    let x25519 = EcxKeyPair::generate(EcxCurve::X25519).unwrap();
    for key in [Foreign::new(&ed448, &[]), Foreign::new(&x25519, &[])] {
        assert_eq!(refusal(&key.pkcs8), Curve);
        assert_eq!(refusal(&key.jwk_with("use", "sig")), Curve);
    }
    let described = element(SEQUENCE, &[&integer(&[1]), &element(SEQUENCE, &[])]);
    let named = element(0xa0, &[&described]);
    let key = element(SEQUENCE, &[&integer(&[1]), &element(OCTET_STRING, &[&[1; 32]]), &named]);
    assert_eq!(refusal(&pem("EC PRIVATE KEY", &key)), Curve);
    let nameless = element(SEQUENCE, &[&integer(&[1]), &element(OCTET_STRING, &[&[1; 32]])]);
    assert_eq!(refusal(&pem("EC PRIVATE KEY", &nameless)), Curve);

    let bound = PS256.generate_key_pair(2048).unwrap();
    assert_eq!(refusal_as(&text(bound.to_pem_private_key()), Some(Ps256)), BoundToPss);
    let dsa = element(OID, &[&[0x2a, 0x86, 0x48, 0xce, 0x38, 0x04, 0x01]]);
    let dsa = element(SEQUENCE, &[&dsa, &element(NULL, &[])]);
    let key = element(SEQUENCE, &[&integer(&[0]), &dsa, &element(OCTET_STRING, &[&[1]])]);
    assert_eq!(refusal(&pem("PRIVATE KEY", &key)), OtherKind);
}

#[test]
fn rsa_keys_of_other_sizes_are_refused() {
    let rsa = Foreign::rsa();
    for (bytes, bits) in [(128, 1024), (255, 2040), (320, 2560), (513, 4104), (1024, 8192)] {
        let text = rsa.jwk_with("n", number(&vec![0xff; bytes]));
        assert_eq!(refusal_as(&text, Some(Rs256)), RsaSize(bits));
    }
    // A bit less than it seems to have.
    let mut n = rsa.number("n");
    n[0] = 0x7f;
    assert_eq!(refusal_as(&rsa.jwk_with("n", number(&n)), Some(Rs256)), RsaSize(2047));
    assert_eq!(refusal_as(&rsa.jwk_with("e", "Aw"), Some(Rs256)), RsaExponent);
    let small = text(RsaKeyPair::generate(1024).unwrap().to_pem_private_key());
    assert_eq!(refusal_as(&small, Some(Rs256)), RsaSize(1024));
    let version = element(INTEGER, &[&[1]]);
    let multi = element(SEQUENCE, &[&version, &integer(&rsa.number("n"))]);
    assert_eq!(refusal(&pem("RSA PRIVATE KEY", &multi)), MultiPrime);
}

#[test]
fn halves_that_do_not_belong_together_are_refused() {
    let numbers = ["n", "p", "q", "dp", "dq", "qi", "d", "x", "y"];
    for (key, other) in Foreign::each().iter().zip(Foreign::each()) {
        for alg in key.fits {
            for name in numbers.iter().filter(|name| key.jwk.get(*name).is_some()) {
                // A wrong `d` beside the primes of RSA does nothing.
                if key.fits.len() == 1 || *name != "d" {
                    let text = key.jwk_with(name, other.jwk[*name].clone());
                    assert_eq!(refusal_as(&text, Some(*alg)), Unsound, "{name} with {alg}");
                }
            }
        }
    }
    let rsa = Foreign::rsa();
    for (name, value) in
        [("e", "AQAD"), ("e", "AQAA"), ("p", "AA"), ("q", "AQ"), ("qi", ""), ("d", "")]
    {
        assert_eq!(refusal_as(&rsa.jwk_with(name, value), Some(Ps256)), Unsound, "{name}");
    }
    let order = scheme::Curve::find(|curve| curve.size == 32).unwrap().order;
    for d in [&[0_u8; 32][..], &[0xff; 32], order, &[1; 33]] {
        assert_eq!(refusal(&Foreign::p256().jwk_with("d", number(d))), Unsound);
    }
    assert_eq!(refusal(&Foreign::ed25519().jwk_with("d", number(&[1; 31]))), Unsound);
}

#[test]
fn the_public_half_in_a_pem_has_to_belong_to_it() {
    let (key, other) = (Foreign::p256(), Foreign::p256());
    let point = [&[0, 4], &*other.number("x"), &*other.number("y")].concat();
    let public = element(0xa1, &[&element(BIT_STRING, &[&point])]);
    let curve = element(0xa0, &[&element(OID, &[&[0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7]])]);
    let d = element(OCTET_STRING, &[&key.number("d")]);
    let sec1 = element(SEQUENCE, &[&integer(&[1]), &d, &curve, &public]);
    assert_eq!(refusal(&pem("EC PRIVATE KEY", &sec1)), Unsound);

    let own = crate::jose::generate(EdDsa).unwrap();
    let mut pkcs8 = own.pkcs8.to_vec();
    *pkcs8.last_mut().unwrap() ^= 1;
    assert_eq!(refusal(&pem("PRIVATE KEY", &pkcs8)), Unsound);
}

proptest! {
    #[test]
    fn no_text_panics(text in ".{0,200}", bytes in prop::collection::vec(any::<u8>(), 0..60)) {
        for text in [text, pem("PRIVATE KEY", &bytes), pem("EC PRIVATE KEY", &bytes)] {
            let _ = read_private_key(&text, Some(Rs256));
        }
    }

    /// A key with one byte changed is refused, or it is another key that is sound.
    #[test]
    fn no_changed_byte_panics(place in 0_usize..1000, to in 1_u8..=255) {
        for alg in [Es256, EdDsa] {
            let mut pkcs8 = crate::jose::generate(alg).unwrap().pkcs8.to_vec();
            let place = place % pkcs8.len();
            pkcs8[place] ^= to;
            let _ = read_private_key(&pem("PRIVATE KEY", &pkcs8), None);
        }
    }
}
