//! Several replicas on one database, without a leader.
use crate::{
    on_both,
    support::{Database, Server, kid_of},
};
use futures_util::future::join_all;
use mintmark::{
    config::Settings,
    keys::{TooManyKeys, timeline::Timing},
    model::Algorithm,
    store::AuditEvent,
};
use serde_json::json;
use std::{collections::HashSet, time::Duration};

const DUPLICATES: &str =
    "SELECT COUNT(*) FROM (SELECT 1 FROM keys GROUP BY line, number HAVING COUNT(*) > 1) AS twice";

on_both!(
    replicas_that_start_together_agree_on_the_first_keys,
    parallel_rotations_on_two_replicas_make_one_key,
    simultaneous_maintenance_and_rotations_never_make_a_number_twice,
    a_token_of_a_key_just_made_is_accepted_by_the_other_replica_at_once,
    made_up_kids_do_not_keep_a_replica_from_learning_a_real_one,
    a_refresh_token_of_one_replica_is_good_at_the_other,
);

async fn replicas_that_start_together_agree_on_the_first_keys(database: Database) {
    let master_key = database.dir.path().join("master.key");
    mintmark::keys::MasterKeys::create_file(&master_key).unwrap();
    let mut settings = Settings::load(None, std::collections::HashMap::new()).unwrap();
    settings.database = database.settings();
    settings.issuer = "https://mint.example".into();
    settings.master_key.file = master_key.to_str().unwrap().to_owned();
    let clock = mintmark::clock::Clock::manual();
    let open = || mintmark::app::App::open(settings.clone(), clock.clone());
    let replicas = join_all((0..4).map(|_| tokio::spawn(open()))).await;
    let replicas: Vec<_> = replicas.into_iter().map(|opened| opened.unwrap().unwrap()).collect();
    assert_eq!(database.number("SELECT COUNT(*) FROM keys").await, 3);
    assert_eq!(database.number("SELECT MAX(number) FROM keys").await, 1);
    let now = clock.now();
    for replica in &replicas {
        let (ours, first) = (replica.keys.snapshot(), replicas[0].keys.snapshot());
        assert_eq!(ours.jwks(now).body, first.jwks(now).body);
        for &alg in &settings.keys.algorithms {
            assert!(ours.signer(alg, now).is_some(), "every replica can sign at once");
        }
        assert!(ours.mac_key_at(now).is_some());
    }
}

/// Case 310: on one replica and on two.
async fn parallel_rotations_on_two_replicas_make_one_key(database: Database) {
    let first = Server::start(database).await;
    let second = first.replica().await;
    let (one, two) = (first.admin_token().await, second.admin_token().await);
    for (mode, keys) in [("graceful", 1), ("immediate", 1)] {
        let body = Some(json!({ "alg": "ES256", "mode": mode }));
        let calls = (0..10).map(|n| {
            let (server, token) = if n % 2 == 0 { (&first, &one) } else { (&second, &two) };
            server.admin("POST", "/admin/v1/keys/rotate", token, body.clone())
        });
        let answers = join_all(calls).await;
        let kids: HashSet<String> = answers
            .into_iter()
            .map(|answer| answer.expect(200).json["keys"][0]["kid"].as_str().unwrap().to_owned())
            .collect();
        if mode == "graceful" {
            assert_eq!(kids.len(), keys, "the same announced key for every caller");
        }
        let made = first.database.number("SELECT COUNT(*) FROM keys WHERE line = 'ES256'").await;
        assert!(made <= 12 && first.database.number(DUPLICATES).await == 0, "{made}");
        first.app.keys.reload().await.unwrap();
        second.app.keys.reload().await.unwrap();
        assert_eq!(first.published().await, second.published().await);
        assert_eq!(first.signing_kid().await, second.signing_kid().await);
        let active = first.keys().await.into_values();
        let active = active.filter(|key| key["alg"] == "ES256" && key["state"] == "active");
        assert_eq!(active.count(), 1, "one key signs");
    }
}

