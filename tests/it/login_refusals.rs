//! Logins that are refused, and what they tell.
use crate::{
    on_both,
    support::{Answer, Database, PASSWORD, SECRET, Server, basic},
};
use mintmark::model::{ClientMetadata, ClientType, UserClaims};
use serde_json::{Value, json};

on_both!(
    a_login_without_credentials_is_refused,
    a_login_that_asks_amiss_is_refused_for_its_reason,
    an_authorization_header_that_is_not_basic_is_refused,
    no_one_learns_which_users_there_are,
);

#[track_caller]
fn assert_refused(answer: &Answer, status: u16, error: &str, error_code: &str) {
    assert_eq!(answer.rejection(), (status, error), "{answer:?}");
    assert_eq!(answer.error_code(), error_code, "{answer:?}");
}

async fn a_login_without_credentials_is_refused(database: Database) {
    let server = Server::start(database).await;
    for (body, error_code) in [
        (json!({}), "missing_credentials"),
        (json!({ "username": "alice" }), "missing_credentials"),
        (json!({ "password": PASSWORD }), "missing_credentials"),
        (json!({ "username": "alice", "password": "" }), "missing_credentials"),
        (json!({ "username": null, "password": PASSWORD }), "missing_credentials"),
        (json!({ "username": ["alice"], "password": PASSWORD }), ""),
        (json!(["alice", PASSWORD]), ""),
    ] {
        let answer = server.post_json("/session/login", body).await;
        assert_refused(&answer, 400, "invalid_request", error_code);
    }
    let empty = server.http.post(format!("{}/session/login", server.url));
    assert_refused(&Answer::to(empty).await, 400, "invalid_request", "missing_credentials");
    let text = server.http.post(format!("{}/session/login", server.url)).body("username=alice");
    assert_refused(&Answer::to(text).await, 400, "invalid_request", "");
}

async fn a_login_that_asks_amiss_is_refused_for_its_reason(database: Database) {
    let server = Server::start(database).await;
    let machine =
        ClientMetadata::new(ClientType::Confidential, vec!["client_credentials".to_owned()]);
    server.add_client("machine", machine, Some(SECRET)).await;
    let long = "x".repeat(256);
    let not_registered = (400, "unauthorized_client", "grant_not_registered");
    let unknown = (401, "invalid_client", "unknown_client");
    let malformed = (400, "invalid_request", "");
    for (more, (status, error, error_code)) in [
        (json!({ "client_id": "nobody" }), unknown),
        (json!({ "client_id": "service" }), unknown),
        (json!({ "client_id": "service", "client_secret": "x" }), unknown),
        (json!({ "client_id": "app", "client_secret": "x" }), unknown),
        (json!({ "client_id": "machine", "client_secret": SECRET }), not_registered),
        (json!({ "scope": "admin" }), (400, "invalid_scope", "")),
        (json!({ "scope": " " }), (400, "invalid_scope", "")),
        (json!({ "client_id": "service", "client_assertion": "x" }), unknown),
        (json!({ "resource": "https://elsewhere.example" }), (400, "invalid_target", "")),
        (json!({ "device_id": long }), malformed),
        (json!({ "device_name": "a\u{0}b" }), malformed),
        (json!({ "group": "a\nb" }), malformed),
        (json!({ "transport": "pigeon" }), malformed),
    ] {
        let mut body = json!({ "username": "alice", "password": PASSWORD });
        let Value::Object(more) = more else { unreachable!("each row is an object") };
        body.as_object_mut().unwrap().extend(more);
        let answer = server.post_json("/session/login", body).await;
        assert_refused(&answer, status, error, error_code);
    }
    assert_eq!(server.database.number("SELECT COUNT(*) FROM sessions").await, 0);
}

async fn an_authorization_header_that_is_not_basic_is_refused(database: Database) {
    let server = Server::start(database).await;
    for header in ["Basic", "Basic !!", "Basic YWxpY2U=", "Bearer x", "Negotiate x"] {
        let request = server.form("/session/login", "").header("authorization", header);
        let answer = Answer::to(request).await;
        assert_refused(&answer, 400, "invalid_request", "invalid_authorization_header");
    }
    let both = server.form("/session/login", "username=alice&password=x");
    let both = both.header("authorization", basic("alice", PASSWORD));
    assert_refused(&Answer::to(both).await, 400, "invalid_request", "");
}

async fn no_one_learns_which_users_there_are(database: Database) {
    let server = Server::start(database).await;
    server.add_user("mallory", "a password of hers", UserClaims::default()).await;
    server.database.execute("UPDATE users SET disabled_at = 1 WHERE username = 'mallory'").await;
    let (shouted, long) = (PASSWORD.to_uppercase(), "x".repeat(2000));
    for (username, password) in [
        ("alice", "wrong"),
        ("alice", &shouted),
        ("alice", &format!("{PASSWORD} ")),
        ("alice", &long),
        ("nobody", PASSWORD),
        ("nobody", "the password of nobody"),
        ("mallory", "a password of hers"),
        ("mallory", "wrong"),
        ("a\nb", PASSWORD),
        ("' OR 1=1 --", PASSWORD),
        (&long, PASSWORD),
    ] {
        let body = json!({ "username": username, "password": password });
        let answer = server.post_json("/session/login", body).await;
        assert_eq!(answer.status, 401, "{username}");
        let told = json!({
            "error": "invalid_grant",
            "error_description": "the user name or the password is wrong",
            "error_code": "invalid_credentials",
            "error_uri": format!("{}/help/errors/invalid_credentials", server.url),
        });
        assert_eq!(answer.json, told, "{username}");
    }
}
