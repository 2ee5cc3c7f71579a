//! `mintmark serve`, which refuses whatever would do harm later, and says what to do about it.
use crate::{
    on_both,
    support::{Database, Outcome, Process, Server, run_with},
};
use mintmark::keys::MasterKeys;
use std::path::PathBuf;

on_both!(
    a_settings_file_is_all_it_needs_and_it_makes_no_demo_data,
    a_wrong_master_key_is_refused_with_the_row_it_does_not_open,
    a_damaged_key_is_named_and_nothing_replaced,
);

const ISSUER: &str = "https://auth.example.org/tenant";

/// A settings file that works, with lines of the test after it.
fn config(database: &Database, more: &str) -> PathBuf {
    let key = database.dir.path().join("master.key");
    MasterKeys::create_file(&key).unwrap();
    let text = format!(
        "issuer = \"{ISSUER}\"\nlisten = \"127.0.0.1:0\"\n\n[database]\nurl = \"{}\"\n\n\
         [master_key]\nfile = \"{}\"\n\n{more}",
        database.url,
        key.display(),
    );
    let file = database.dir.path().join("mintmark.toml");
    std::fs::write(&file, text).unwrap();
    file
}

fn serve(arguments: &[&str], variables: &[(&str, &str)]) -> Outcome {
    run_with(&[&["serve"], arguments].concat(), variables, "")
}

fn serve_file(config: &std::path::Path) -> Outcome {
    serve(&["--config", config.to_str().unwrap()], &[])
}

async fn a_settings_file_is_all_it_needs_and_it_makes_no_demo_data(database: Database) {
    let file = config(&database, "[server]\ndrain_for = \"10ms\"\n\n[sessions]\nlimit = 7\n");
    let process = Process::serve(&file);
    for path in
        ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server/tenant"]
    {
        assert_eq!(process.get(path).await.expect(200).text_of("issuer"), ISSUER);
    }
    let jwks = process.get("/.well-known/jwks.json").await.expect(200);
    assert_eq!(jwks.json["keys"].as_array().unwrap().len(), 2);
    process.get("/health/ready").await.expect(200);
    for table in ["clients", "users", "sessions"] {
        assert_eq!(database.number(&format!("SELECT COUNT(*) FROM {table}")).await, 0, "{table}");
    }
    let (code, log) = process.terminate();
    assert!(code == Some(0) && log.contains(ISSUER), "{log}");
    assert!(!database.dir.path().join("dev.json").exists());
}

const FILE: &str = "MINTMARK__MASTER_KEY__FILE";

#[test]
fn it_says_which_setting_is_missing_or_wrong() {
    let key = std::env::temp_dir().join("no-master-key-is-here");
    let key = key.to_str().unwrap();
    let issuer = ("MINTMARK__ISSUER", ISSUER);
    let text = "c2l4dGVlbiBieXRlcyBhcmUgbm90IGVub3VnaA";
    for (variables, named) in [
        (vec![], vec!["issuer", "MINTMARK__ISSUER"]),
        (vec![issuer, (FILE, "")], vec!["master key", "master_key.file"]),
        (vec![issuer, (FILE, key)], vec!["master key", key, "mintmark init"]),
        (vec![issuer, ("MINTMARK__MASTER_KEY__KEY_FILE", key)], vec!["KEY_FILE", key]),
        (vec![issuer, ("MINTMARK__MASTER_KEY__KEY", text)], vec!["master_key.key", "32 bytes"]),
        (vec![("MINTMARK__ISSUER", "auth.example.org")], vec!["auth.example.org", "URL"]),
        (vec![issuer, ("MINTMARK__KEYS__ANNOUNCE_FOR", "1h")], vec!["announce_for is 1h", "1h 1m"]),
        (
            vec![issuer, ("MINTMARK__KEYS__ROTATE_EVERY", "1d")],
            vec!["rotate_every is 1day", "2days"],
        ),
        (
            vec![issuer, ("MINTMARK__KEYS__ALGORITHMS", "HS256")],
            vec!["keys.algorithms", "RS256, ES256, PS256, ES384, EdDSA"],
        ),
        (vec![issuer, ("MINTMARK__SESIONS__LIMIT", "3")], vec!["sesions"]),
        (vec![issuer, ("MINTMARK__SESSIONS__LIMT", "3")], vec!["limt"]),
        (vec![issuer, ("MINTMARK__LISTEN", "8080")], vec!["listen"]),
        (
            vec![issuer, ("MINTMARK__TOKENS__ACCESS_TOKEN_LIFETIME", "soon")],
            vec!["access_token_lifetime"],
        ),
    ] {
        let refused = serve(&[], &variables).expect(1);
        for name in named {
            assert!(refused.stderr.contains(name), "no `{name}` in {refused:?}");
        }
        assert!(refused.stdout.is_empty(), "{refused:?}");
        let cause = refused.stderr.trim().rsplit(": ").next().unwrap();
        assert_eq!(refused.stderr.matches(cause).count(), 1, "it is told twice: {refused:?}");
        assert!(!refused.stderr.contains(text), "the master key is in {refused:?}");
    }
    serve(&["--config", "/no/such/file.toml"], &[]).expect(1);
    serve(&["--confg", "x"], &[]).expect(2);
}

