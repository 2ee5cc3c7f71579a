use super::*;
use crate::model::Algorithm;
use secrecy::ExposeSecret;

fn load(variables: &[(&str, &str)]) -> Result<Settings, ConfigError> {
    let variables = variables.iter().map(|(key, value)| ((*key).into(), (*value).into()));
    Settings::load(None, variables.collect())
}

#[test]
fn the_environment_overrides_the_defaults() {
    let settings = load(&[
        ("MINTMARK__DATABASE__URL", "postgres://elsewhere"),
        ("MINTMARK__KEYS__ALGORITHMS", "ES256, RS256"),
        ("MINTMARK__SESSIONS__LIMIT", "3"),
        ("UNRELATED", "x"),
    ])
    .unwrap();
    assert_eq!(settings.database.url.expose_secret(), "postgres://elsewhere");
    assert_eq!(settings.keys.algorithms, [Algorithm::Es256, Algorithm::Rs256]);
    assert_eq!(settings.sessions.limit, 3);
}

#[test]
fn the_default_of_the_master_key_is_known_as_such() {
    assert!(load(&[]).unwrap().master_key.is_default());
    for set in ["MINTMARK__MASTER_KEY__KEY", "MINTMARK__MASTER_KEY__FILE"] {
        assert!(!load(&[(set, "x")]).unwrap().master_key.is_default(), "{set}");
    }
}

#[test]
fn a_misspelt_key_is_refused_and_named() {
    let error = load(&[("MINTMARK__DATABASE__ULR", "x")]).unwrap_err();
    assert!(error.to_string().contains("ulr"), "{error}");
}

#[test]
fn a_secret_is_not_printed() {
    let settings = load(&[("MINTMARK__DATABASE__URL", "postgres://me:hunter2@db")]).unwrap();
    assert!(!format!("{settings:?}").contains("hunter2"));
}

#[test]
fn a_secret_can_come_from_a_file() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "postgres://from-file\n").unwrap();
    let path = file.path().to_str().unwrap();
    let settings = load(&[("MINTMARK__DATABASE__URL_FILE", path)]).unwrap();
    assert_eq!(settings.database.url.expose_secret(), "postgres://from-file");
    let error = load(&[("MINTMARK__DATABASE__URL_FILE", "/nowhere")]).unwrap_err();
    assert!(error.to_string().contains("/nowhere"), "{error}");
    std::fs::write(file.path(), "\n").unwrap();
    let error = load(&[("MINTMARK__MASTER_KEY__KEY_FILE", path)]).unwrap_err().to_string();
    assert!(error.contains("KEY_FILE") && error.contains(path), "{error}");
}

#[test]
fn settings_that_would_break_verifiers_are_refused_with_both_values() {
    let error = load(&[("MINTMARK__KEYS__ANNOUNCE_FOR", "1h")]).unwrap_err().to_string();
    assert!(error.contains("announce_for is 1h") && error.contains("1h 1m 5s"), "{error}");
    assert!(load(&[("MINTMARK__KEYS__ANNOUNCE_FOR", "61m 4s")]).is_err());
    assert!(load(&[("MINTMARK__KEYS__ANNOUNCE_FOR", "61m 5s")]).is_ok());
    assert!(load(&[("MINTMARK__KEYS__ROTATE_EVERY", "25h")]).is_err());
    assert!(load(&[("MINTMARK__KEYS__POLL_INTERVAL", "2m")]).is_err());
    assert!(load(&[("MINTMARK__KEYS__ALGORITHMS", "RS256")]).is_err());
}

#[test]
fn an_issuer_is_a_plain_url() {
    for bad in ["example.org", "https://a/", "https://a?b", "ftp://a", "https://u@a"] {
        assert!(load(&[("MINTMARK__ISSUER", bad)]).is_err(), "{bad}");
    }
    assert!(load(&[("MINTMARK__ISSUER", "https://auth.example/tenant")]).is_ok());
}
