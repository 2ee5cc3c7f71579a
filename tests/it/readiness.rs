//! Who has seen a key before it signs.
use crate::{
    fetchers::{behind_a_proxy, fetch},
    on_both,
    support::{Database, Server},
};
use serde_json::{Value, json};

on_both!(
    an_announced_key_tells_who_has_not_seen_it,
    who_came_once_every_replica_had_the_key_has_seen_it,
    an_immediate_rotation_tells_whom_it_surprises,
    a_compromise_tells_who_does_not_know_the_successor,
);

const ONE: (&str, &str) = ("one", "203.0.113.77");
const TWO: (&str, &str) = ("two", "198.51.100.1");

async fn come(server: &Server, (user_agent, address): (&str, &str)) {
    fetch(server, user_agent, address).await.expect(200);
}

/// How many have seen a key, and the user agents of those who have not.
fn counts(key: &Value) -> (u64, Vec<&str>) {
    let readiness = &key["readiness"];
    let not_seen = readiness["not_seen"].as_array().unwrap_or_else(|| panic!("{key}"));
    let not_seen = not_seen.iter().map(|fetcher| fetcher["user_agent"].as_str().unwrap());
    (readiness["seen"].as_u64().unwrap(), not_seen.collect())
}

async fn an_announced_key_tells_who_has_not_seen_it(database: Database) {
    let server = behind_a_proxy(database).await;
    come(&server, ONE).await;
    let one_came_at = server.clock.now().to_string();
    server.advance(1);
    come(&server, TWO).await;
    let rotated = server.rotate(json!({ "alg": "ES256" })).await.expect(200).json;
    assert_eq!(counts(&rotated["keys"][0]), (0, vec!["two", "one"]), "newest fetch first");
    assert_eq!(rotated["warning"], Value::Null, "nobody is surprised by a key that signs later");

    let kid = rotated["keys"][0]["kid"].as_str().unwrap();
    server.advance(1);
    come(&server, TWO).await;
    let keys = server.keys().await;
    let expected = json!({ "seen": 1, "not_seen": [{
        "user_agent": "one", "address_prefix": "203.0.113.0/24", "last_fetch_at": one_came_at,
    }] });
    assert_eq!(keys[kid]["readiness"], expected);
    for key in keys.values().filter(|key| key["state"] != "announced") {
        assert!(key.get("readiness").is_none(), "{key}");
    }
    come(&server, ONE).await;
    assert_eq!(counts(&server.keys().await[kid]), (2, vec![]));
    let planned = server.rotate(json!({ "alg": "ES256", "dry_run": true })).await.expect(200).json;
    assert_eq!(counts(&planned["planned"][0]), (2, vec![]));
}

/// The set changes again for another reason: then the `ETag` tells nothing, and the time has to.
async fn who_came_once_every_replica_had_the_key_has_seen_it(database: Database) {
    let server = behind_a_proxy(database).await;
    let rotated = server.rotate(json!({ "alg": "ES256" })).await.expect(200).json;
    let kid = rotated["keys"][0]["kid"].as_str().unwrap();
    // The leeway and this test's poll_interval.
    server.advance(60 + 60 * 60 - 1);
    come(&server, ONE).await;
    server.advance(1);
    come(&server, TWO).await;
    assert_eq!(counts(&server.keys().await[kid]), (2, vec![]));
    server.rotate(json!({ "alg": "RS256" })).await.expect(200);
    assert_eq!(counts(&server.keys().await[kid]), (1, vec!["one"]));
}

async fn an_immediate_rotation_tells_whom_it_surprises(database: Database) {
    let server = behind_a_proxy(database).await;
    let at_once = json!({ "alg": "ES256", "mode": "immediate" });
    let quiet = server.rotate(at_once.clone()).await.expect(200).json;
    assert_eq!(counts(&quiet["keys"][0]), (0, vec![]));
    assert!(quiet.get("warning").is_none(), "nobody is known");

    come(&server, ONE).await;
    let planned = json!({ "alg": "ES256", "mode": "immediate", "dry_run": true });
    let planned = server.rotate(planned).await.expect(200).json;
    assert_eq!(counts(&planned["planned"][0]), (0, vec!["one"]), "it is not made yet");
    let rotated = server.rotate(at_once.clone()).await.expect(200).json;
    assert_eq!(counts(&rotated["keys"][0]), (0, vec!["one"]));
    for answer in [planned, rotated] {
        assert!(answer["warning"].as_str().unwrap().contains("not_seen"), "{answer}");
    }

    // A key that was announced and that all have seen surprises nobody.
    server.rotate(json!({ "alg": "ES256" })).await.expect(200);
    come(&server, ONE).await;
    let rotated = server.rotate(at_once).await.expect(200).json;
    assert_eq!(rotated["keys"][0]["state"], "active");
    assert_eq!(counts(&rotated["keys"][0]), (1, vec![]));
    assert!(rotated.get("warning").is_none());
}

async fn a_compromise_tells_who_does_not_know_the_successor(database: Database) {
    let server = behind_a_proxy(database).await;
    come(&server, ONE).await;
    let old = server.signing_kid().await;
    for dry_run in [true, false] {
        let body = json!({ "mode": "compromised", "kid": old, "dry_run": dry_run });
        let report = server.rotate(body).await.expect(200).json;
        assert_eq!(counts(&report), (0, vec!["one"]), "{report}");
        assert!(report["warning"].is_string());
    }
    // One that does not sign has no successor.
    let announced = server.rotate(json!({ "alg": "ES256" })).await.expect(200).json;
    let body = json!({ "mode": "compromised", "kid": announced["keys"][0]["kid"] });
    let report = server.rotate(body).await.expect(200).json;
    assert!(report.get("readiness").is_none() && report.get("warning").is_none(), "{report}");
}
