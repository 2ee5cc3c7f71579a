//! Forged access tokens at the admin API (RFC 8725).
use crate::{
    on_both,
    support::{Database, Forger, Server, kid_of},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use std::time::Duration;

const KEYS: &str = "/admin/v1/keys";
on_both!(
    headers_that_the_service_does_not_write_are_refused,
    tokens_without_a_signature_of_the_service_are_refused,
    a_public_key_is_no_secret,
    no_address_in_a_token_is_ever_called,
);

/// None of these is what the service writes; KID stands for a key that is published.
const FOREIGN_HEADERS: &[&str] = &[
    r#"{"typ":"at+jwt","alg":"none","kid":"KID"}"#,
    r#"{"typ":"at+jwt","alg":"none"}"#,
    r#"{"typ":"at+jwt","alg":"ES256"}"#,
    r#"{"alg":"ES256","kid":"KID"}"#,
    r#"{"typ":"at+jwt","kid":"KID"}"#,
    r#"{"typ":"at+jwt","alg":"RS256","kid":"KID"}"#,
    r#"{"typ":"at+jwt","alg":"es256","kid":"KID"}"#,
    r#"{"typ":"at+jwt","alg":"ES384","kid":"KID"}"#,
    r#"{"typ":"at+jwt","alg":"ES256","kid":"KID","crit":["exp-policy"],"exp-policy":1}"#,
    r#"{"typ":"at+jwt","alg":"ES256","kid":"KID","crit":[]}"#,
    r#"{"typ":"at+jwt","alg":"ES256","kid":"KID","crit":["b64"],"b64":false}"#,
    r#"{"typ":"at+jwt","alg":"ES256","alg":"none","kid":"KID"}"#,
    r#"{"typ":"at+jwt","alg":"none","alg":"ES256","kid":"KID"}"#,
    r#"{"typ":"at+jwt","alg":"ES256","kid":"other","kid":"KID"}"#,
    r#"{"typ":"at+jwt","alg":"ES256","kid":"KID","zip":"DEF"}"#,
    r#"{"typ":"at+jwt","alg":"ES256","kid":"KID","enc":"A256GCM"}"#,
    r#"{"typ":"at+jwt","alg":"ES256","kid":"KID","jwk":{}}"#,
    r#"{"typ":"at+jwt","alg":"ES256","kid":"KID","jku":"http://127.0.0.1:1/"}"#,
    r#"{"typ":"at+jwt","alg":"ES256","kid":["KID"]}"#,
    r#"{"typ":"at+jwt","alg":"ES256","kid":{"KID":1}}"#,
    r#"{"typ":"at+jwt","alg":"ES256","kid":1}"#,
    r#"{"typ":"at+jwt","alg":"ES256","kid":null}"#,
    r#"{"typ":"at+jwt","alg":"ES256","kid":"KID\r\nforged: \u001b[31m"}"#,
    r#"{"typ":"at+jwt","alg":"ES256","kid":"' OR 1=1 --"}"#,
    r#"{"typ":"at+jwt","alg":"ES256","kid":"../../KID"}"#,
    r#"["at+jwt","ES256","KID"]"#,
    "at+jwt",
    "",
];

/// Cases 1, 14, 19, 21, 22 and 37: every one of them signed with a key that is published.
async fn headers_that_the_service_does_not_write_are_refused(database: Database) {
    let server = Server::start(database).await;
    let forger = Forger::at(&server).await;
    let kid = Forger::KID;
    let good = forger.sign_under(&Forger::header().to_string());
    server.admin("GET", KEYS, &good, None).await.expect(200);
    let of_ours = server.admin_token().await;
    for header in FOREIGN_HEADERS {
        let token = forger.sign_under(&header.replace("KID", kid));
        server.admin("GET", KEYS, &token, None).await.assert_refused(header);
        // The kid of the key that signs now does not help either.
        let token = forger.sign_under(&header.replace("KID", &kid_of(&of_ours)));
        server.admin("GET", KEYS, &token, None).await.assert_refused(header);
    }
    let long = format!(r#"{{"typ":"at+jwt","alg":"ES256","kid":"{}"}}"#, "k".repeat(4000));
    server.admin("GET", KEYS, &forger.sign_under(&long), None).await.assert_refused("long kid");
}

/// Cases 1, 9 and 25: no signature, none of ours, and what is no compact JWS of three parts.
async fn tokens_without_a_signature_of_the_service_are_refused(database: Database) {
    let server = Server::start(database).await;
    let forger = Forger::at(&server).await;
    let good = forger.sign(&forger.claims());
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let (header, payload) = signed.split_once('.').unwrap();
    let with = |name: &str, value: Value| {
        let mut header = Forger::header();
        header[name] = value;
        header
    };
    for token in [
        forger.sign_as_stranger(|_| Forger::header()),
        forger.sign_as_stranger(|jwk| with("jwk", jwk)),
        forger.sign_as_stranger(|_| with("kid", json!("strange"))),
        signed.to_owned(),
        format!("{signed}."),
        format!("{signed}.AAAA"),
        format!("{signed}.{}", &signature[..signature.len() - 2]),
        format!("{signed}.{signature}A"),
        format!("{good}=="),
        format!("{good}.{signature}"),
        format!("{header}..{signature}"),
        format!(".{payload}.{signature}"),
        format!("{header}.{payload}.{payload}.{payload}.{signature}"),
        "..".to_owned(),
        "not-a-token".to_owned(),
        json!({ "payload": payload, "protected": header, "signature": signature }).to_string(),
    ] {
        server.admin("GET", KEYS, &token, None).await.assert_refused(&token);
    }
    server.admin("GET", KEYS, &good, None).await.expect(200);
}

/// Case 3: a verifier that lets the token choose the algorithm takes the public key for a secret.
async fn a_public_key_is_no_secret(database: Database) {
    let server = Server::start(database).await;
    let forger = Forger::at(&server).await;
    let jwks = server.get("/.well-known/jwks.json").await;
    for key in jwks.json["keys"].as_array().unwrap() {
        let der = spki(key);
        let lines: Vec<_> = STANDARD.encode(&der).into_bytes();
        let lines = lines.chunks(64).map(|line| std::str::from_utf8(line).unwrap());
        let body = lines.collect::<Vec<_>>().join("\n");
        let pem = format!("-----BEGIN PUBLIC KEY-----\n{body}\n-----END PUBLIC KEY-----");
        let member = key["n"].as_str().or(key["x"].as_str()).unwrap();
        for secret in [
            der.as_slice(),
            pem.as_bytes(),
            format!("{pem}\n").as_bytes(),
            key.to_string().as_bytes(),
            jwks.text.as_bytes(),
            member.as_bytes(),
            b"",
        ] {
            let token = forger.mac(key["kid"].as_str().unwrap(), secret);
            server.admin("GET", KEYS, &token, None).await.assert_refused("HS256");
        }
    }
}

/// RFC 5280 §4.1: the algorithm, then the key as a bit string.
fn spki(key: &Value) -> Vec<u8> {
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let member = |name: &str| URL_SAFE_NO_PAD.decode(key[name].as_str().unwrap()).unwrap();
    let tagged = |tag: u8, content: &[u8]| {
        let length = u16::try_from(content.len()).unwrap().to_be_bytes();
        match content.len() {
            0..128 => [&[tag, length[1]], content].concat(),
            128..256 => [&[tag, 0x81, length[1]], content].concat(),
            _ => [&[tag, 0x82, length[0], length[1]], content].concat(),
        }
    };
    let (algorithm, public) = if key["kty"] == "RSA" {
        let n = tagged(2, &[&[0], &*member("n")].concat());
        let rsa = tagged(0x30, &[n, tagged(2, &member("e"))].concat());
        (b"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x01\x05\x00".as_slice(), rsa)
    } else {
        let point = [&[4], &*member("x"), &*member("y")].concat();
        let p256 = b"\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07";
        (p256.as_slice(), point)
    };
    let bits = tagged(3, &[&[0], &*public].concat());
    tagged(0x30, &[tagged(0x30, algorithm), bits].concat())
}

/// Case 10: keys come from the own database only.
async fn no_address_in_a_token_is_ever_called(database: Database) {
    let server = Server::start(database).await;
    let forger = Forger::at(&server).await;
    let canary = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    canary.set_nonblocking(true).unwrap();
    let url = format!("http://{}/jwks.json", canary.local_addr().unwrap());
    for member in ["jku", "x5u", "kid", "iss"] {
        let mut header = Forger::header();
        header[member] = json!(url);
        let token = forger.sign_as_stranger(|_| header.clone());
        server.admin("GET", KEYS, &token, None).await.assert_refused(member);
        let token = forger.sign_under(&header.to_string());
        server.admin("GET", KEYS, &token, None).await.assert_refused(member);
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    let called = canary.accept().map_err(|error| error.kind());
    assert_eq!(called.err(), Some(std::io::ErrorKind::WouldBlock));
}
