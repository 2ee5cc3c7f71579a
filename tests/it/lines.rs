//! Lines of keys that are switched on and off while the service lives.
use crate::{
    on_both,
    support::{Database, ResourceServer, Server, kid_of, part_of},
};
use mintmark::{
    config::Settings,
    model::Algorithm::{self, Es256, Rs256},
};
use serde_json::{Value, json};
use std::time::Duration;

const MINUTE: u64 = 60;
const DAY: u64 = 24 * 60 * MINUTE;

on_both!(
    a_line_that_is_switched_on_is_announced_before_it_signs,
    a_line_that_is_switched_off_runs_out,
    a_line_that_runs_out_ends_though_it_rotates_meanwhile,
    a_line_that_is_switched_on_again_in_time_goes_on,
    replicas_with_old_and_new_settings_do_not_work_against_each_other,
    a_replica_with_old_settings_lets_a_new_line_begin,
    every_line_can_be_replaced_and_no_verifier_notices,
    without_any_key_that_signs_one_is_made_at_once,
    an_announced_key_signs_early_when_the_last_that_signed_is_lost,
    a_leaked_key_of_a_line_that_is_switched_off_has_no_successor,
    a_leaked_key_counts_the_sessions_that_it_signed_for_another_line,
    when_the_last_key_that_signs_has_leaked_the_announced_one_signs_at_once,
);

fn on(algorithms: &[Algorithm], default: Algorithm) -> impl FnOnce(&mut Settings) {
    let algorithms = algorithms.to_vec();
    move |settings| {
        settings.keys.algorithms = algorithms;
        settings.tokens.access_token_alg = default;
        // Upkeep is done when a test says so.
        settings.keys.poll_interval = Duration::from_hours(1);
    }
}

/// The algorithm of a token of the client `service`, which asks for RS256.
async fn alg_of_token(server: &Server) -> String {
    let form = "grant_type=client_credentials";
    let token = server.post("/oauth/token", Some("service"), form).await.expect(200);
    part_of(token.access_token(), 0)["alg"].as_str().unwrap().to_owned()
}

async fn ask_for_rs256(server: &Server) {
    let changed = server
        .database
        .execute(
            r#"UPDATE clients SET metadata = '{"access_token_alg":"RS256",' || substr(metadata, 2)
               WHERE id = 'service'"#,
        )
        .await;
    assert_eq!(changed, 1);
}

/// The states of the line's keys, by number.
async fn states(server: &Server, line: &str) -> Vec<String> {
    let token = server.admin_token().await;
    let answer = server.admin("GET", "/admin/v1/keys", &token, None).await.expect(200);
    let keys = answer.json["keys"].as_array().unwrap().clone();
    let line = keys.iter().filter(|key| key["alg"] == line);
    line.map(|key| key["state"].as_str().unwrap().to_owned()).collect()
}

async fn a_line_that_is_switched_on_is_announced_before_it_signs(database: Database) {
    let old = Server::with(database, on(&[Es256], Es256)).await;
    ask_for_rs256(&old).await;
    assert_eq!(alg_of_token(&old).await, "ES256", "the default, as there is no other");
    let new = old.replica_with(on(&[Rs256, Es256], Es256)).await;
    assert_eq!(states(&new, "RS256").await, ["announced"]);
    assert_eq!(alg_of_token(&new).await, "ES256");
    let copy = ResourceServer::fetch(&new).await;
    new.advance(DAY - 1);
    assert_eq!(alg_of_token(&new).await, "ES256");
    new.advance(1);
    assert_eq!(alg_of_token(&new).await, "RS256");
    let form = "grant_type=client_credentials";
    let token = new.post("/oauth/token", Some("service"), form).await;
    assert!(copy.accepts(token.access_token()), "who fetched a day ago knows the key");
}

