//! `mintmark keys import|export|rekey`: what goes into the ring and comes out of it as files.
use crate::{
    on_both,
    support::{Database, Outcome, PROGRAM, Process, ResourceServer, Server, kid_of, run, run_with},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use mintmark::{
    app::App,
    config::Settings,
    jose::generate,
    keys::MasterKeys,
    model::Algorithm::{self, Es256, Rs256},
};
use std::{
    process::{Command, Stdio},
    time::Duration,
};

on_both!(
    a_key_of_a_file_signs_for_the_server,
    what_cannot_be_imported_is_refused_and_changes_nothing,
    a_public_half_is_exported_in_both_forms,
    everything_is_sealed_anew_by_a_command,
    a_killed_rekey_is_finished_by_the_next,
);

fn keys(database: &Database, arguments: &[&str]) -> Outcome {
    let data = database.dir.path().to_str().unwrap();
    run(&[&["keys"], arguments, &["--data", data, "--database", &database.url]].concat())
}

fn pem(alg: Algorithm) -> String {
    let text = STANDARD.encode(&*generate(alg).unwrap().pkcs8);
    format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n")
}

/// A file of the test's folder.
fn file(database: &Database, name: &str, text: &str) -> String {
    let path = database.dir.path().join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

async fn a_key_of_a_file_signs_for_the_server(database: Database) {
    let process = Process::start_with(&database, &[("MINTMARK__KEYS__POLL_INTERVAL", "200ms")]);
    let es256 = file(&database, "es256.pem", &pem(Es256));
    let planned = keys(&database, &["import", &es256, "--dry-run", "--json"]).expect(0).json();
    assert_eq!((&planned["planned"][0]["number"], &planned["dry_run"]), (&2.into(), &true.into()));
    let told = keys(&database, &["import", &es256]).expect(0).stdout;
    assert!(told.starts_with("ES256: key 2 (") && told.contains("signs from "), "{told}");

    let rs256 = pem(Rs256);
    let data = database.dir.path().to_str().unwrap();
    let arguments = ["keys", "import", "-", "--alg", "RS256", "--immediate", "--json"];
    let place = ["--data", data, "--database", &database.url];
    let imported = run_with(&[&arguments[..], &place].concat(), &[], &rs256).expect(0).json();
    let key = &imported["keys"][0];
    assert_eq!(
        (&key["alg"], &key["state"], &key["origin"]),
        (&"RS256".into(), &"active".into(), &"imported".into())
    );
    let published = async || process.get("/.well-known/jwks.json").await.expect(200);
    let begin = std::time::Instant::now();
    while !published().await.text.contains(key["kid"].as_str().unwrap()) {
        assert!(begin.elapsed() < Duration::from_secs(15), "the server does not see it");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let by_cli =
        "SELECT COUNT(*) FROM audit_events WHERE actor = 'cli' AND action = 'key.imported'";
    assert_eq!(database.number(by_cli).await, 2);
}

async fn what_cannot_be_imported_is_refused_and_changes_nothing(database: Database) {
    let server = Server::start(database).await;
    let database = &server.database;
    let before = database.keys().await;
    let [es256, rs256] = [Es256, Rs256].map(|alg| file(database, alg.as_str(), &pem(alg)));
    let garbage = file(database, "garbage", "private-material\n");
    for (arguments, says) in [
        (&["import", &rs256][..], "name one of RS256, PS256"),
        (&["import", &es256, "--alg", "RS256"], "does not fit RS256"),
        (&["import", &rs256, "--alg", "PS256"], "PS256 is not switched on"),
        (&["import", &garbage], "neither a PEM"),
        (&["import", "/nowhere.pem"], "cannot read /nowhere.pem"),
        (&["export", "nobody-s-kid"], "no key has the kid"),
    ] {
        let refused = keys(database, arguments).expect(1);
        assert!(refused.stderr.contains(says), "no `{says}` in {refused:?}");
        assert!(!refused.stderr.contains("private-material"), "{refused:?}");
    }
    assert_eq!(database.keys().await, before);
}

async fn a_public_half_is_exported_in_both_forms(database: Database) {
    let server = Server::start(database).await;
    let token = server.admin_token().await;
    let kid = kid_of(&token);
    let alone = |arguments: &[&str]| {
        run(&[&["keys", "export"], arguments, &["--database", &server.database.url]].concat())
    };
    let jwk = alone(&[&kid]).expect(0).json();
    let copy = ResourceServer::with(&serde_json::json!({ "keys": [jwk] }));
    assert!(copy.accepts(&token));
    let pem = alone(&[&kid[..8], "--pem"]).expect(0).stdout;
    let key = josekit::jws::ES256.verifier_from_pem(&pem).unwrap();
    josekit::jwt::decode_with_verifier(&token, &key).unwrap();
}

/// A folder with a new master key, alone in one file and before the old one in another.
fn new_master_key(settings: &Settings) -> (tempfile::TempDir, [String; 2]) {
    let dir = tempfile::tempdir().unwrap();
    let [alone, both] = ["alone.key", "both.key"].map(|name| dir.path().join(name));
    MasterKeys::create_file(&alone).unwrap();
    let old = std::fs::read_to_string(&settings.master_key.file).unwrap();
    std::fs::write(&both, std::fs::read_to_string(&alone).unwrap() + &old).unwrap();
    let files = [alone, both].map(|path| path.to_str().unwrap().to_owned());
    (dir, files)
}

fn rekey(database: &Database, master_key: &str) -> Outcome {
    let file = ("MINTMARK__MASTER_KEY__FILE", master_key);
    run_with(&["keys", "rekey", "--database", &database.url, "--json"], &[file], "")
}

async fn opens(server: &Server, master_key: &str) -> bool {
    let mut settings = server.app.settings.clone();
    master_key.clone_into(&mut settings.master_key.file);
    App::open(settings, server.clock.clone()).await.is_ok()
}

async fn everything_is_sealed_anew_by_a_command(database: Database) {
    let server = Server::start(database).await;
    let (_dir, [alone, both]) = new_master_key(&server.app.settings);
    let refused = rekey(&server.database, &alone).expect(1);
    assert!(refused.stderr.contains("nothing was changed"), "{refused:?}");
    let done = rekey(&server.database, &both).expect(0).json();
    assert_eq!((&done["sealed_anew"], &done["unchanged"]), (&3.into(), &0.into()));
    let again = rekey(&server.database, &both).expect(0).json();
    assert_eq!((&again["sealed_anew"], &again["unchanged"]), (&0.into(), &3.into()));
    assert!(opens(&server, &alone).await);
}

async fn a_killed_rekey_is_finished_by_the_next(database: Database) {
    // Keys of refresh tokens stay for months, so that there is something to do.
    let often = |settings: &mut Settings| {
        settings.keys.algorithms = vec![Es256];
        settings.keys.rotate_every = Duration::from_hours(48);
        settings.keys.poll_interval = Duration::from_hours(1);
    };
    let server = Server::with(database, often).await;
    for _ in 0..80 {
        server.advance(24 * 60 * 60);
        server.app.keys.maintain().await.unwrap();
    }
    let (_dir, [_, both]) = new_master_key(&server.app.settings);
    let sealed = "SELECT COUNT(*) FROM keys WHERE sealed IS NOT NULL";
    let all = server.database.number(sealed).await;
    assert!(all > 30, "{all} rows");
    let new = MasterKeys::load(&mintmark::config::MasterKeySettings {
        file: both.clone(),
        key: "".into(),
    });
    let done = format!("{sealed} AND sealed LIKE 'v1.{}.%'", new.unwrap().sealing_id());
    let mut before = 0;
    for round in 0..12 {
        killed_rekey(&server.database, &both, Duration::from_millis(15 + round * 4)).await;
        before = server.database.number(&done).await;
        assert!(opens(&server, &both).await, "half of it opens with both keys");
    }
    let rest = rekey(&server.database, &both).expect(0).json();
    assert_eq!(rest["sealed_anew"].as_i64(), Some(all - before));
    assert_eq!(server.database.number(&done).await, all);
    let audited = server.audited("key.sealed_anew").await;
    assert_eq!(audited, all, "each row once");
}

async fn killed_rekey(database: &Database, master_key: &str, after: Duration) {
    let mut child = Command::new(PROGRAM)
        .args(["keys", "rekey", "--database", &database.url])
        .env("MINTMARK__MASTER_KEY__FILE", master_key)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    tokio::time::sleep(after).await;
    child.kill().unwrap();
    child.wait().unwrap();
}
