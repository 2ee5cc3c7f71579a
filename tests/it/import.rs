//! Private keys that were made elsewhere and become the next of their line.
use crate::{
    on_both,
    support::{Answer, Database, ResourceServer, Server, kid_of},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use josekit::jwk::{
    Jwk, KeyPair as _,
    alg::{ec::EcCurve, ec::EcKeyPair, rsa::RsaKeyPair},
};
use mintmark::{
    jose::generate,
    model::Algorithm::{self, EdDsa, Es256, Ps256, Rs256},
};
use serde_json::{Value, json};

const DAY: u64 = 24 * 60 * 60;

on_both!(
    an_imported_key_is_announced_and_then_signs,
    an_imported_key_can_sign_at_once_and_after_a_restart,
    a_key_of_each_algorithm_can_be_imported,
    what_is_no_key_to_sign_with_is_refused_and_not_told_again,
    a_key_is_taken_once_and_never_again,
    a_line_with_an_announced_key_takes_no_other,
    two_replicas_that_import_at_once_make_one_key,
    a_dry_run_changes_nothing,
);

/// A new private key in PKCS#8, as PEM.
fn pem(alg: Algorithm) -> String {
    let text = STANDARD.encode(&*generate(alg).unwrap().pkcs8);
    format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n")
}

async fn import(server: &Server, body: Value) -> Answer {
    let token = server.admin_token().await;
    server.admin("POST", "/admin/v1/keys/import", &token, Some(body)).await
}

fn key_of(answer: &Answer) -> &Value {
    assert_eq!(answer.json["keys"].as_array().unwrap().len(), 1, "{answer:?}");
    &answer.json["keys"][0]
}

async fn count(server: &Server) -> i64 {
    server.database.number("SELECT COUNT(*) FROM keys").await
}

async fn an_imported_key_is_announced_and_then_signs(database: Database) {
    let server = Server::start(database).await;
    let first = server.signing_kid().await;
    let answer = import(&server, json!({ "pem": pem(Es256) })).await.expect(200);
    let key = key_of(&answer);
    let expected = ("ES256", 2, "announced", "imported");
    let text = |name: &str| key[name].as_str().unwrap();
    assert_eq!(
        (text("alg"), key["number"].as_i64().unwrap(), text("state"), text("origin")),
        expected
    );
    assert_eq!(server.audited("key.imported").await, 1);

    let copy = ResourceServer::fetch(&server).await;
    server.advance(DAY - 1);
    assert_eq!(server.signing_kid().await, first);
    server.advance(1);
    let token = server.admin_token().await;
    assert_eq!(kid_of(&token), text("kid"));
    assert!(copy.accepts(&token), "who fetched a day ago knows it");
    // The schedule goes on from it.
    server.advance(29 * DAY);
    server.app.keys.maintain().await.unwrap();
    let keys = server.keys().await.into_values();
    let next = keys.filter(|key| key["alg"] == "ES256" && key["state"] == "announced");
    assert_eq!(next.map(|key| key["number"].clone()).collect::<Vec<_>>(), [3]);
}

async fn an_imported_key_can_sign_at_once_and_after_a_restart(database: Database) {
    let server = Server::start(database).await;
    let jwk = EcKeyPair::generate(EcCurve::P256).unwrap().to_jwk_key_pair();
    let body = json!({ "jwk": jwk, "mode": "immediate" });
    let answer = import(&server, body).await.expect(200);
    assert!(answer.json["keys"][0]["state"] == "active" && key_of(&answer)["alg"] == "ES256");
    let kid = server.signing_kid().await;
    assert_eq!(key_of(&answer)["kid"], *kid);
    let restarted = server.replica().await;
    let token = restarted.admin_token().await;
    assert!(kid_of(&token) == kid && ResourceServer::fetch(&server).await.accepts(&token));
}

async fn a_key_of_each_algorithm_can_be_imported(database: Database) {
    let server =
        Server::with(database, |settings| settings.keys.algorithms = Algorithm::ALL.to_vec()).await;
    for &alg in Algorithm::ALL {
        let body = json!({ "pem": pem(alg), "alg": alg, "mode": "immediate" });
        let answer = import(&server, body).await.expect(200);
        assert_eq!(
            (key_of(&answer)["alg"].as_str(), &answer.json["keys"][0]["number"]),
            (Some(alg.as_str()), &json!(2))
        );
    }
}

async fn what_is_no_key_to_sign_with_is_refused_and_not_told_again(database: Database) {
    let server = Server::start(database).await;
    let before = count(&server).await;
    let weak = RsaKeyPair::generate(1024).unwrap();
    let weak = String::from_utf8(weak.to_pem_private_key()).unwrap();
    let strange = EcKeyPair::generate(EcCurve::Secp256k1).unwrap().to_jwk_key_pair();
    let public: Jwk = EcKeyPair::generate(EcCurve::P256).unwrap().to_jwk_public_key();
    let es256 = pem(Es256);
    for (body, says) in [
        (json!({ "pem": weak, "alg": "RS256" }), "2048"),
        (json!({ "pem": pem(Rs256) }), "name one of RS256, PS256"),
        (json!({ "pem": es256, "alg": "RS256" }), "does not fit RS256"),
        (json!({ "pem": pem(EdDsa) }), "EdDSA is not switched on"),
        (json!({ "jwk": strange }), "curve"),
        (json!({ "jwk": public }), "public key"),
        (json!({ "pem": "secret-of-the-test" }), "neither a PEM"),
        (json!({ "pem": es256, "jwk": strange }), "either pem or jwk"),
        (json!({}), "either pem or jwk"),
        (json!({ "pem": es256, "mode": "compromised" }), "graceful or immediate"),
        (json!({ "pem": es256, "kid": "mine" }), "JSON"),
        (json!({ "pem": 5 }), ""),
    ] {
        let answer = import(&server, body.clone()).await;
        assert_eq!(answer.rejection(), (400, "invalid_request"), "{body}");
        assert!(answer.text.contains(says), "no `{says}` in {answer:?}");
        let secrets =
            body["pem"].as_str().into_iter().flat_map(str::lines).filter(|l| !l.starts_with('-'));
        for secret in secrets.chain(body["jwk"]["d"].as_str()) {
            assert!(!answer.text.contains(secret), "{answer:?}");
        }
    }
    assert_eq!(count(&server).await, before);
    assert_eq!(server.audited("key.imported").await, 0);
}

async fn a_key_is_taken_once_and_never_again(database: Database) {
    let server =
        Server::with(database, |settings| settings.keys.algorithms = vec![Es256, Rs256, Ps256])
            .await;
    let (ec, rsa) = (pem(Es256), pem(Rs256));
    let again = async |body: Value, says: &str| {
        let refused = import(&server, body).await;
        assert_eq!(refused.rejection(), (409, "conflict"));
        assert!(refused.text.contains(says), "no `{says}` in {refused:?}");
    };
    let body = json!({ "pem": ec, "mode": "immediate" });
    let kid = key_of(&import(&server, body.clone()).await.expect(200))["kid"].clone();
    again(body.clone(), "ES256 key 2, which is active").await;
    server.rotate(json!({ "mode": "compromised", "kid": kid })).await.expect(200);
    again(body.clone(), "which is revoked").await;
    server.advance(60 * DAY);
    again(body, "which is revoked").await;

    import(&server, json!({ "pem": rsa, "alg": "RS256" })).await.expect(200);
    again(json!({ "pem": rsa, "alg": "PS256" }), "RS256 key 2, which is announced").await;
}

async fn a_line_with_an_announced_key_takes_no_other(database: Database) {
    let server = Server::start(database).await;
    server.rotate(json!({ "alg": "ES256" })).await.expect(200);
    for mode in ["graceful", "immediate"] {
        let refused = import(&server, json!({ "pem": pem(Es256), "mode": mode })).await;
        assert_eq!(refused.rejection(), (409, "conflict"), "{mode}");
        assert!(refused.text.contains("ES256 key 2 is announced already"), "{refused:?}");
    }
    server.advance(DAY);
    import(&server, json!({ "pem": pem(Es256) })).await.expect(200);
}

async fn two_replicas_that_import_at_once_make_one_key(database: Database) {
    let first = Server::start(database).await;
    let second = first.replica().await;
    for round in 0..5 {
        let body = json!({ "pem": pem(Es256), "mode": "immediate" });
        let (one, two) = tokio::join!(import(&first, body.clone()), import(&second, body));
        let mut statuses = [one.status, two.status];
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 409], "round {round}: {one:?} {two:?}");
    }
    assert_eq!(first.audited("key.imported").await, 5);
    assert_eq!(first.database.number("SELECT COUNT(*) FROM keys WHERE line = 'ES256'").await, 6);
}

async fn a_dry_run_changes_nothing(database: Database) {
    let server = Server::start(database).await;
    let rows = server.database.keys().await;
    let body = json!({ "pem": pem(Es256), "dry_run": true });
    let answer = import(&server, body).await.expect(200);
    assert_eq!(
        (&answer.json["planned"][0]["alg"], &answer.json["planned"][0]["number"]),
        (&json!("ES256"), &json!(2))
    );
    assert_eq!(server.database.keys().await, rows);
}
