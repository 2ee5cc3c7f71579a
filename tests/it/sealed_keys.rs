//! Secret halves at rest: sealed while they sign, erased when they do not, and never replaced in
//! silence when they cannot be opened.
use crate::{
    on_both,
    support::{Database, Server},
};
use mintmark::{app::App, clock::Clock, config::Settings};
use serde_json::json;
use std::time::{Duration, Instant};

on_both!(
    secret_halves_are_erased_when_a_key_is_superseded,
    what_is_sealed_is_not_readable,
    a_damaged_row_stops_the_start_and_is_named,
    another_master_key_stops_the_start_and_both_are_named,
    without_a_master_key_nothing_starts,
    a_second_master_key_opens_what_the_first_did_not_seal,
);

async fn secret_halves_are_erased_when_a_key_is_superseded(database: Database) {
    let server = Server::start(database).await;
    let sealed = "SELECT COUNT(*) FROM keys WHERE sealed IS NOT NULL";
    assert_eq!(server.database.number(sealed).await, 3);
    server.rotate(json!({ "mode": "immediate" })).await.expect(200);
    server.app.keys.maintain().await.unwrap();
    assert_eq!(server.database.number(sealed).await, 5, "a slower clock may still sign with them");
    server.advance(60);
    server.app.keys.maintain().await.unwrap();
    assert_eq!(server.database.number(sealed).await, 3);
    let superseded = "SELECT COUNT(*) FROM keys WHERE number = 1 AND sealed IS NULL";
    assert_eq!(server.database.number(superseded).await, 2, "not that of the refresh tokens");

    server.rotate(json!({})).await.expect(200);
    server.app.keys.maintain().await.unwrap();
    assert_eq!(server.database.number(sealed).await, 5, "what is announced will sign");
    server.advance(24 * 60 * 60 + 60);
    server.app.keys.maintain().await.unwrap();
    assert_eq!(server.database.number(sealed).await, 3);
    let token = server.admin_token().await;
    server.admin("GET", "/admin/v1/keys", &token, None).await.expect(200);
}

async fn what_is_sealed_is_not_readable(database: Database) {
    let server = Server::start(database).await;
    // The base64 of "-----BEGIN", of a PKCS#8 header in DER (RSA and P-256), and plain text.
    for readable in ["LS0tLS1CRUdJTi", "MIIE", "MIGH", "BEGIN", "PRIVATE", "{"] {
        let query = format!(
            "SELECT COUNT(*) FROM keys WHERE sealed LIKE '%.{readable}%' OR sealed LIKE '{readable}%'
             OR sealed LIKE '%PRIVATE%' OR public_jwk LIKE '%\"d\"%'"
        );
        assert_eq!(server.database.number(&query).await, 0, "{readable}");
    }
    let form = "SELECT COUNT(*) FROM keys WHERE sealed LIKE 'v1.%.%.%.%'";
    assert_eq!(server.database.number(form).await, 3);
}

/// Settings of a process that starts on the same data later.
fn settings_of(server: &Server) -> Settings {
    server.app.settings.clone()
}

/// The message with which a process does not start.
async fn refusal(settings: Settings) -> String {
    let began = Instant::now();
    let opened = App::open(settings, Clock::manual()).await;
    assert!(began.elapsed() < Duration::from_secs(2), "it took {:?}", began.elapsed());
    opened.err().expect("it must not start").to_string()
}

/// What is done to the table, the key that the message has to name, and the cause it has to give.
fn damages(rows: &[Vec<String>]) -> Vec<(String, &'static str, &'static str)> {
    const DAMAGED: &str = "what is sealed is damaged";
    const MISSING: &str = "its secret half is missing";
    const FOREIGN: &str = "its public half belongs to another key";
    let sealed = |line: &str| rows.iter().find(|row| row[0] == line).unwrap()[4].clone();
    let (es256, rs256) = (sealed("ES256"), sealed("RS256"));
    let mut flipped = es256.clone();
    let place = flipped.len() - 2;
    flipped.replace_range(place..=place, if &es256[place..=place] == "A" { "B" } else { "A" });
    let cut = &rs256[..90];
    [
        (format!("sealed = '{flipped}' WHERE line = 'ES256'"), "ES256/1", DAMAGED),
        (format!("sealed = '{rs256}' WHERE line = 'ES256'"), "ES256/1", DAMAGED),
        (format!("sealed = '{es256}' WHERE line = 'handle'"), "handle/1", DAMAGED),
        (format!("sealed = '{cut}' WHERE line = 'RS256'"), "RS256/1", DAMAGED),
        ("sealed = 'v1' WHERE line = 'RS256'".to_owned(), "RS256/1", DAMAGED),
        ("sealed = NULL WHERE line = 'handle'".to_owned(), "handle/1", MISSING),
        ("sealed = NULL WHERE line = 'ES256'".to_owned(), "ES256/1", MISSING),
        ("number = 7 WHERE line = 'RS256'".to_owned(), "RS256/7", DAMAGED),
        ("kid = 'x' WHERE line = 'ES256'".to_owned(), "ES256/1 (kid x)", FOREIGN),
        ("public_jwk = '{}' WHERE line = 'RS256'".to_owned(), "RS256/1", "is damaged"),
        ("public_jwk = NULL WHERE line = 'RS256'".to_owned(), "RS256/1", "is damaged"),
        (
            "public_jwk = replace(public_jwk, '\"kid\":\"', '\"kid\":\"x')".to_owned(),
            "ES256/1",
            FOREIGN,
        ),
    ]
    .into()
}

