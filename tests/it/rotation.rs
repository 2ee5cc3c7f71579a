//! The life of a signing key: announced, active, verifying, gone.
use crate::{
    on_both,
    support::{Database, ResourceServer, Server, kid_of},
};
use futures_util::future::join_all;
use mintmark::model::{Algorithm, TokenType};
use serde_json::json;
use std::{
    collections::HashSet,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

on_both!(
    a_graceful_rotation_announces_then_signs_then_verifies_then_is_gone,
    an_immediate_rotation_signs_at_once_and_old_tokens_stay_good,
    an_immediate_rotation_activates_the_announced_key,
    a_request_that_began_before_a_rotation_is_signed_by_the_key_that_took_over,
    keys_rotate_on_schedule_and_nobody_who_caches_the_jwks_notices,
    a_service_that_was_stopped_for_long_does_not_cut_the_announcement_short,
    a_verifier_that_refetches_on_an_unknown_kid_never_fails_during_rotations,
    a_line_has_a_bounded_number_of_published_keys,
    a_full_line_keeps_the_others_from_rotating,
    a_malformed_rotation_is_refused,
    every_key_made_is_audited,
);

async fn a_graceful_rotation_announces_then_signs_then_verifies_then_is_gone(database: Database) {
    let server = Server::start(database).await;
    let old = server.signing_kid().await;
    let rotated = server.rotate(json!({ "alg": "ES256" })).await.expect(200).json;
    let [key] = rotated["keys"].as_array().unwrap().as_slice() else { panic!("{rotated}") };
    let new = key["kid"].as_str().unwrap().to_owned();
    assert_eq!(key["alg"], "ES256");
    assert_eq!((&key["number"], &key["state"]), (&json!(2), &json!("announced")));
    assert_ne!(new, old);
    assert!(server.published().await.contains(&new));
    assert_eq!(server.signing_kid().await, old);

    let announced_for = Duration::from_secs(DAY);
    server.clock.advance(announced_for.checked_sub(Duration::from_millis(1)).unwrap());
    assert_eq!(server.signing_kid().await, old);
    server.clock.advance(Duration::from_millis(1));
    assert_eq!(server.signing_kid().await, new);
    let keys = server.keys().await;
    assert_eq!(
        (&keys[&old]["state"], &keys[&new]["state"]),
        (&json!("verifying"), &json!("active"))
    );
    assert_eq!(keys[&old]["superseded_at"], keys[&new]["activates_at"]);

    // 10 minutes is the longest a token lives, one the leeway.
    server.clock.advance(Duration::from_millis(11 * MINUTE * 1000 - 1));
    assert!(server.published().await.contains(&old));
    server.clock.advance(Duration::from_millis(1));
    assert!(!server.published().await.contains(&old));
    let keys = server.keys().await;
    assert_eq!(keys[&old]["state"], "gone");
    assert_eq!(keys[&old]["unpublished_at"], server.clock.now().to_string());
}

async fn an_immediate_rotation_signs_at_once_and_old_tokens_stay_good(database: Database) {
    let server = Server::start(database).await;
    let old = server.admin_token().await;
    let rotated = server.rotate(json!({ "mode": "immediate" })).await.expect(200).json;
    assert_eq!(rotated["keys"].as_array().unwrap().len(), 2, "one key of each algorithm");
    let new = server.admin_token().await;
    assert_ne!(kid_of(&new), kid_of(&old));
    server.advance(10 * MINUTE - 1);
    for token in [&old, &new] {
        server.admin("GET", "/admin/v1/keys", token, None).await.expect(200);
        assert!(ResourceServer::fetch(&server).await.accepts(token));
    }
    server.advance(1);
    server.admin("GET", "/admin/v1/keys", &old, None).await.expect(401);
}

async fn an_immediate_rotation_activates_the_announced_key(database: Database) {
    let server = Server::start(database).await;
    let announced = server.rotate(json!({ "alg": "ES256" })).await.expect(200).json;
    server.advance(HOUR);
    let activated = json!({ "alg": "ES256", "mode": "immediate" });
    let activated = server.rotate(activated).await.expect(200).json;
    assert_eq!(activated["keys"][0]["kid"], announced["keys"][0]["kid"]);
    assert_eq!(activated["keys"][0]["state"], "active");
    assert_eq!(announced["keys"][0]["kid"], server.signing_kid().await);
    assert_eq!(server.database.number("SELECT COUNT(*) FROM keys WHERE line = 'ES256'").await, 2);
}

/// The instant of a request is that of its begin, and its keys are those that are known at its end.
async fn a_request_that_began_before_a_rotation_is_signed_by_the_key_that_took_over(
    database: Database,
) {
    let server = Server::start(database).await;
    for mode in ["immediate", "compromised"] {
        let kid = server.signing_kid().await;
        let began_at = server.clock.now();
        server.advance(1);
        let kid = (mode == "compromised").then_some(kid);
        server.rotate(json!({ "mode": mode, "kid": kid })).await.expect(200);
        let signer = server.app.keys.snapshot().signer(Algorithm::Es256, began_at).unwrap();
        let token = signer.sign(TokenType::AtJwt, &json!({})).unwrap();
        assert_eq!(kid_of(&token), server.signing_kid().await, "{mode}");
    }
}

/// Who holds a copy of the JWKS that is as old as it may be knows every key that signs: case 306.
async fn keys_rotate_on_schedule_and_nobody_who_caches_the_jwks_notices(database: Database) {
    let server = Server::start(database).await;
    let mut seen = HashSet::from([server.signing_kid().await]);
    server.advance(29 * DAY - 1);
    server.app.keys.maintain().await.unwrap();
    assert_eq!(server.published().await.len(), 2, "not before rotate_every - announce_for");
    server.advance(1);
    let mut copy = ResourceServer::fetch(&server).await;
    server.app.keys.maintain().await.unwrap();
    assert_eq!(server.published().await.len(), 4, "a second key of each algorithm");
    for step in 1..=(26 * 6) {
        server.advance(10 * MINUTE);
        let token = server.admin_token().await;
        assert!(copy.accepts(&token), "a cached JWKS lacks {} at step {step}", kid_of(&token));
        seen.insert(kid_of(&token));
        if step % 6 == 0 {
            server.app.keys.maintain().await.unwrap();
            copy = ResourceServer::fetch(&server).await;
        }
    }
    assert_eq!(seen.len(), 2, "it rotated once");
    assert_eq!(copy.kids().len(), 2, "the old keys are gone");
}

async fn a_service_that_was_stopped_for_long_does_not_cut_the_announcement_short(
    database: Database,
) {
    let server = Server::start(database).await;
    let old = server.signing_kid().await;
    server.advance(40 * DAY);
    server.app.keys.maintain().await.unwrap();
    let announced = server.published().await;
    assert_eq!(announced.len(), 4);
    server.advance(DAY - 1);
    assert_eq!(server.signing_kid().await, old);
    server.advance(1);
    let new = server.signing_kid().await;
    assert!(new != old && announced.contains(&new));
}

/// Case 305.
async fn a_verifier_that_refetches_on_an_unknown_kid_never_fails_during_rotations(
    database: Database,
) {
    let server = Server::start(database).await;
    let rotations_left = AtomicUsize::new(5);
    let verifying = async {
        let (mut copy, mut fetches) = (ResourceServer::fetch(&server).await, 0);
        while rotations_left.load(Ordering::Relaxed) > 0 {
            let tokens = join_all((0..20).map(|_| server.admin_token())).await;
            for token in tokens {
                if !copy.kids().contains(&kid_of(&token).as_str()) {
                    copy = ResourceServer::fetch(&server).await;
                    fetches += 1;
                }
                assert!(copy.accepts(&token));
            }
        }
        fetches
    };
    let rotating = async {
        for _ in 0..5 {
            server.rotate(json!({ "mode": "immediate", "alg": "ES256" })).await.expect(200);
            tokio::time::sleep(Duration::from_millis(100)).await;
            rotations_left.fetch_sub(1, Ordering::Relaxed);
        }
    };
    let (fetches, ()) = tokio::join!(verifying, rotating);
    assert!((1..=5).contains(&fetches), "{fetches} fetches for 5 rotations");
}

async fn a_line_has_a_bounded_number_of_published_keys(database: Database) {
    let only_es256 = |settings: &mut mintmark::config::Settings| {
        settings.keys.algorithms = vec![Algorithm::Es256];
    };
    let server = Server::with(database, only_es256).await;
    for _ in 0..9 {
        server.rotate(json!({ "mode": "immediate" })).await.expect(200);
    }
    for mode in ["immediate", "graceful"] {
        let refused = server.rotate(json!({ "mode": mode })).await;
        assert_eq!(refused.rejection(), (409, "conflict"), "{mode}");
    }
    assert_eq!(server.published().await.len(), 10);
    server.advance(11 * MINUTE);
    assert_eq!(server.published().await.len(), 1);
    server.rotate(json!({ "mode": "immediate" })).await.expect(200);
}

/// A rotation of all lines is one of each or of none.
async fn a_full_line_keeps_the_others_from_rotating(database: Database) {
    let server = Server::start(database).await;
    for _ in 0..9 {
        server.rotate(json!({ "mode": "immediate", "alg": "ES256" })).await.expect(200);
    }
    server.rotate(json!({ "mode": "immediate" })).await.expect(409);
    let others = "SELECT COUNT(*) FROM keys WHERE line = 'RS256'";
    assert_eq!(server.database.number(others).await, 1);
}

async fn a_malformed_rotation_is_refused(database: Database) {
    let only_es256 = |settings: &mut mintmark::config::Settings| {
        settings.keys.algorithms = vec![Algorithm::Es256];
    };
    let server = Server::with(database, only_es256).await;
    for body in [
        json!({ "alg": "RS256" }),
        json!({ "alg": "HS256" }),
        json!({ "alg": "none" }),
        json!({ "alg": 1 }),
        json!({ "mode": "sudden" }),
        json!({ "mode": null, "algorithm": "ES256" }),
        json!({ "unknown": true }),
        json!([{ "alg": ["ES256"] }]),
        json!("immediate"),
    ] {
        let answer = server.rotate(body.clone()).await;
        assert_eq!(answer.rejection(), (400, "invalid_request"), "{body}");
    }
    assert_eq!(server.database.number("SELECT COUNT(*) FROM keys WHERE line = 'ES256'").await, 1);
    let token = server.admin_token().await;
    let nothing = server.admin("POST", "/admin/v1/keys/rotate", &token, None).await.expect(200);
    assert_eq!(nothing.json["mode"], "graceful");
    assert_eq!(nothing.json["keys"].as_array().unwrap().len(), 1);
}

async fn every_key_made_is_audited(database: Database) {
    let server = Server::start(database).await;
    assert_eq!(server.audited("key.made_on_schedule").await, 3, "the first of each line");
    server.rotate(json!({})).await.expect(200);
    server.rotate(json!({})).await.expect(200);
    assert_eq!(server.audited("key.rotated_gracefully").await, 2, "the second call made none");
    let answer = server.rotate(json!({ "mode": "immediate", "alg": "RS256" })).await.expect(200);
    let request_id = answer.header("x-request-id").unwrap();
    let query = format!(
        "SELECT COUNT(*) FROM audit_events WHERE action = 'key.rotated_immediately'
         AND actor = 'client:admin' AND request_id = '{request_id}'
         AND detail = '{{\"line\":\"RS256\",\"number\":2}}'"
    );
    assert_eq!(server.database.number(&query).await, 1);
}
