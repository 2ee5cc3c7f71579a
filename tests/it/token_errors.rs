//! How answers look: those of the token endpoint (RFC 6749 §5.1) and errors everywhere (§5.2).
use crate::{
    on_both,
    support::{Answer, Database, PASSWORD, SECRET, Server, basic},
};
use mintmark::oauth::{Code, Detail};
use std::collections::HashSet;

on_both!(
    a_token_answer_is_json_that_nobody_stores,
    every_error_is_json_with_a_help_page_and_tells_nothing_back,
    every_answer_has_a_request_id,
);

async fn a_token_answer_is_json_that_nobody_stores(database: Database) {
    let server = Server::start(database).await;
    let own = server.post("/oauth/token", Some("service"), "grant_type=client_credentials").await;
    assert!(own.json.get("refresh_token").is_none(), "RFC 6749 §4.4.3");
    let login = server.login(None).await;
    let refreshed = server.refresh(login.refresh_token()).await;
    for answer in [own, login, refreshed] {
        let answer = answer.expect(200);
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(answer.text_of("token_type"), "Bearer");
        assert_eq!(answer.json["expires_in"], serde_json::json!(600));
    }
}

/// What no answer may give back. In a name, a value, a path and headers.
const CANARY: &str = "c4n4ry\"\\<script>";
const CANARY_ENCODED: &str = "c4n4ry%22%5C%3Cscript%3E";

/// Refusals of every kind.
async fn refusals(server: &Server) -> Vec<Answer> {
    let mut answers = token_refusals(server).await;
    answers.extend(other_refusals(server).await);
    answers
}

async fn token_refusals(server: &Server) -> Vec<Answer> {
    let (canary, mut answers) = (CANARY_ENCODED, Vec::new());
    for (client, form) in [
        (None, format!("grant_type=client_credentials&client_id={canary}&client_secret={canary}")),
        (None, "grant_type=client_credentials&client_id=app".to_owned()),
        (Some("service"), format!("grant_type={canary}")),
        (Some("service"), format!("{canary}=x")),
        (Some("service"), format!("{canary}=x&{canary}=y")),
        (Some("service"), format!("grant_type=client_credentials&scope={canary}")),
        (Some("service"), format!("grant_type=client_credentials&resource={canary}")),
        (Some("service"), format!("grant_type=refresh_token&refresh_token={canary}")),
        (Some(CANARY), "grant_type=client_credentials".to_owned()),
        (Some("service"), "c4n4ry".repeat(20_000)),
    ] {
        answers.push(server.post("/oauth/token", client, &form).await);
    }
    let gzip = server.form("/oauth/token", "c4n4ry").header("content-encoding", "c4n4ry");
    answers.push(Answer::to(gzip.header("authorization", basic("service", SECRET))).await);
    answers
}

async fn other_refusals(server: &Server) -> Vec<Answer> {
    let (canary, mut answers) = (CANARY_ENCODED, Vec::new());
    let service_token =
        server.post("/oauth/token", Some("service"), "grant_type=client_credentials").await;
    answers.push(server.post("/oauth/introspect", Some(CANARY), &format!("token={canary}")).await);
    answers.push(server.post("/oauth/introspect", Some("service"), canary).await);
    answers.push(server.post("/oauth/revoke", None, &format!("token={canary}")).await);
    answers.push(server.post("/oauth/token?c4n4ry", Some("service"), "").await);
    answers.push(server.get("/oauth/token?c4n4ry").await);
    answers.push(server.get(&format!("/nothing/{canary}")).await);
    for body in [
        serde_json::json!({ "username": CANARY }),
        serde_json::json!({ "username": CANARY, "password": CANARY }),
        serde_json::json!({ "username": "alice", "password": PASSWORD, "device_id": "\u{7}c4n4ry" }),
        serde_json::json!({ "username": "alice", "password": PASSWORD, "client_id": CANARY }),
        serde_json::json!({ CANARY: 1 }),
    ] {
        answers.push(server.post_json("/session/login", body).await);
    }
    let body = serde_json::json!({ "refresh_token": CANARY });
    answers.push(server.post_json("/session/refresh", body).await);
    answers.push(server.admin("GET", "/admin/v1/keys", "c4n4ry", None).await);
    answers.push(server.admin("GET", "/admin/v1/keys", service_token.access_token(), None).await);
    answers
}

async fn every_error_is_json_with_a_help_page_and_tells_nothing_back(database: Database) {
    let server = Server::start(database).await;
    let answers = refusals(&server).await;
    let (mut seen, mut pages) = (HashSet::new(), HashSet::new());
    for answer in answers {
        assert!((400..500).contains(&answer.status), "{answer:?}");
        assert_eq!(answer.header("content-type"), Some("application/json"), "{answer:?}");
        assert_eq!(answer.header("cache-control"), Some("no-store"), "{answer:?}");
        let error = answer.text_of("error");
        assert!(Code::ALL.iter().any(|code| code.as_str() == error), "{answer:?}");
        let code = answer.error_code();
        assert!(code.is_empty() || Detail::ALL.iter().any(|detail| detail.as_str() == code));
        // RFC 6749 §5.2 has these characters and no others.
        let allowed = |byte| matches!(byte, 0x20..=0x21 | 0x23..=0x5b | 0x5d..=0x7e);
        assert!(answer.text_of("error_description").bytes().all(allowed), "{answer:?}");
        assert!(!answer.text.contains("c4n4ry"), "{answer:?}");
        for (_, value) in &answer.headers {
            assert!(!value.to_str().unwrap().contains("c4n4ry"), "{answer:?}");
        }
        seen.insert(error.to_owned());
        pages.insert(answer.text_of("error_uri").to_owned());
    }
    assert!(seen.len() >= 12, "too few kinds of errors were seen: {seen:?}");
    for page in pages {
        let path = page.strip_prefix(&server.url).expect("the page is served here");
        let help = server.get(path).await.expect(200);
        assert!(help.header("content-type").unwrap().starts_with("text/html"), "{page}");
        let name = path.rsplit('/').next().unwrap();
        assert!(help.text.contains(name), "{page}");
    }
}

async fn every_answer_has_a_request_id(database: Database) {
    let server = Server::start(database).await;
    let mut ids = HashSet::new();
    let mut answers = refusals(&server).await;
    answers.push(server.login(None).await);
    for path in [
        "/.well-known/jwks.json",
        "/.well-known/openid-configuration",
        "/health/live",
        "/health/ready",
        "/help/errors",
        "/help/errors/unheard_of",
        "/help/errors/invalid_grant",
    ] {
        answers.push(server.get(path).await);
    }
    let count = answers.len();
    for answer in answers {
        let id = answer.header("x-request-id").unwrap_or_else(|| panic!("{answer:?}"));
        assert!(uuid::Uuid::parse_str(id).is_ok(), "{id}");
        ids.insert(id.to_owned());
    }
    assert_eq!(ids.len(), count, "no two answers share an id");
}