async fn simultaneous_maintenance_and_rotations_never_make_a_number_twice(database: Database) {
    let only_es256 = |settings: &mut Settings| settings.keys.algorithms = vec![Algorithm::Es256];
    let first = Server::with(database, only_es256).await;
    let second = first.replica().await;
    let event = AuditEvent::new("test", "test");
    let rotate = async |server: &Server, mode| match server
        .app
        .keys
        .rotate(Algorithm::Es256, mode, &event)
        .await
        .unwrap()
    {
        Ok(number) => number,
        Err(TooManyKeys(_)) => panic!("old keys are gone by now"),
    };
    for round in 0..40 {
        let mode = if round % 4 == 0 { Timing::Immediate } else { Timing::Graceful };
        let before = first.database.number("SELECT MAX(number) FROM keys WHERE line='ES256'").await;
        let (one, two, three, four) = tokio::join!(
            rotate(&first, mode),
            rotate(&second, mode),
            first.app.keys.maintain(),
            second.app.keys.maintain(),
        );
        three.unwrap();
        four.unwrap();
        let after = first.database.number("SELECT MAX(number) FROM keys WHERE line='ES256'").await;
        assert!(after <= before + 2 && (one - two).abs() <= 1, "round {round}: {one} and {two}");
        assert!(mode == Timing::Immediate || one == two, "round {round}: {one} and {two}");
        first.app.keys.reload().await.unwrap();
        second.app.keys.reload().await.unwrap();
        let jwks = first.get("/.well-known/jwks.json").await.text;
        assert_eq!(second.get("/.well-known/jwks.json").await.text, jwks, "round {round}");
        first.advance(if round % 2 == 0 { 60 * 60 } else { 24 * 60 * 60 });
        assert_eq!(first.signing_kid().await, second.signing_kid().await, "round {round}");
    }
    assert_eq!(first.database.number(DUPLICATES).await, 0);
    let gaps = "SELECT MAX(number) - COUNT(*) FROM keys WHERE line = 'ES256'";
    assert_eq!(first.database.number(gaps).await, 0);
}

async fn a_token_of_a_key_just_made_is_accepted_by_the_other_replica_at_once(database: Database) {
    let first = Server::with(database, slow_polls).await;
    let second = first.replica().await;
    for _ in 0..3 {
        second.app.keys.reload().await.unwrap();
        first.rotate(json!({ "alg": "ES256", "mode": "immediate" })).await.expect(200);
        let token = first.admin_token().await;
        second.admin("GET", "/admin/v1/keys", &token, None).await.expect(200);
        assert!(second.published().await.contains(&kid_of(&token)));
    }
}

/// So that no poll does what a test wants something else to do.
fn slow_polls(settings: &mut Settings) {
    settings.keys.poll_interval = Duration::from_hours(1);
}

async fn made_up_kids_do_not_keep_a_replica_from_learning_a_real_one(database: Database) {
    let first = Server::with(database, slow_polls).await;
    let second = first.replica().await;
    let made_up = |n: i32| {
        let token = format!("{}.e30.c2ln", header(&format!("made-up-{n}")));
        let second = &second;
        async move { second.admin("GET", "/admin/v1/keys", &token, None).await.status }
    };
    let attack = join_all((0..50).map(made_up));
    let learning = async {
        first.rotate(json!({ "alg": "ES256", "mode": "immediate" })).await.expect(200);
        let token = first.admin_token().await;
        second.admin("GET", "/admin/v1/keys", &token, None).await.expect(200);
    };
    let (refused, ()) = tokio::join!(attack, learning);
    assert!(refused.iter().all(|&status| status == 401), "{refused:?}");
}

fn header(kid: &str) -> String {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    URL_SAFE_NO_PAD.encode(json!({ "typ": "at+jwt", "alg": "ES256", "kid": kid }).to_string())
}

async fn a_refresh_token_of_one_replica_is_good_at_the_other(database: Database) {
    let first = Server::start(database).await;
    let second = first.replica().await;
    let mut token = first.login(None).await.refresh_token().to_owned();
    for round in 0..6 {
        let server = if round % 2 == 0 { &second } else { &first };
        let pair = server.refresh(&token).await.expect(200);
        pair.refresh_token().clone_into(&mut token);
    }
}

/// Only PostgreSQL tells: there, nobody has to ask for a change to arrive.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_tells_the_other_replica_of_a_rotation() {
    let first = Server::with(Database::postgres().await, slow_polls).await;
    let second = first.replica().await;
    // The listener connects in the background.
    let listening = "SELECT COUNT(*) FROM pg_stat_activity
                     WHERE datname = current_database() AND query LIKE 'LISTEN%'";
    until(async || first.database.number(listening).await == 2).await;
    first.rotate(json!({ "alg": "ES256", "mode": "immediate" })).await.expect(200);
    let kid = first.signing_kid().await;
    until(async || second.app.keys.snapshot().key(&kid).is_some()).await;
    assert!(second.published().await.contains(&kid));
}

async fn until(mut done: impl AsyncFnMut() -> bool) {
    let wait = async {
        while !done().await {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), wait).await.expect("it happens in time");
}