async fn a_line_that_is_switched_off_runs_out(database: Database) {
    let old = Server::with(database, on(&[Rs256, Es256], Es256)).await;
    ask_for_rs256(&old).await;
    let new = old.replica_with(on(&[Es256], Es256)).await;
    assert_eq!(new.audited("key.retired").await, 1);
    new.advance(DAY - 1);
    assert_eq!(
        (alg_of_token(&new).await.as_str(), states(&new, "RS256").await),
        ("RS256", vec!["active".into()])
    );
    new.advance(1);
    assert_eq!(
        (alg_of_token(&new).await.as_str(), states(&new, "RS256").await),
        ("ES256", vec!["verifying".into()])
    );
    new.app.keys.maintain().await.unwrap();
    new.advance(10 * MINUTE);
    assert_eq!(states(&new, "RS256").await, ["verifying"]);
    new.advance(MINUTE);
    assert_eq!(states(&new, "RS256").await, ["gone"]);
    assert_eq!(new.published().await.len(), 1);
    new.app.keys.maintain().await.unwrap();
    let left = "SELECT COUNT(*) FROM keys WHERE line = 'RS256' AND sealed IS NOT NULL";
    assert_eq!(new.database.number(left).await, 0, "its private half is erased");
    // Switched on again, it begins anew.
    let again = new.replica_with(on(&[Rs256, Es256], Es256)).await;
    assert_eq!(states(&again, "RS256").await, ["gone", "announced"]);
}

/// By a replica that still has it switched on.
async fn a_line_that_runs_out_ends_though_it_rotates_meanwhile(database: Database) {
    let old = Server::with(database, on(&[Rs256, Es256], Es256)).await;
    let new = old.replica_with(on(&[Es256], Es256)).await;
    old.rotate(json!({ "alg": "RS256", "mode": "immediate" })).await.expect(200);
    new.app.keys.maintain().await.unwrap();
    assert_eq!(states(&new, "RS256").await, ["verifying", "active"]);
    new.advance(DAY);
    assert_eq!(states(&new, "RS256").await, ["gone", "verifying"]);
}

async fn a_line_that_is_switched_on_again_in_time_goes_on(database: Database) {
    let first = Server::with(database, on(&[Rs256, Es256], Es256)).await;
    let second = first.replica_with(on(&[Es256], Es256)).await;
    second.advance(DAY / 2);
    let third = second.replica_with(on(&[Rs256, Es256], Es256)).await;
    assert_eq!(third.audited("key.kept").await, 1);
    third.advance(DAY);
    third.app.keys.maintain().await.unwrap();
    assert_eq!(states(&third, "RS256").await, ["active"]);
}

async fn replicas_with_old_and_new_settings_do_not_work_against_each_other(database: Database) {
    let old = Server::with(database, on(&[Rs256, Es256], Es256)).await;
    let new = old.replica_with(on(&[Es256], Es256)).await;
    for _ in 0..5 {
        for server in [&old, &new] {
            server.app.keys.maintain().await.unwrap();
        }
        old.advance(60 * MINUTE);
        assert_eq!(states(&old, "RS256").await, ["active"]);
        assert_eq!(states(&new, "RS256").await, ["active"]);
    }
    assert_eq!((new.audited("key.retired").await, new.audited("key.kept").await), (1, 0));
    assert_eq!(old.database.number("SELECT COUNT(*) FROM keys WHERE line = 'RS256'").await, 1);
}

async fn a_replica_with_old_settings_lets_a_new_line_begin(database: Database) {
    let old = Server::with(database, on(&[Es256], Es256)).await;
    ask_for_rs256(&old).await;
    let new = old.replica_with(on(&[Rs256, Es256], Es256)).await;
    for _ in 0..24 {
        new.advance(60 * MINUTE);
        for server in [&old, &new] {
            server.app.keys.maintain().await.unwrap();
        }
    }
    for server in [&old, &new] {
        assert_eq!(alg_of_token(server).await, "RS256", "whoever knows the key signs with it");
    }
    assert_eq!(old.audited("key.retired").await, 0);
}

