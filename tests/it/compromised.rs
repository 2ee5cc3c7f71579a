//! A leaked key: what `POST /admin/v1/keys/rotate` with the mode `compromised` does.
use crate::{
    on_both,
    support::{Database, Server, part_of},
};
use mintmark::{
    clock::Clock,
    config::Settings,
    model::{Algorithm, ClientMetadata, ClientType},
};
use serde_json::{Value, json};
use std::{
    sync::{Arc, atomic::AtomicI64},
    time::Duration,
};

on_both!(
    the_key_leaves_at_once_and_its_tokens_are_refused,
    a_dry_run_tells_the_same_and_changes_nothing,
    sessions_whose_tokens_it_signed_can_end,
    an_announced_key_makes_way_for_another,
    another_replica_follows,
    a_replica_whose_clock_is_slow_follows_at_once,
    only_a_published_key_can_be_compromised,
);

fn kid_of(token: &str) -> String {
    part_of(token, 0)["kid"].as_str().unwrap().to_owned()
}

async fn published(server: &Server) -> Vec<String> {
    let jwks = server.get("/.well-known/jwks.json").await.json;
    let keys = jwks["keys"].as_array().unwrap().iter();
    keys.map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

async fn rotate(server: &Server, token: &str, body: Value) -> crate::support::Answer {
    server.admin("POST", "/admin/v1/keys/rotate", token, Some(body)).await
}

async fn the_key_leaves_at_once_and_its_tokens_are_refused(database: Database) {
    let server = Server::start(database).await;
    let leaked = server.admin_token().await;
    let kid = kid_of(&leaked);
    let report = rotate(&server, &leaked, json!({ "mode": "compromised", "kid": kid })).await;
    let report = report.expect(200);
    assert_eq!((&report.json["alg"], &report.json["successor"]), (&json!("ES256"), &json!(2)));
    assert!(!published(&server).await.contains(&kid));
    server.admin("GET", "/admin/v1/keys", &leaked, None).await.expect(401);

    let fresh = server.admin_token().await;
    assert!(published(&server).await.contains(&kid_of(&fresh)));
    let keys = server.admin("GET", "/admin/v1/keys", &fresh, None).await.expect(200).json;
    let states: Vec<_> = keys["keys"].as_array().unwrap().iter().map(|k| &k["state"]).collect();
    assert_eq!(states, ["active", "revoked", "active"]);
    let kept = format!("SELECT COUNT(*) FROM keys WHERE kid = '{kid}' AND sealed IS NOT NULL");
    assert_eq!(server.database.number(&kept).await, 0, "the private half is erased");
    assert_eq!(server.audited("key.compromised").await, 1);
}

async fn a_dry_run_tells_the_same_and_changes_nothing(database: Database) {
    let server = Server::start(database).await;
    server.login(Some("phone")).await;
    let token = server.admin_token().await;
    let kid = kid_of(&token);
    let before = published(&server).await;
    let body = json!({ "mode": "compromised", "kid": kid, "dry_run": true });
    let mut planned = rotate(&server, &token, body).await.expect(200).json;
    assert_eq!(published(&server).await, before);
    assert_eq!(server.audited("key.compromised").await, 0);

    let body = json!({ "mode": "compromised", "kid": kid });
    let done = rotate(&server, &token, body).await.expect(200).json;
    planned["dry_run"] = json!(false);
    assert_eq!(planned, done);
    assert_eq!(done["sessions"], 1);
    assert_eq!(done["clients"], json!([{ "client_id": "app", "sessions": 1 }]));
}

async fn sessions_whose_tokens_it_signed_can_end(database: Database) {
    let server = Server::start(database).await;
    let old = server.login(Some("tablet")).await;
    // Longer ago than any access token lives.
    server.advance(601);
    let recent = server.login(Some("phone")).await;
    let rsa = ClientMetadata {
        access_token_alg: Some(Algorithm::Rs256),
        ..ClientMetadata::new(ClientType::Public, vec!["refresh_token".into()])
    };
    server.add_client("rsa", rsa, None).await;
    let body = json!({
        "username": "alice", "password": crate::support::PASSWORD, "client_id": "rsa",
    });
    let other_alg = server.post_json("/session/login", body).await.expect(200);

    let token = server.admin_token().await;
    let body = json!({ "mode": "compromised", "kid": kid_of(&token), "end_sessions": true });
    let report = rotate(&server, &token, body).await.expect(200).json;
    assert_eq!((&report["sessions"], &report["sessions_ended"]), (&json!(1), &json!(1)));

    let refused = server.refresh(recent.refresh_token()).await.expect(400);
    assert_eq!(refused.json["error_description"], "ended: key_compromised");
    server.refresh(old.refresh_token()).await.expect(200);
    let form = format!(
        "grant_type=refresh_token&client_id=rsa&refresh_token={}",
        other_alg.refresh_token()
    );
    server.post("/oauth/token", None, &form).await.expect(200);
}

async fn an_announced_key_makes_way_for_another(database: Database) {
    let server = Server::start(database).await;
    let token = server.admin_token().await;
    let body = json!({ "alg": "ES256" });
    let announced = rotate(&server, &token, body).await.expect(200).json;
    let kid = announced["keys"][0]["kid"].clone();
    let body = json!({ "mode": "compromised", "kid": kid });
    let report = rotate(&server, &token, body).await.expect(200).json;
    assert_eq!(report["successor"], Value::Null);
    // The key that signs was not the one that leaked.
    let again = rotate(&server, &token, json!({ "alg": "ES256" })).await.expect(200).json;
    assert_eq!(again["keys"][0]["number"], 3);
    server.advance(24 * 60 * 60);
    server.app.keys.maintain().await.unwrap();
    assert_eq!(again["keys"][0]["kid"], json!(kid_of(&server.admin_token().await)));
}

async fn another_replica_follows(database: Database) {
    let server = Server::start(database).await;
    let replica = server.replica().await;
    let leaked = server.admin_token().await;
    replica.admin("GET", "/admin/v1/keys", &leaked, None).await.expect(200);
    let body = json!({ "mode": "compromised", "kid": kid_of(&leaked) });
    rotate(&server, &leaked, body).await.expect(200);
    replica.app.keys.maintain().await.unwrap();
    assert_eq!(published(&replica).await, published(&server).await);
    replica.admin("GET", "/admin/v1/keys", &leaked, None).await.expect(401);
}

/// Its clock calls the key revoked, and the successor active, only half a minute later.
async fn a_replica_whose_clock_is_slow_follows_at_once(database: Database) {
    let one_line = |settings: &mut Settings| {
        settings.keys.algorithms = vec![Algorithm::Es256];
        // Upkeep is done when a test says so.
        settings.keys.poll_interval = Duration::from_hours(1);
    };
    let server = Server::with(database, one_line).await;
    let behind = (server.clock.now() - Duration::from_secs(30)).0;
    let slow = Clock::Manual(Arc::new(AtomicI64::new(behind)));
    let replica = server.replica_at(slow.clone(), one_line).await;
    let token = server.admin_token().await;
    let kid = kid_of(&token);
    let body = json!({ "mode": "compromised", "kid": kid });
    rotate(&server, &token, body).await.expect(200);

    let again = server.replica_at(slow, one_line).await;
    replica.app.keys.reload().await.unwrap();
    for replica in [replica, again] {
        assert_ne!(kid_of(&replica.admin_token().await), kid);
        assert!(!published(&replica).await.contains(&kid));
    }
}

async fn only_a_published_key_can_be_compromised(database: Database) {
    let server = Server::start(database).await;
    let token = server.admin_token().await;
    for (body, status, error) in [
        (json!({ "mode": "compromised" }), 400, "invalid_request"),
        (json!({ "mode": "compromised", "kid": "nobody" }), 404, "not_found"),
        (json!({ "mode": "compromised", "kid": "handle-1" }), 404, "not_found"),
        (json!({ "mode": "compromised", "kid": "x", "alg": "ES256" }), 400, "invalid_request"),
        (json!({ "mode": "immediate", "kid": "x" }), 400, "invalid_request"),
        (json!({ "mode": "graceful", "end_sessions": true }), 400, "invalid_request"),
    ] {
        let answer = rotate(&server, &token, body.clone()).await;
        assert_eq!(answer.rejection(), (status, error), "{body}");
    }
    let planned = json!({ "mode": "immediate", "dry_run": true });
    let planned = rotate(&server, &token, planned).await.expect(200).json;
    assert_eq!(planned["planned"][0]["number"], 2);
    assert_eq!(published(&server).await.len(), 2);
}
