//! `mintmark dev`, the newcomer's start.
use crate::{
    on_both,
    support::{Database, PROGRAM, Process, run},
};
use serde_json::Value;
use std::{net::TcpListener, os::unix::fs::PermissionsExt, path::Path, process::Command};

on_both!(a_second_start_keeps_the_data_and_the_credentials, the_credentials_it_prints_work);

/// The members of a JSON document, and theirs, with dots between.
fn members(value: &Value) -> Vec<String> {
    let Value::Object(map) = value else { return vec![] };
    let mut names = Vec::new();
    for (name, value) in map {
        let inner = members(value);
        if inner.is_empty() {
            names.push(name.clone());
        }
        names.extend(inner.into_iter().map(|inner| format!("{name}.{inner}")));
    }
    names.sort();
    names
}

async fn the_credentials_it_prints_work(database: Database) {
    let process = Process::start(&database);
    let expected = [
        "admin.client_id",
        "admin.client_secret",
        "client.client_id",
        "client.client_secret",
        "issuer",
        "public_client.client_id",
        "public_client.redirect_uri",
        "user.password",
        "user.username",
    ];
    assert_eq!(members(&process.dev), expected);
    for client in ["client", "admin"] {
        process
            .post("/oauth/token", Some(client), "grant_type=client_credentials")
            .await
            .expect(200);
    }
    let pair = process.login().await;
    process.refresh(pair.refresh_token()).await.expect(200);
    let metadata = process.get("/.well-known/openid-configuration").await.expect(200);
    assert_eq!(metadata.text_of("issuer"), process.issuer());
    // `terminate` checks that nothing but that one line was printed.
    assert_eq!(process.terminate().0, Some(0));
}

async fn a_second_start_keeps_the_data_and_the_credentials(database: Database) {
    let first = Process::start(&database);
    let (dev, pair) = (first.dev.clone(), first.login().await);
    let kids = first.get("/.well-known/jwks.json").await.json;
    assert_eq!(first.terminate().0, Some(0));

    let mut second = Process::start(&database);
    assert_eq!(second.get("/.well-known/jwks.json").await.json, kids);
    let refreshed = second.refresh(pair.refresh_token()).await.expect(200);
    assert_ne!(refreshed.refresh_token(), pair.refresh_token());
    second.login().await;
    // All is the same but the port, which was to be a free one.
    second.dev["issuer"] = dev["issuer"].clone();
    assert_eq!(second.dev, dev);
    assert_eq!(database.number("SELECT COUNT(*) FROM clients").await, 3);
    assert_eq!(database.number("SELECT COUNT(*) FROM users").await, 1);
}

#[test]
fn it_listens_on_loopback_only() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    for address in ["0.0.0.0:0", "[::]:0", "192.0.2.1:80"] {
        let refused =
            run(&["dev", "--listen", address, "--data", data.to_str().unwrap()]).expect(1);
        assert!(refused.stderr.contains("loopback") && refused.stdout.is_empty(), "{refused:?}");
        assert!(!data.exists(), "it made something before it refused");
    }
    run(&["dev", "--listen", "localhost"]).expect(2);
}

#[test]
fn a_port_in_use_is_named() {
    let (dir, taken) = (tempfile::tempdir().unwrap(), TcpListener::bind("127.0.0.1:0").unwrap());
    let (data, address) = (dir.path().join("data"), taken.local_addr().unwrap().to_string());
    let refused = run(&["dev", "--listen", &address, "--data", data.to_str().unwrap()]).expect(1);
    assert!(refused.stderr.contains(&format!("cannot listen on {address}")), "{refused:?}");
    assert!(
        refused.stderr.contains("in use") && refused.stderr.contains("--listen"),
        "{refused:?}"
    );
    assert_eq!((refused.stdout.as_str(), data.exists()), ("", false));
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// Under a umask that would let everybody read and write.
#[test]
fn everything_it_makes_is_for_its_owner_alone() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    let script = "umask 0; exec \"$0\" dev --json --listen 127.0.0.1:0 --data \"$1\"";
    let mut child = Command::new("bash")
        .args(["-c", script, PROGRAM])
        .arg(&data)
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    let mut stdout = std::io::BufReader::new(child.stdout.take().unwrap());
    std::io::BufRead::read_line(&mut stdout, &mut line).unwrap();
    assert!(line.starts_with('{'), "{line}");

    assert_eq!(mode(&data), 0o700);
    let mut names = Vec::new();
    for entry in std::fs::read_dir(&data).unwrap() {
        let path = entry.unwrap().path();
        assert_eq!(mode(&path), 0o600, "{}", path.display());
        names.push(path.file_name().unwrap().to_str().unwrap().to_owned());
    }
    child.kill().unwrap();
    child.wait().unwrap();
    for name in ["master.key", "dev.json", "mintmark.db", "mintmark.db-wal"] {
        assert!(names.iter().any(|found| found == name), "no {name} in {names:?}");
    }
}

/// A demo file that somebody broke is not replaced: the credentials in it may be in use.
#[test]
fn a_damaged_file_is_named_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["dev.json", "master.key"] {
        let data = dir.path().join(name.replace('.', "-"));
        std::fs::create_dir(&data).unwrap();
        std::fs::write(data.join(name), "damaged").unwrap();
        let arguments = ["dev", "--listen", "127.0.0.1:0", "--data", data.to_str().unwrap()];
        let refused = run(&arguments).expect(1);
        assert!(refused.stderr.contains(name), "{refused:?}");
        assert_eq!(std::fs::read_to_string(data.join(name)).unwrap(), "damaged");
    }
}
