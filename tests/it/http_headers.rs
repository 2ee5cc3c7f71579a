//! What every answer has, and which methods each path takes.
use crate::support::{Answer, Database, PASSWORD, Server, basic};
use std::collections::HashSet;

/// The paths with the methods each allows. What is here and not in the URL map, or the other way
/// round, fails.
const PATHS: &[(&str, &str)] = &[
    ("/.well-known/openid-configuration", "GET, HEAD"),
    ("/.well-known/oauth-authorization-server", "GET, HEAD"),
    ("/.well-known/jwks.json", "GET, HEAD"),
    ("/oauth/token", "POST"),
    ("/oauth/revoke", "POST"),
    ("/oauth/introspect", "POST"),
    ("/session/login", "POST"),
    ("/session/refresh", "POST"),
    ("/admin/v1/keys", "GET, HEAD"),
    ("/admin/v1/keys/rotate", "POST"),
    ("/admin/v1/sessions", "GET, DELETE"),
    ("/admin/v1/sessions/x", "DELETE"),
    ("/help/errors", "GET, HEAD"),
    ("/help/errors/invalid_grant", "GET, HEAD"),
    ("/health/live", "GET, HEAD"),
    ("/health/ready", "GET, HEAD"),
];

/// Pages of any origin may use these.
const OPEN: &[&str] = &[
    "/.well-known/openid-configuration",
    "/.well-known/oauth-authorization-server",
    "/.well-known/jwks.json",
    "/oauth/token",
    "/oauth/revoke",
];

async fn server() -> Server {
    Server::start(Database::sqlite()).await
}

