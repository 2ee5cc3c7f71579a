//! `mintmark init`, and the master key that it makes.
use crate::support::{Outcome, run_in};
use std::{os::unix::fs::PermissionsExt, path::Path};

fn init(dir: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Outcome {
    run_in(dir, &[&["init"], arguments].concat(), variables, "")
}

#[test]
fn it_makes_a_master_key_that_only_its_owner_reads() {
    let dir = tempfile::tempdir().unwrap();
    let made = init(dir.path(), &["--json"], &[]).expect(0).json();
    assert_eq!(
        (made["file"].as_str(), made["made"].as_bool()),
        (Some("keys/master.key"), Some(true))
    );
    let file = dir.path().join("keys/master.key");
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let key = std::fs::read_to_string(&file).unwrap();
    assert!(!made.to_string().contains(key.trim()), "{made}");

    let again = init(dir.path(), &["--json"], &[]).expect(0).json();
    assert_eq!((again["made"].as_bool(), &again["master_key"]), (Some(false), &made["master_key"]));
    let told = init(dir.path(), &[], &[]).expect(0).stdout;
    assert!(told.contains(made["master_key"].as_str().unwrap()) && !told.contains(key.trim()));
    assert_eq!(std::fs::read_to_string(&file).unwrap(), key);
}

#[test]
fn commands_use_what_it_made_without_being_told_where_it_is() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("mintmark.toml"), "issuer = \"https://mint.example\"\n")
        .unwrap();
    // The port is taken by nobody for long: what matters is that it gets as far as to listen.
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let serve = |variables: &[(&str, &str)]| {
        run_in(dir.path(), &["serve", "--config", "mintmark.toml"], variables, "").expect(1).stderr
    };
    let without = serve(&[("MINTMARK__LISTEN", "127.0.0.1:0")]);
    assert!(without.contains("keys/master.key") && without.contains("mintmark init"), "{without}");
    init(dir.path(), &["--config", "mintmark.toml"], &[]).expect(0);
    let with = serve(&[("MINTMARK__LISTEN", &address)]);
    assert!(with.contains("cannot listen"), "{with}");
}

#[test]
fn it_goes_where_the_settings_say_and_refuses_what_it_cannot_do() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("elsewhere/main.key");
    let at = |file: &str| {
        let file = ("MINTMARK__MASTER_KEY__FILE", file);
        init(dir.path(), &[], &[file])
    };
    at(file.to_str().unwrap()).expect(0);
    assert!(file.exists() && !dir.path().join("keys").exists());
    std::fs::write(&file, "no key\n").unwrap();
    let damaged = at(file.to_str().unwrap()).expect(1).stderr;
    assert!(damaged.contains("32 bytes") && !damaged.contains("no key"), "{damaged}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "no key\n", "it is left alone");
    at("").expect(1);
    let in_the_way = dir.path().join("elsewhere/main.key/master.key");
    at(in_the_way.to_str().unwrap()).expect(1);
    let value = ("MINTMARK__MASTER_KEY__KEY", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
    let given = init(dir.path(), &[], &[value]).expect(1).stderr;
    assert!(given.contains("MINTMARK__MASTER_KEY__KEY"), "{given}");
}