async fn a_damaged_row_stops_the_start_and_is_named(database: Database) {
    let server = Server::start(database).await;
    let rows = server.database.keys().await;
    for (damage, key, cause) in damages(&rows) {
        assert!(
            server.database.execute(&format!("UPDATE keys SET {damage}")).await > 0,
            "{damage}"
        );
        let damaged = server.database.keys().await;
        let message = refusal(settings_of(&server)).await;
        assert!(message.contains(&format!("key {key}")), "{damage}: {message}");
        assert!(message.contains("(kid ") && message.contains(cause), "{damage}: {message}");
        assert_eq!(server.database.keys().await, damaged, "{damage}");
        server.database.restore_keys(&rows).await;
    }
    App::open(settings_of(&server), Clock::manual()).await.expect("restored, it starts");
    assert_eq!(server.database.keys().await, rows);
}

async fn another_master_key_stops_the_start_and_both_are_named(database: Database) {
    let server = Server::start(database).await;
    let rows = server.database.keys().await;
    let sealed_with = rows[0][4].split('.').nth(1).unwrap().to_owned();
    let other = server.database.dir.path().join("other.key");
    mintmark::keys::MasterKeys::create_file(&other).unwrap();
    let mut settings = settings_of(&server);
    settings.master_key.file = other.to_str().unwrap().to_owned();
    let message = refusal(settings).await;
    assert!(message.contains("key ES256/1 (kid "), "{message}");
    assert!(message.contains(&format!("sealed with master key {sealed_with}")), "{message}");
    assert!(message.contains("nothing was changed"), "{message}");
    assert_eq!(server.database.keys().await, rows);
}

async fn without_a_master_key_nothing_starts(database: Database) {
    let server = Server::start(database).await;
    let rows = server.database.keys().await;
    let place = |file: &str, key: &str| {
        let mut settings = settings_of(&server);
        file.clone_into(&mut settings.master_key.file);
        settings.master_key.key = key.to_owned().into();
        settings
    };
    let short = server.database.dir.path().join("short.key");
    std::fs::write(&short, "c2hvcnQ\n").unwrap();
    let empty = server.database.dir.path().join("empty.key");
    std::fs::write(&empty, "\n").unwrap();
    for (settings, says) in [
        (place("", ""), "no master key is configured"),
        (place("/nowhere/master.key", ""), "/nowhere/master.key"),
        (place(short.to_str().unwrap(), ""), "not 32 bytes"),
        (place(empty.to_str().unwrap(), ""), "it is empty"),
        (place("", "c2hvcnQ"), "not 32 bytes"),
    ] {
        let message = refusal(settings).await;
        assert!(message.contains(says) && !message.contains("c2hvcnQ"), "{message}");
        assert_eq!(server.database.keys().await, rows);
    }
}

async fn a_second_master_key_opens_what_the_first_did_not_seal(database: Database) {
    let server = Server::start(database).await;
    let old = std::fs::read_to_string(&server.app.settings.master_key.file).unwrap();
    let file = server.database.dir.path().join("two.key");
    mintmark::keys::MasterKeys::create_file(&file).unwrap();
    let new = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, new + &old).unwrap();
    let mut settings = settings_of(&server);
    settings.master_key.file = file.to_str().unwrap().to_owned();
    let rows = server.database.keys().await;
    App::open(settings, Clock::manual()).await.expect("the second line opens them");
    assert_eq!(server.database.keys().await, rows);
}
