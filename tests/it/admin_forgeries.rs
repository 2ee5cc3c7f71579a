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
    forged_tokens_are_refused,
    a_public_key_is_no_secret,
    no_address_in_a_token_is_ever_called,
);

/// Cases 1, 9, 14, 19, 22, 25, 33 and 37.
async fn forged_tokens_are_refused(database: Database) {
    let server = Server::start(database).await;
    let forger = Forger(&server);
    let good = forger.sign(&forger.claims());
    server.admin("GET", KEYS, &good, None).await.expect(200);
    let (kid, signature) = (kid_of(&good), good.rsplit('.').next().unwrap());
    let own = |header: &str, kid: &str| forger.unsigned(&header.replace("KID", kid), signature);
    let mut tokens = vec![
        own(r#"{"typ":"at+jwt","alg":"none","kid":"KID"}"#, &kid),
        own(r#"{"typ":"at+jwt","alg":"none"}"#, ""),
        own(r#"{"typ":"at+jwt","alg":"ES256"}"#, ""),
        own(r#"{"typ":"at+jwt","alg":"RS256","kid":"KID"}"#, &kid),
        own(r#"{"typ":"at+jwt","alg":"ES384","kid":"KID"}"#, &kid),
        own(
            r#"{"typ":"at+jwt","alg":"ES256","kid":"KID","crit":["exp-policy"],"exp-policy":1}"#,
            &kid,
        ),
        own(r#"{"typ":"at+jwt","alg":"ES256","kid":"KID","crit":[]}"#, &kid),
        own(r#"{"typ":"at+jwt","alg":"ES256","kid":"KID","crit":["b64"],"b64":false}"#, &kid),
        own(r#"{"typ":"at+jwt","alg":"ES256","alg":"none","kid":"KID"}"#, &kid),
        own(r#"{"typ":"at+jwt","alg":"none","alg":"ES256","kid":"KID"}"#, &kid),
        own(r#"{"typ":"at+jwt","alg":"ES256","kid":"KID","kid":"other"}"#, &kid),
        own(r#"{"typ":"at+jwt","alg":"ES256","kid":"KID","zip":"DEF"}"#, &kid),
        own(r#"{"typ":"at+jwt","alg":"dir","enc":"A256GCM","kid":"KID"}"#, &kid),
        own(r#"{"typ":"at+jwt","alg":"ES256","kid":"x\r\nforged: \u001b[31m"}"#, ""),
        own(r#"{"typ":"at+jwt","alg":"ES256","kid":"' OR 1=1 --"}"#, ""),
        own(r#"{"typ":"at+jwt","alg":"ES256","kid":"../../../etc/passwd"}"#, ""),
        own(r#"{"typ":"at+jwt","alg":"ES256","kid":"KID"}"#, &"k".repeat(4000)),
        forger.sign_with_own_key(|_| header(&kid, &json!({}))),
        forger.sign_with_own_key(|jwk| header(&kid, &json!({ "jwk": jwk }))),
        forger.sign_with_own_key(|jwk| header("mine", &json!({ "jwk": jwk }))),
        // Cut, empty, doubled, with a fourth part, and five segments as a JWE has.
        good.rsplit_once('.').unwrap().0.to_owned(),
        format!("{}.", good.rsplit_once('.').unwrap().0),
        format!("{good}.{signature}"),
        format!("{good}.{signature}.{signature}"),
        format!("{good}=="),
        "..".to_owned(),
        "not-a-token".to_owned(),
        json!({ "payload": "e30", "signatures": [] }).to_string(),
    ];
    for kid in [json!(1), json!(null), json!(["k"]), json!({ "k": 1 }), json!(true)] {
        let header = json!({ "typ": "at+jwt", "alg": "ES256", "kid": kid }).to_string();
        tokens.push(own(&header, ""));
    }
    for token in tokens {
        server.admin("GET", KEYS, &token, None).await.assert_refused(&token);
    }
}

fn header(kid: &str, more: &Value) -> String {
    let mut header = json!({ "typ": "at+jwt", "alg": "ES256", "kid": kid });
    let more = more.as_object().unwrap().clone();
    header.as_object_mut().unwrap().extend(more);
    header.to_string()
}

/// Case 3: a verifier that lets the token choose the algorithm takes the public key for a secret.
async fn a_public_key_is_no_secret(database: Database) {
    let server = Server::start(database).await;
    let forger = Forger(&server);
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
    let forger = Forger(&server);
    let canary = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    canary.set_nonblocking(true).unwrap();
    let url = format!("http://{}/jwks.json", canary.local_addr().unwrap());
    for member in ["jku", "x5u", "iss", "kid"] {
        let token = forger.sign_with_own_key(|_| {
            let kid = if member == "kid" { url.as_str() } else { "mine" };
            header(kid, &if member == "kid" { json!({}) } else { json!({ member: url }) })
        });
        server.admin("GET", KEYS, &token, None).await.assert_refused(member);
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    let called = canary.accept().map_err(|error| error.kind());
    assert_eq!(called.err(), Some(std::io::ErrorKind::WouldBlock));
}