async fn every_line_can_be_replaced_and_no_verifier_notices(database: Database) {
    let old = Server::with(database, on(&[Es256], Es256)).await;
    let new = old.replica_with(on(&[Rs256], Rs256)).await;
    let mut seen = Vec::new();
    for hour in 0..26 {
        // The old replica goes on for some hours, and follows its own settings.
        if hour < 20 {
            old.app.keys.maintain().await.unwrap();
        }
        // The JWKS is cached for an hour.
        let copy = ResourceServer::fetch(&new).await;
        for _ in 0..4 {
            let token = new.admin_token().await;
            assert!(copy.accepts(&token));
            let alg = part_of(&token, 0)["alg"].as_str().unwrap().to_owned();
            if seen.last() != Some(&alg) {
                seen.push(alg);
            }
            new.advance(15 * MINUTE);
        }
        new.app.keys.maintain().await.unwrap();
    }
    assert_eq!(seen, ["ES256", "RS256"]);
    assert_eq!(new.published().await.len(), 1);
    assert_eq!(states(&new, "RS256").await, ["active"], "it was the first all the time");
}

async fn without_any_key_that_signs_one_is_made_at_once(database: Database) {
    let server = Server::with(database, on(&[Rs256, Es256], Es256)).await;
    server.database.execute("DELETE FROM keys WHERE line <> 'handle'").await;
    server.app.keys.maintain().await.unwrap();
    assert_eq!(states(&server, "ES256").await, ["active"]);
    assert_eq!(states(&server, "RS256").await, ["active"]);
    server.database.execute("DELETE FROM keys WHERE line = 'RS256'").await;
    server.app.keys.maintain().await.unwrap();
    assert_eq!(states(&server, "RS256").await, ["announced"], "the other line signs meanwhile");
}

async fn an_announced_key_signs_early_when_the_last_that_signed_is_lost(database: Database) {
    let server = Server::with(database, on(&[Es256], Es256)).await;
    let new = server.replica_with(on(&[Rs256, Es256], Es256)).await;
    new.database.execute("DELETE FROM keys WHERE line = 'ES256'").await;
    new.app.keys.maintain().await.unwrap();
    assert_eq!(states(&new, "RS256").await, ["active"]);
    assert_eq!(new.audited("key.activated_early").await, 1);
}

async fn a_leaked_key_of_a_line_that_is_switched_off_has_no_successor(database: Database) {
    let old = Server::with(database, on(&[Rs256, Es256], Es256)).await;
    ask_for_rs256(&old).await;
    let new = old.replica_with(on(&[Es256], Es256)).await;
    let kid = new.keys().await.into_iter().find(|(_, key)| key["alg"] == "RS256").unwrap().0;
    let report = new.rotate(json!({ "mode": "compromised", "kid": kid })).await.expect(200);
    assert_eq!(report.json["successor"], Value::Null);
    assert_eq!(states(&new, "RS256").await, ["revoked"]);
    assert_eq!(alg_of_token(&new).await, "ES256");
}

async fn when_the_last_key_that_signs_has_leaked_the_announced_one_signs_at_once(
    database: Database,
) {
    let old = Server::with(database, on(&[Es256], Es256)).await;
    let new = old.replica_with(on(&[Rs256], Rs256)).await;
    let kid = new.signing_kid().await;
    new.rotate(json!({ "mode": "compromised", "kid": kid })).await.expect(200);
    assert_eq!(states(&new, "RS256").await, ["active"]);
    assert_eq!(alg_of_token(&new).await, "RS256");
}

/// `service` asks for RS256, which is announced, so its tokens are signed with ES256 meanwhile.
async fn a_leaked_key_counts_the_sessions_that_it_signed_for_another_line(database: Database) {
    let old = Server::with(database, on(&[Es256], Es256)).await;
    ask_for_rs256(&old).await;
    let new = old.replica_with(on(&[Rs256, Es256], Es256)).await;
    let session = new.login_with_service().await;
    let (kid, refresh) = (kid_of(session.access_token()), session.refresh_token());
    assert_eq!(kid, new.signing_kid().await);
    let body = json!({ "mode": "compromised", "kid": kid, "end_sessions": true });
    let report = new.rotate(body).await.expect(200).json;
    assert_eq!((&report["sessions"], &report["sessions_ended"]), (&json!(1), &json!(1)));
    assert_eq!(new.refresh_with_service(refresh).await.error_code(), "session_ended");
}