#[test]
fn an_unknown_key_of_the_file_is_named() {
    let database = Database::sqlite();
    for (more, name) in
        [("[sesions]\nlimit = 3", "sesions"), ("[sessions]\nlimt = 3", "limt"), ("[keys", "toml")]
    {
        let refused = serve_file(&config(&database, more)).expect(1);
        assert!(refused.stderr.contains(name), "no `{name}` in {refused:?}");
    }
    assert!(!database.dir.path().join("mintmark.db").exists());
}

#[test]
fn the_passwords_of_a_database_are_not_in_its_messages() {
    let issuer = ("MINTMARK__ISSUER", ISSUER);
    let key = ("MINTMARK__MASTER_KEY__KEY", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    let listen = ("MINTMARK__LISTEN", "127.0.0.1:0");
    for url in ["postgres://me:hunter2@127.0.0.1:1/x", "mysql://me:hunter2@127.0.0.1/x"] {
        let refused = serve(&["--database", url], &[issuer, key, listen]).expect(1);
        assert!(refused.stderr.len() > 20 && !refused.stderr.contains("hunter2"), "{refused:?}");
    }
}

/// The rows of the table of keys, as texts that differ if anything does.
async fn keys(database: &Database) -> Vec<String> {
    let row = "line || '/' || CAST(number AS TEXT) || ' ' || kid || ' ' || COALESCE(sealed, '')";
    database.texts(&format!("SELECT {row} FROM keys ORDER BY line, number")).await
}

async fn a_wrong_master_key_is_refused_with_the_row_it_does_not_open(database: Database) {
    let file = config(&database, "");
    assert_eq!(Process::serve(&file).terminate().0, Some(0));
    let (before, key) = (keys(&database).await, database.dir.path().join("master.key"));
    let right = std::fs::read(&key).unwrap();
    std::fs::remove_file(&key).unwrap();
    config(&database, "");

    let begin = std::time::Instant::now();
    let refused = serve_file(&file).expect(1);
    // It should take no two seconds; this is as long as a crowded machine may need.
    assert!(begin.elapsed().as_secs() < 20, "{:?}", begin.elapsed());
    let named = before.iter().any(|row| {
        let (place, rest) = row.split_once(' ').unwrap();
        refused.stderr.contains(place) && refused.stderr.contains(rest.split(' ').next().unwrap())
    });
    assert!(named && refused.stderr.contains("master key"), "{refused:?} of {before:?}");
    assert_eq!(keys(&database).await, before);
    std::fs::write(&key, right).unwrap();
    assert_eq!(Process::serve(&file).terminate().0, Some(0));
}

async fn a_damaged_key_is_named_and_nothing_replaced(database: Database) {
    let file = config(&database, "");
    assert_eq!(Process::serve(&file).terminate().0, Some(0));
    let damage = "UPDATE keys SET sealed = (SELECT sealed FROM keys WHERE line = 'RS256')
                  WHERE line = 'ES256'";
    assert_eq!(database.execute(damage).await, 1);
    let before = keys(&database).await;
    let refused = serve_file(&file).expect(1);
    let kid = before[0].split(' ').nth(1).unwrap();
    assert!(refused.stderr.contains("ES256/1") && refused.stderr.contains(kid), "{refused:?}");
    assert_eq!(keys(&database).await, before);
}

/// What `dev` and the tests run with is what an operator gets: the file of defaults is complete.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_file_of_defaults_is_a_settings_file() {
    let server = Server::start(Database::sqlite()).await;
    let text = std::fs::read_to_string("config/default.toml").unwrap();
    let file = server.database.dir.path().join("copy.toml");
    std::fs::write(&file, text).unwrap();
    let refused = serve_file(&file).expect(1);
    assert!(refused.stderr.contains("issuer is not set"), "{refused:?}");
}
