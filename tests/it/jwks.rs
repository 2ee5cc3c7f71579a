//! The published key set (RFC 7517 §5): what is in it, and how it is cached.
use crate::{
    on_both,
    support::{Answer, Database, Server},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use mintmark::{keys::timeline::Timing, model::Algorithm, store::AuditEvent};
use std::collections::{BTreeSet, HashSet};

const JWKS: &str = "/.well-known/jwks.json";

on_both!(
    the_set_holds_public_members_only,
    a_cached_copy_is_confirmed_without_a_body,
    a_change_of_the_keys_changes_the_tag,
    methods_that_do_not_read_are_refused,
);

async fn the_set_holds_public_members_only(database: Database) {
    let server = Server::start(database).await;
    for &alg in &server.app.settings.keys.algorithms {
        let event = AuditEvent::new("test", "test");
        server.app.keys.rotate(alg, Timing::Graceful, &event).await.unwrap().unwrap();
    }
    let keys = server.get(JWKS).await.expect(200).json["keys"].as_array().unwrap().clone();
    assert_eq!(
        keys.len(),
        4,
        "an active and an announced key of each algorithm that is switched on"
    );
    let mut kids = HashSet::new();
    for key in &keys {
        let members: BTreeSet<_> = key.as_object().unwrap().keys().map(String::as_str).collect();
        let material = match key["kty"].as_str().unwrap() {
            "RSA" => ["alg", "e", "kid", "kty", "n", "use"].as_slice(),
            _ => ["alg", "crv", "kid", "kty", "use", "x", "y"].as_slice(),
        };
        assert_eq!(members, material.iter().copied().collect());
        assert!(kids.insert(key["kid"].as_str().unwrap()), "a kid comes twice");
        assert_eq!(key["use"], "sig");
        if let Some(n) = key["n"].as_str() {
            let n = URL_SAFE_NO_PAD.decode(n).unwrap();
            assert!(n.len() >= 256 && n[0] >= 0x80, "RSA of 2048 bits or more, without padding");
        }
    }
    let of = |alg: &str| keys.iter().filter(|key| key["alg"] == alg).count();
    assert_eq!((of("RS256"), of("ES256")), (2, 2));
}

async fn a_cached_copy_is_confirmed_without_a_body(database: Database) {
    let server = Server::start(database).await;
    let full = server.get(JWKS).await.expect(200);
    let etag = full.header("etag").unwrap().to_owned();
    assert!(etag.starts_with('"') && etag.ends_with('"') && etag.len() > 20, "{etag}");
    assert_eq!(full.header("cache-control"), Some("public, max-age=3600"));
    assert_eq!(full.header("content-type"), Some("application/json"));
    for (tags, status) in [
        (etag.as_str(), 304),
        (&format!("W/{etag}"), 304),
        (&format!("\"other\", W/\"another\" , {etag}"), 304),
        ("*", 304),
        ("\"other\"", 200),
        (etag.trim_matches('"'), 200),
        ("", 200),
        (&etag.to_uppercase(), 200),
    ] {
        let request = server.http.get(format!("{}{JWKS}", server.url));
        let answer = Answer::to(request.header("if-none-match", tags)).await;
        assert_eq!(answer.status, status, "{tags}");
        assert_eq!(answer.header("etag"), Some(etag.as_str()), "{tags}");
        assert_eq!(answer.header("cache-control"), full.header("cache-control"), "{tags}");
        assert_eq!(answer.text, if status == 304 { "" } else { full.text.as_str() }, "{tags}");
    }
}

async fn a_change_of_the_keys_changes_the_tag(database: Database) {
    let server = Server::start(database).await;
    let before = server.get(JWKS).await;
    assert_eq!(server.get(JWKS).await.header("etag"), before.header("etag"));
    let event = AuditEvent::new("test", "test");
    server.app.keys.rotate(Algorithm::Es256, Timing::Immediate, &event).await.unwrap().unwrap();
    let request = server.http.get(format!("{}{JWKS}", server.url));
    let request = request.header("if-none-match", before.header("etag").unwrap());
    let after = Answer::to(request).await.expect(200);
    assert_ne!(after.header("etag"), before.header("etag"));
    assert_ne!(after.text, before.text);
}

async fn methods_that_do_not_read_are_refused(database: Database) {
    let server = Server::start(database).await;
    for path in [JWKS, "/.well-known/openid-configuration"] {
        let url = format!("{}{path}", server.url);
        let full = server.get(path).await.expect(200);
        let head = Answer::to(server.http.head(&url)).await.expect(200);
        assert_eq!(head.text, "");
        for name in ["etag", "cache-control", "content-type", "content-length"] {
            assert_eq!(head.header(name), full.header(name), "{name} of {path}");
        }
        for request in [server.http.post(&url), server.http.put(&url), server.http.delete(&url)] {
            let answer = Answer::to(request).await;
            assert_eq!(answer.rejection(), (405, "method_not_allowed"), "{path}");
            assert_eq!(answer.header("allow"), Some("GET, HEAD"));
        }
    }
}
