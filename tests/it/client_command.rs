//! `mintmark client …`, beside a server that runs on the same database.
use crate::{
    on_both,
    support::{Answer, Database, Outcome, Process, basic, run},
};
use std::time::{Duration, Instant};

on_both!(
    a_client_is_made_and_gets_a_token_at_once,
    what_concerns_introspection_is_registered,
    a_client_is_listed_and_shown_without_its_secret,
    a_deleted_client_is_refused_and_its_sessions_end,
    a_new_secret_overlaps_with_the_one_before,
    what_cannot_work_is_refused_and_changes_nothing,
);

/// Longer than the server remembers a client.
const SOON: Duration = Duration::from_secs(15);

fn start(database: &Database) -> Process {
    Process::start_with(database, &[("MINTMARK__CLIENTS__CACHE_FOR", "500ms")])
}

fn client(database: &Database, arguments: &[&str]) -> Outcome {
    run(&[&["client"], arguments, &["--database", &database.url]].concat())
}

/// Registers a confidential client; its secret.
fn create(database: &Database, id: &str) -> String {
    let arguments =
        ["create", "--id", id, "--grant", "client_credentials", "--grant", "refresh_token"];
    let made = client(database, &[&arguments[..], &["--scope", "read write", "--json"]].concat());
    let made = made.expect(0).json();
    assert_eq!((made["client_id"].as_str(), made.as_object().unwrap().len()), (Some(id), 2));
    made["client_secret"].as_str().unwrap().to_owned()
}

async fn token(process: &Process, id: &str, secret: &str) -> Answer {
    let request = process.http.post(format!("{}/oauth/token", process.issuer()));
    let request = request.header("authorization", basic(id, secret));
    Answer::to(request.form(&[("grant_type", "client_credentials")])).await
}