async fn send(server: &Server, method: &str, path: &str, headers: &[(&str, &str)]) -> Answer {
    let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
    let mut request = server.http.request(method, format!("{}{path}", server.url));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    Answer::to(request).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_method_is_told_the_right_ones_in_json() {
    let server = server().await;
    for (path, allowed) in PATHS {
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"]
        {
            let meant = allowed.split(", ").any(|allowed| allowed == method)
                || method == "OPTIONS" && OPEN.contains(path);
            let answer = send(&server, method, path, &[]).await;
            let told = (answer.status, answer.header("allow"));
            if meant {
                assert!(told.0 != 405 && told.1.is_none(), "{method} {path}: {answer:?}");
                continue;
            }
            assert_eq!(told, (405, Some(*allowed)), "{method} {path}");
            if method != "HEAD" {
                assert_eq!(answer.rejection(), (405, "method_not_allowed"), "{method} {path}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_exist_is_not_found_in_json() {
    let server = server().await;
    for path in [
        "/",
        "/oauth",
        "/oauth/token/",
        "/oauth/token/x",
        "//oauth/token",
        "/OAUTH/token",
        "/oauth/%74oken%00",
        "/admin",
        "/admin/v1",
        "/admin/v1/keys/../keys/x",
        "/metrics",
        "/debug/pprof",
        "/swagger",
        "/actuator/env",
        "/.git/config",
        "/help",
        "/health",
        "/favicon.ico",
    ] {
        let answer = send(&server, "GET", path, &[]).await;
        assert_eq!(answer.rejection(), (404, "not_found"), "{path}: {answer:?}");
        let help = format!("{}/help/errors/not_found", server.url);
        assert_eq!(answer.text_of("error_uri"), help);
    }
}

/// Status, method, path and headers.
type Row<'a> = (u16, &'a str, &'a str, &'a [(&'a str, &'a str)]);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_of_answer_has_a_request_id_of_its_own_and_no_banner() {
    let server = server().await;
    let admin = server.admin_token().await;
    let bearer = format!("Bearer {admin}");
    let etag = server.get("/.well-known/jwks.json").await.header("etag").unwrap().to_owned();
    let poor = format!("Bearer {}", server.login(None).await.access_token());
    let service = basic("service", "wrong");
    let json = ("content-type", "application/json");
    let rows: &[Row] = &[
        (200, "GET", "/.well-known/jwks.json", &[]),
        (200, "HEAD", "/.well-known/jwks.json", &[]),
        (304, "GET", "/.well-known/jwks.json", &[("if-none-match", &etag)]),
        (204, "OPTIONS", "/oauth/token", &[]),
        (400, "POST", "/oauth/token", &[]),
        (401, "POST", "/oauth/revoke", &[("authorization", &service), FORM]),
        (400, "POST", "/session/login", &[json]),
        (401, "GET", "/admin/v1/keys", &[]),
        (403, "GET", "/admin/v1/keys", &[("authorization", &poor)]),
        (200, "GET", "/admin/v1/keys", &[("authorization", &bearer)]),
        (404, "DELETE", "/admin/v1/sessions/x", &[("authorization", &bearer)]),
        (404, "GET", "/nothing", &[("x-request-id", "mine")]),
        (405, "PUT", "/oauth/token", &[]),
        (415, "POST", "/oauth/token", &[("content-encoding", "gzip"), FORM]),
        (200, "GET", "/help/errors", &[]),
        (404, "GET", "/help/errors/nothing", &[]),
        (200, "GET", "/health/ready", &[]),
    ];
    let mut ids = HashSet::new();
    for &(status, method, path, headers) in rows {
        let answer = send(&server, method, path, headers).await.expect(status);
        let id = answer.header("x-request-id").unwrap_or_else(|| panic!("{answer:?}"));
        assert!(id.parse::<uuid::Uuid>().is_ok(), "{id}");
        assert!(ids.insert(id.to_owned()), "{answer:?}");
        if status >= 400 && !path.starts_with("/help") {
            assert_eq!(answer.header("cache-control"), Some("no-store"), "{method} {path}");
            assert_eq!(answer.header("content-type"), Some("application/json"), "{method} {path}");
        }
        assert_plain(&answer);
    }
    server.app.drain();
    assert_plain(&server.get("/health/ready").await.expect(503));
}

/// Nothing guesses the type of an answer, and none tells what made it.
#[track_caller]
fn assert_plain(answer: &Answer) {
    assert!(answer.header("x-request-id").is_some(), "{answer:?}");
    assert_eq!(answer.header("x-content-type-options"), Some("nosniff"), "{answer:?}");
    for banner in ["server", "x-powered-by", "via"] {
        assert_eq!(answer.header(banner), None, "{answer:?}");
    }
}

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pages_of_any_origin_may_use_the_open_endpoints_and_never_with_credentials() {
    let server = server().await;
    for origin in ["https://app.example", "https://evil.example", "null", "x"] {
        let origin = ("origin", origin);
        for path in OPEN {
            let ask = [origin, ("access-control-request-method", "POST")];
            let preflight = send(&server, "OPTIONS", path, &ask).await.expect(204);
            let headers = preflight.header("access-control-allow-headers").unwrap();
            assert!(headers.contains("Authorization") && headers.contains("Content-Type"));
            let methods = preflight.header("access-control-allow-methods").unwrap();
            assert!(methods.contains("GET") && methods.contains("POST"));
            // Good or bad: a page has to be able to read the error too.
            for method in ["OPTIONS", "GET", "POST"] {
                let answer = send(&server, method, path, &[origin]).await;
                assert_eq!(answer.header("access-control-allow-origin"), Some("*"), "{answer:?}");
                assert_eq!(answer.header("access-control-allow-credentials"), None);
            }
        }
    }
    let token = server.post("/oauth/token", Some("service"), "grant_type=client_credentials").await;
    assert_eq!(token.header("access-control-allow-origin"), Some("*"));
    let wrong = server.post("/oauth/token", Some("service"), "grant_type=none").await.expect(400);
    assert_eq!(wrong.header("access-control-allow-origin"), Some("*"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_other_endpoint_takes_part_in_cross_origin_requests() {
    let server = server().await;
    let origin = ("origin", "https://app.example");
    for (path, _) in PATHS.iter().filter(|(path, _)| !OPEN.contains(path)) {
        let ask = [origin, ("access-control-request-method", "POST")];
        send(&server, "OPTIONS", path, &ask).await.expect(405);
        for method in ["OPTIONS", "GET", "POST", "DELETE"] {
            let answer = send(&server, method, path, &[origin]).await;
            let names = answer.headers.keys().map(reqwest::header::HeaderName::as_str);
            let cors: Vec<_> = names.filter(|name| name.starts_with("access-control-")).collect();
            assert!(cors.is_empty(), "{method} {path}: {cors:?}");
        }
    }
    let body = serde_json::json!({ "username": "alice", "password": PASSWORD });
    let login = server.http.post(format!("{}/session/login", server.url)).json(&body);
    let answer = Answer::to(login.header(origin.0, origin.1)).await.expect(200);
    assert_eq!(answer.header("access-control-allow-origin"), None);
}

/// RFC 9110 §9.3.2.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn head_answers_as_get_does_but_without_the_body() {
    let server = server().await;
    for (path, allowed) in PATHS.iter().filter(|(_, allowed)| allowed.contains("HEAD")) {
        let (get, head) = (server.get(path).await, send(&server, "HEAD", path, &[]).await);
        assert_eq!((head.status, head.text.as_str()), (get.status, ""), "{path} {allowed}");
        for name in ["content-type", "content-length", "etag", "cache-control"] {
            assert_eq!(head.header(name), get.header(name), "{name} of {path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_tells_nothing_but_that() {
    let server = server().await;
    for path in ["/health/live", "/health/ready"] {
        let answer = server.get(path).await.expect(200);
        assert_eq!(answer.text, r#"{"status":"ok"}"#);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
}
