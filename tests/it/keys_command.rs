//! `mintmark keys …`, beside a server that runs on the same database.
use crate::{
    on_both,
    support::{Database, Outcome, Process, Server, run, run_with},
};
use mintmark::{config::Settings, model::Algorithm};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

on_both!(
    keys_are_listed_without_a_master_key_and_nothing_is_changed,
    a_rotation_is_seen_by_the_server,
    a_dry_run_changes_nothing,
    a_revoked_key_leaves_the_jwks_of_the_server,
    the_jwks_is_exported_as_the_server_publishes_it,
    what_cannot_work_is_refused_and_changes_nothing,
    settings_that_are_not_the_service_s_change_no_line,
);

const SOON: Duration = Duration::from_secs(15);

/// With the master key of the test's folder.
fn keys(database: &Database, arguments: &[&str]) -> Outcome {
    let data = database.dir.path().to_str().unwrap();
    run(&[&["keys"], arguments, &["--data", data, "--database", &database.url]].concat())
}

/// Without any.
fn keys_alone(database: &Database, arguments: &[&str]) -> Outcome {
    run(&[&["keys"], arguments, &["--database", &database.url]].concat())
}

async fn published(process: &Process) -> Vec<String> {
    let jwks = process.get("/.well-known/jwks.json").await.expect(200).json;
    let keys = jwks["keys"].as_array().unwrap().iter();
    keys.map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

/// Waits until the JWKS has the key, or has it no more.
async fn published_soon(process: &Process, kid: &str, is_there: bool) {
    let begin = Instant::now();
    while published(process).await.iter().any(|known| known == kid) != is_there {
        assert!(begin.elapsed() < SOON, "{kid} is still as it was in the JWKS");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn member_names(value: &Value) -> Vec<&String> {
    value.as_object().unwrap().keys().collect()
}

async fn keys_are_listed_without_a_master_key_and_nothing_is_changed(database: Database) {
    // The server's own upkeep would make the key that is due.
    let idle = |settings: &mut Settings| settings.keys.poll_interval = Duration::from_hours(1);
    let server = Server::with(database, idle).await;
    server.rotate(json!({ "alg": "ES256" })).await.expect(200);
    let database = &server.database;
    let long_ago = "UPDATE keys SET activates_at = activates_at - 2592000000,
                                    published_at = published_at - 2592000000 WHERE number = 1";
    database.execute(long_ago).await;
    let before = database.keys().await;
    let list = keys_alone(database, &["list", "--json"]).expect(0).json();
    let table = keys_alone(database, &["list"]).expect(0).stdout;
    assert_eq!(database.keys().await, before);

    server.app.keys.reload().await.unwrap();
    let token = server.admin_token().await;
    let told = server.admin("GET", "/admin/v1/keys", &token, None).await.expect(200).json;
    assert_eq!((&list["keys"], &list["schedule"]), (&told["keys"], &told["schedule"]));
    for key in list["keys"].as_array().unwrap() {
        let row = table.lines().find(|row| row.contains(&key["kid"].as_str().unwrap()[..8]));
        let words: Vec<_> = row.unwrap().split_whitespace().take(3).map(str::to_owned).collect();
        let number = key["number"].to_string();
        assert_eq!(words, [key["alg"].as_str().unwrap(), &number, key["state"].as_str().unwrap()]);
    }
    assert!(table.contains("RS256: key 1 signs now; its successor is due"), "{table}");
    assert!(table.contains("ES256: key 1 signs now; key 2 signs from 2"), "{table}");

    database.execute("UPDATE keys SET revoked_at = activates_at WHERE line = 'RS256'").await;
    let rows = |all: &[&str]| {
        let table = keys_alone(database, &[&["list"], all].concat()).expect(0).stdout;
        (
            table.lines().filter(|line| line.starts_with("RS256  1")).count(),
            table.contains("Not shown: 1"),
        )
    };
    assert_eq!((rows(&[]), rows(&["--all"])), ((0, true), (1, false)));
}

async fn a_rotation_is_seen_by_the_server(database: Database) {
    let process = Process::start(&database);
    let old = process.signing_kid().await;
    let rotated = keys(&database, &["rotate", "--json"]).expect(0).json();
    assert_eq!((&rotated["mode"], &rotated["dry_run"]), (&json!("graceful"), &json!(false)));
    let states: Vec<_> =
        rotated["keys"].as_array().unwrap().iter().map(|key| &key["state"]).collect();
    assert_eq!(states, ["announced", "announced"]);
    let listed = keys_alone(&database, &["list", "--json"]).expect(0).json();
    let announced =
        listed["keys"].as_array().unwrap().iter().find(|key| key["state"] == "announced");
    assert_eq!(member_names(&rotated["keys"][0]), member_names(announced.unwrap()));
    for key in rotated["keys"].as_array().unwrap() {
        published_soon(&process, key["kid"].as_str().unwrap(), true).await;
    }
    assert_eq!(process.signing_kid().await, old);

    let now = keys(&database, &["rotate", "--alg", "ES256", "--alg", "ES256", "--immediate"]);
    let now = now.expect(0).stdout;
    assert!(now.starts_with("ES256: key 2 (") && now.ends_with(" signs now.\n"), "{now}");
    assert_eq!(now.lines().count(), 1);
    let begin = Instant::now();
    while !now.contains(&process.signing_kid().await) {
        assert!(begin.elapsed() < SOON, "the server does not sign with the new key");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let by_cli = "SELECT action || ' ' || detail FROM audit_events WHERE actor = 'cli' ORDER BY id";
    assert_eq!(
        database.texts(by_cli).await,
        [
            r#"key.rotated_gracefully {"line":"RS256","number":2}"#,
            r#"key.rotated_gracefully {"line":"ES256","number":2}"#,
            r#"key.rotated_immediately {"line":"ES256","number":2}"#,
        ]
    );
}

async fn a_dry_run_changes_nothing(database: Database) {
    let server = Server::start(database).await;
    let database = &server.database;
    let before = (database.keys().await, server.audited("key.compromised").await);
    for arguments in [&["rotate", "--dry-run"][..], &["rotate", "--immediate", "--dry-run"]] {
        let mode = if arguments.len() == 2 { "graceful" } else { "immediate" };
        let planned = keys(database, &[arguments, &["--json"]].concat()).expect(0).json();
        let told = server.rotate(json!({ "mode": mode, "dry_run": true })).await.expect(200).json;
        assert_eq!((&planned["mode"], &planned["dry_run"]), (&told["mode"], &told["dry_run"]));
        assert_eq!(planned["planned"][1]["number"], 2);
        let names = ["activates_at", "alg", "number"];
        assert!(names.iter().all(|name| !planned["planned"][0][name].is_null()), "{planned}");
        let text = keys(database, arguments).expect(0).stdout;
        assert!(text.contains("ES256: key 2 would sign") && text.contains("Nothing was"), "{text}");
    }
    let kid = server.signing_kid().await;
    let revoke = ["revoke", &kid, "--dry-run"];
    let report = keys(database, &[&revoke[..], &["--json"]].concat()).expect(0).json();
    let body = json!({ "mode": "compromised", "kid": kid, "dry_run": true });
    let told = server.rotate(body).await.expect(200).json;
    assert_eq!(member_names(&report), member_names(&told));
    assert_eq!((&report["mode"], &report["successor"]), (&json!("compromised"), &json!(2)));
    let text = keys(database, &revoke).expect(0).stdout;
    assert!(text.contains("Would revoke ES256 key 1") && text.contains("Nothing was"), "{text}");
    assert_eq!((database.keys().await, server.audited("key.compromised").await), before);
}

async fn a_revoked_key_leaves_the_jwks_of_the_server(database: Database) {
    let process = Process::start(&database);
    let session = process.login().await;
    let kid = process.signing_kid().await;
    let revoked = keys(&database, &["revoke", &kid[..8], "--end-sessions"]).expect(0).stdout;
    assert!(
        revoked.contains(&format!("Revoked ES256 key 1 ({kid}); key 2 signs instead")),
        "{revoked}"
    );
    assert!(revoked.contains("1 (demo-app 1)") && revoked.contains("ended: 1"), "{revoked}");
    published_soon(&process, &kid, false).await;
    assert_ne!(process.signing_kid().await, kid);
    let refused = process.refresh(session.refresh_token()).await;
    assert_eq!(refused.text_of("error_description"), "ended: key_compromised");
    let entries =
        "SELECT COUNT(*) FROM audit_events WHERE action = 'key.compromised' AND actor = 'cli'";
    assert_eq!(database.number(entries).await, 1);
    let again = keys(&database, &["revoke", &kid]).expect(1);
    assert!(again.stderr.contains("not in the JWKS any more"), "{again:?}");
}

async fn the_jwks_is_exported_as_the_server_publishes_it(database: Database) {
    let empty = keys_alone(&database, &["export-jwks"]).expect(1);
    assert!(empty.stderr.contains("there are no keys yet"), "{empty:?}");
    let process = Process::start(&database);
    process.rotate().await;
    assert_eq!(published(&process).await.len(), 4);
    let served = process.http.get(format!("{}/.well-known/jwks.json", process.issuer()));
    let served = served.send().await.unwrap().text().await.unwrap();
    assert_eq!(keys_alone(&database, &["export-jwks"]).expect(0).stdout, served);
    let file = database.dir.path().join("jwks.json");
    let file = file.to_str().unwrap();
    let quiet = keys_alone(&database, &["export-jwks", "--output", file]).expect(0);
    assert_eq!((quiet.stdout.as_str(), std::fs::read_to_string(file).unwrap()), ("", served));
    let nowhere = keys_alone(&database, &["export-jwks", "--output", "/nowhere/jwks"]).expect(1);
    assert!(nowhere.stderr.contains("cannot write /nowhere/jwks"), "{nowhere:?}");
}

async fn what_cannot_work_is_refused_and_changes_nothing(database: Database) {
    let server = Server::start(database).await;
    for _ in 0..9 {
        server.rotate(json!({ "mode": "immediate", "alg": "ES256" })).await.expect(200);
    }
    let database = &server.database;
    let kid = server.signing_kid().await;
    let before = database.keys().await;
    for (code, arguments, named) in [
        (2, &["rotate", "--alg", "HS256"][..], "there are "),
        (1, &["rotate"], "ES256 has as many published keys"),
        (1, &["revoke", "nobody"], "`mintmark keys list` shows"),
        (1, &["revoke", "-x-begins-as-an-option"], "`mintmark keys list` shows"),
        (1, &["revoke", &kid[..7]], "first 8 characters"),
        (1, &["revoke", "handle-1"], "no key has the kid handle-1"),
        (2, &["revoke"], "<KID>"),
    ] {
        let refused = keys(database, arguments).expect(code);
        assert!(refused.stderr.contains(named), "no `{named}` in {refused:?}");
        assert!(refused.stdout.is_empty(), "{refused:?}");
    }
    let other = database.dir.path().join("other");
    mintmark::keys::MasterKeys::create_file(&other.join("master.key")).unwrap();
    let other = ["--data", other.to_str().unwrap()];
    for change in [&["rotate", "--alg", "RS256"][..], &["revoke", &kid]] {
        let without = keys_alone(database, change).expect(1);
        assert!(without.stderr.contains("keys/master.key cannot be used"), "{without:?}");
        let wrong = keys_alone(database, &[change, &other].concat()).expect(1);
        assert!(wrong.stderr.contains("sealed with master key"), "{wrong:?}");
    }
    // A master key that is configured wins over the one in the folder.
    let (data, variable) = (database.dir.path().to_str().unwrap(), "MINTMARK__MASTER_KEY__FILE");
    let arguments = ["keys", "rotate", "--data", data, "--database", &database.url];
    let configured = run_with(&arguments, &[(variable, "/nowhere/master.key")], "").expect(1);
    assert!(configured.stderr.contains("/nowhere/master.key"), "{configured:?}");
    assert_eq!(database.keys().await, before);
}

/// Whoever forgets `--config` must not switch lines on or off.
async fn settings_that_are_not_the_service_s_change_no_line(database: Database) {
    let only_rs256 = |settings: &mut Settings| {
        settings.keys.algorithms = vec![Algorithm::Rs256];
        settings.tokens.access_token_alg = Algorithm::Rs256;
    };
    let server = Server::with(database, only_rs256).await;
    let database = &server.database;
    let before = database.keys().await;
    let refused = keys(database, &["rotate"]).expect(1);
    assert!(refused.stderr.contains("no key of ES256 signs or is announced"), "{refused:?}");
    let data = database.dir.path().to_str().unwrap();
    let es256 = [("MINTMARK__KEYS__ALGORITHMS", "ES256")];
    let with_es256 = |arguments: &[&str]| {
        let location = ["--data", data, "--database", &database.url];
        run_with(&[&["keys"], arguments, &location].concat(), &es256, "").expect(1)
    };
    let refused = with_es256(&["rotate", "--alg", "RS256"]);
    assert!(refused.stderr.contains("RS256 is not in keys.algorithms"), "{refused:?}");
    let refused = with_es256(&["revoke", &server.signing_kid().await]);
    assert!(refused.stderr.contains("RS256 is not in keys.algorithms"), "{refused:?}");
    assert_eq!(database.keys().await, before);

    keys(database, &["rotate", "--alg", "RS256"]).expect(0);
    let table = keys(database, &["list"]).expect(0).stdout;
    assert!(table.contains("ES256: no key signs; a service with these settings"), "{table}");
    let lines = "SELECT DISTINCT line FROM keys WHERE line <> 'handle'";
    assert_eq!(database.texts(lines).await, ["RS256"]);
    assert_eq!(database.number("SELECT COUNT(*) FROM keys WHERE line = 'RS256'").await, 2);
}