/// Waits until the client is refused.
async fn refused_soon(process: &Process, id: &str, secret: &str) {
    let begin = Instant::now();
    loop {
        let answer = token(process, id, secret).await;
        if answer.rejection() == (401, "invalid_client") {
            return;
        }
        assert!(answer.status == 200 && begin.elapsed() < SOON, "{answer:?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

async fn a_client_is_made_and_gets_a_token_at_once(database: Database) {
    let process = start(&database);
    // That it was asked for before it existed is not remembered.
    assert_eq!(token(&process, "billing", "x").await.status, 401);
    let secret = create(&database, "billing");
    let answer = token(&process, "billing", &secret).await.expect(200);
    assert_eq!(answer.text_of("scope"), "read write");

    let arguments =
        ["create", "--grant", "client_credentials", "--alg", "RS256", "--name", "Billing"];
    let more = ["--scope", "a", "--scope", "b", "--audience", "https://api.example"];
    let made = client(&database, &[&arguments[..], &more].concat()).expect(0);
    let value = |name: &str| {
        let line = made.stdout.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().to_owned()
    };
    let (id, secret) = (value("client_id"), value("client_secret"));
    let answer = token(&process, &id, &secret).await.expect(200);
    assert_eq!(answer.text_of("scope"), "a b");
    assert_eq!(crate::support::part_of(answer.access_token(), 0)["alg"], "RS256");
    assert_eq!(crate::support::part_of(answer.access_token(), 1)["aud"], "https://api.example");

    let public = ["create", "--id", "app", "--public", "--grant", "refresh_token", "--json"];
    let uri = ["--redirect-uri", "https://app.example/back"];
    let made = client(&database, &[&public[..], &uri].concat()).expect(0).json();
    assert_eq!(made, serde_json::json!({ "client_id": "app" }));
}

/// A resource server needs no grant.
async fn what_concerns_introspection_is_registered(database: Database) {
    let made = ["create", "--id", "api", "--introspect", "https://a.example"];
    let more = ["--introspect", "https://b.example", "--introspection-alg", "ES256"];
    client(&database, &[&made[..], &more].concat()).expect(0);
    let made = ["create", "--id", "app", "--public", "--grant", "refresh_token"];
    let more = ["--newest-pair-only", "--revoke-ends-session"];
    client(&database, &[&made[..], &more].concat()).expect(0);
    let show = |id| client(&database, &["show", id, "--json"]).expect(0).json();
    let (api, app) = (show("api"), show("app"));
    assert_eq!(api["grant_types"], serde_json::json!([]));
    assert_eq!(api["introspects"], serde_json::json!(["https://a.example", "https://b.example"]));
    assert_eq!(api["introspection_signed_response_alg"], "ES256");
    for (name, of_api) in [("newest_pair_only", false), ("revoke_ends_session", false)] {
        assert_eq!((&api[name], &app[name]), (&of_api.into(), &(!of_api).into()), "{name}");
    }
}

async fn a_client_is_listed_and_shown_without_its_secret(database: Database) {
    let none = client(&database, &["list", "--json"]).expect(0).json();
    assert_eq!(none, serde_json::json!([]));
    let secrets = ["b", "a"].map(|id| create(&database, id));
    let listed = client(&database, &["list", "--json"]).expect(0);
    let list = listed.json();
    let ids: Vec<_> = list.as_array().unwrap().iter().map(|client| &client["client_id"]).collect();
    assert_eq!(ids, ["a", "b"]);
    assert_eq!(list[0]["grant_types"], serde_json::json!(["client_credentials", "refresh_token"]));
    let shown = client(&database, &["show", "a", "--json"]).expect(0);
    assert_eq!(shown.json(), list[0]);

    let table = client(&database, &["list"]).expect(0);
    let lines: Vec<_> = table.stdout.lines().collect();
    assert!(lines[0].starts_with("CLIENT_ID") && lines.len() == 3, "{table:?}");
    assert!(lines[1].starts_with("a ") && lines[1].contains("confidential"), "{table:?}");
    let text = client(&database, &["show", "b"]).expect(0);
    assert!(text.stdout.contains("refresh_token"), "{text:?}");
    for outcome in [listed, shown, table, text] {
        for secret in &secrets {
            assert!(!outcome.stdout.contains(secret), "{outcome:?}");
            assert!(!outcome.stdout.contains(&crate::support::hash_of(secret)), "{outcome:?}");
        }
    }
}

async fn a_deleted_client_is_refused_and_its_sessions_end(database: Database) {
    let process = start(&database);
    let secret = create(&database, "billing");
    token(&process, "billing", &secret).await.expect(200);
    let pair = process.login().await;

    let deleted = client(&database, &["delete", "billing", "--json"]).expect(0).json();
    assert_eq!(deleted, serde_json::json!({ "client_id": "billing", "sessions_ended": 0 }));
    refused_soon(&process, "billing", &secret).await;
    let deleted = client(&database, &["delete", "demo-app"]).expect(0);
    assert!(deleted.stdout.contains("demo-app") && deleted.stdout.contains('1'), "{deleted:?}");
    let refused = process.refresh(pair.refresh_token()).await;
    assert!([400, 401].contains(&refused.status), "{refused:?}");
    let reason = "SELECT end_reason FROM sessions";
    assert_eq!(database.texts(reason).await, ["client_deleted"]);
    // A new client of the same name starts anew.
    let other = create(&database, "billing");
    token(&process, "billing", &other).await.expect(200);
    assert_eq!(token(&process, "billing", &secret).await.status, 401);
}

async fn a_new_secret_overlaps_with_the_one_before(database: Database) {
    let process = start(&database);
    let first = create(&database, "billing");
    token(&process, "billing", &first).await.expect(200);
    let new_secret = |arguments: &[&str]| {
        let made = client(&database, &[&["new-secret", "billing", "--json"], arguments].concat());
        made.expect(0).json()["client_secret"].as_str().unwrap().to_owned()
    };
    let second = new_secret(&[]);
    let begin = Instant::now();
    while token(&process, "billing", &second).await.status != 200 {
        assert!(begin.elapsed() < SOON, "the new secret does not work");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    token(&process, "billing", &first).await.expect(200);

    let third = new_secret(&["--overlap", "0s"]);
    refused_soon(&process, "billing", &second).await;
    token(&process, "billing", &third).await.expect(200);
    token(&process, "billing", &first).await.expect(401);
}

async fn what_cannot_work_is_refused_and_changes_nothing(database: Database) {
    create(&database, "billing");
    let public = ["create", "--id", "app", "--public", "--grant", "refresh_token"];
    client(&database, &public).expect(0);
    let count = "SELECT (SELECT COUNT(*) FROM clients) + (SELECT COUNT(*) FROM client_secrets)
                 + (SELECT COUNT(*) FROM audit_events)";
    let before = database.number(count).await;
    let service = ["create", "--id", "x", "--grant", "client_credentials"];
    for (code, arguments, named) in [
        (1, vec!["create", "--id", "billing", "--grant", "refresh_token"], "already"),
        (2, vec!["create", "--id", "x"], "--grant"),
        (
            2,
            vec!["create", "--id", "x", "--grant", "password"],
            "client_credentials, refresh_token",
        ),
        (2, vec!["create", "--id", "a b", "--grant", "refresh_token"], "visible ASCII"),
        (1, [&service[..], &["--public"]].concat(), "public client"),
        (1, [&service[..], &["--redirect-uri", "callback"]].concat(), "redirect URI"),
        (1, [&service[..], &["--redirect-uri", "javascript:alert(1)"]].concat(), "redirect URI"),
        (1, [&service[..], &["--redirect-uri", "https://a/#b"]].concat(), "redirect URI"),
        (1, [&service[..], &["--audience", "api"]].concat(), "audience"),
        (1, [&service[..], &["--introspect", "api"]].concat(), "`api`"),
        (1, [&public[..], &["--introspect", "https://api.example"]].concat(), "public client"),
        (1, [&service[..], &["--newest-pair-only", "--no-rotation"]].concat(), "newest pair"),
        (2, [&service[..], &["--introspection-alg", "none"]].concat(), "RS256, ES256, PS256"),
        (2, [&service[..], &["--alg", "HS256"]].concat(), "RS256, ES256, PS256"),
        (2, [&service[..], &["--scope", "a\"b"]].concat(), "--scope"),
        (1, vec!["show", "nobody"], "no client nobody"),
        (1, vec!["delete", "nobody"], "no client nobody"),
        (1, vec!["new-secret", "nobody"], "no client nobody"),
        (1, vec!["new-secret", "app"], "public"),
        (2, vec!["new-secret", "billing", "--overlap", "soon"], "--overlap"),
    ] {
        let refused = client(&database, &arguments).expect(code);
        assert!(refused.stderr.contains(named), "no `{named}` in {refused:?}");
        assert!(refused.stdout.is_empty(), "{refused:?}");
    }
    assert_eq!(database.number(count).await, before);
}
