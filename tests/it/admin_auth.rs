//! Who may use which route of the admin API (RFC 6750).
use crate::{
    on_both,
    support::{Answer, Database, SECRET, Server, basic},
};
use mintmark::model::{ClientMetadata, ClientType};
use std::time::Duration;

/// Every route of the admin API with its scope.
const ROUTES: [(&str, &str, &str); 8] = [
    ("GET", "/admin/v1/keys", "keys:read"),
    ("POST", "/admin/v1/keys/rotate", "keys:rotate"),
    ("POST", IMPORT, "keys:import"),
    ("GET", "/admin/v1/sessions", "sessions:read"),
    ("DELETE", "/admin/v1/sessions?user=nobody", "sessions:revoke"),
    ("DELETE", NO_SESSION, "sessions:revoke"),
    ("POST", WHY, "sessions:read"),
    ("GET", "/admin/v1/audit", "audit:read"),
];
const WHY: &str = "/admin/v1/sessions/why";
const IMPORT: &str = "/admin/v1/keys/import";
const NO_SESSION: &str = "/admin/v1/sessions/0193e5a0-0000-7000-8000-000000000000";

on_both!(
    every_route_wants_a_token,
    a_token_comes_in_one_header_only,
    each_scope_opens_its_routes_and_no_others,
    a_token_of_a_user_opens_nothing,
    a_token_of_a_deleted_client_is_refused,
    a_token_of_an_ended_session_is_refused,
    no_answer_holds_a_secret,
);

/// Case 290: and who has no token cannot tell what exists.
async fn every_route_wants_a_token(database: Database) {
    let server = Server::start(database).await;
    let session = server.login(None).await.json["sid"].as_str().unwrap().to_owned();
    let existing = format!("/admin/v1/sessions/{session}");
    let routes = ROUTES.iter().map(|&(method, path, _)| (method, path));
    for (method, path) in routes.chain([("DELETE", existing.as_str())]) {
        let url = format!("{}{path}", server.url);
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let without = Answer::to(server.http.request(method.clone(), &url)).await;
        assert_eq!(without.rejection(), (401, "invalid_token"), "{method} {path}");
        assert_eq!(without.header("www-authenticate"), Some(r#"Bearer realm="mintmark""#));
        assert_eq!(without.error_code(), "missing_authorization_header");
        let garbage = server.admin(method.as_str(), path, "garbage", None).await;
        garbage.assert_refused(path);
    }
    server.refresh(server.login(None).await.refresh_token()).await.expect(200);
    let live = "SELECT COUNT(*) FROM sessions WHERE ended_at IS NOT NULL";
    assert_eq!(server.database.number(live).await, 0, "nothing was ended");
    assert_eq!(server.database.number("SELECT COUNT(*) FROM keys").await, 3);
}

async fn a_token_comes_in_one_header_only(database: Database) {
    let server = Server::start(database).await;
    let token = server.admin_token().await;
    let url = format!("{}/admin/v1/keys", server.url);
    let with = |values: &[String]| {
        let request = server.http.get(&url);
        values.iter().fold(request, |request, value| request.header("authorization", value))
    };
    let bearer = format!("Bearer {token}");
    for (values, status) in [
        (vec![bearer.clone()], 200),
        (vec![format!("bearer {token}")], 200),
        (vec![format!("BEARER {token}")], 200),
        (vec![bearer.clone(), bearer.clone()], 400),
        (vec![bearer.clone(), basic("admin", SECRET)], 400),
        (vec![basic("admin", SECRET)], 401),
        (vec![format!("DPoP {token}")], 401),
        (vec![token.clone()], 400),
        (vec!["Bearer".to_owned()], 400),
        (vec![format!("Bearer {token} {token}")], 401),
    ] {
        let answer = Answer::to(with(&values)).await;
        assert_eq!(answer.status, status, "{values:?}: {answer:?}");
    }
    // RFC 6750 §2.3 is not offered: a URL is written down in too many places.
    let in_the_query = server.get(&format!("/admin/v1/keys?access_token={token}")).await;
    assert_eq!(in_the_query.status, 401);
}

/// Cases 291 and 292.
async fn each_scope_opens_its_routes_and_no_others(database: Database) {
    let server = Server::start(database).await;
    for scope in [
        "keys:read",
        "keys:rotate",
        "keys:import",
        "sessions:read",
        "sessions:revoke",
        "audit:read",
        "clients:write",
    ] {
        let metadata = ClientMetadata {
            scope: scope.parse().unwrap(),
            ..ClientMetadata::new(ClientType::Confidential, vec!["client_credentials".into()])
        };
        server.add_client(scope, metadata, Some(SECRET)).await;
        let form =
            format!("grant_type=client_credentials&client_secret={SECRET}&client_id={scope}");
        let token = server.post("/oauth/token", None, &form).await.expect(200);
        for (method, path, wanted) in ROUTES {
            let answer = server.admin(method, path, token.access_token(), None).await;
            if scope == wanted {
                assert_eq!(answer.status, allowed(path), "{method} {path}: {answer:?}");
                continue;
            }
            assert_eq!(answer.rejection(), (403, "insufficient_scope"), "{method} {path}");
            let challenge =
                format!(r#"Bearer realm="mintmark", error="insufficient_scope", scope="{wanted}""#);
            assert_eq!(answer.header("www-authenticate"), Some(challenge.as_str()));
        }
    }
    let everything = server.admin_token().await;
    for (method, path, _) in ROUTES {
        let answer = server.admin(method, path, &everything, None).await;
        assert_eq!(answer.status, allowed(path), "{method} {path}: {answer:?}");
    }
}

/// What those get who may use the route, as no key and no session is given here.
fn allowed(path: &str) -> u16 {
    match path {
        NO_SESSION => 404,
        IMPORT | WHY => 400,
        _ => 200,
    }
}

/// Case 291.
async fn a_token_of_a_user_opens_nothing(database: Database) {
    let server = Server::start(database).await;
    let pair = server.login(None).await;
    for (method, path, _) in ROUTES {
        let answer = server.admin(method, path, pair.access_token(), None).await;
        assert_eq!(answer.rejection(), (403, "insufficient_scope"), "{method} {path}");
    }
}

async fn a_token_of_a_deleted_client_is_refused(database: Database) {
    let server = Server::start(database).await;
    let token = server.admin_token().await;
    server.admin("GET", "/admin/v1/keys", &token, None).await.expect(200);
    server.database.execute("DELETE FROM clients WHERE id = 'admin'").await;
    let refused = async {
        while server.admin("GET", "/admin/v1/keys", &token, None).await.status == 200 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let bound = Duration::from_secs(10);
    tokio::time::timeout(bound, refused).await.expect("when what is remembered has aged");
    server.admin("GET", "/admin/v1/keys", &token, None).await.assert_refused("no such client");

    // Another client of the same name is not the one that the token was for.
    server.advance(2);
    let admin = ClientMetadata {
        scope: "mintmark:admin".parse().unwrap(),
        ..ClientMetadata::new(ClientType::Confidential, vec!["client_credentials".into()])
    };
    server.add_client("admin", admin, Some(SECRET)).await;
    server.admin("GET", "/admin/v1/keys", &token, None).await.assert_refused("an earlier client");
    let token = server.admin_token().await;
    server.admin("GET", "/admin/v1/keys", &token, None).await.expect(200);
}

async fn a_token_of_an_ended_session_is_refused(database: Database) {
    let server = Server::start(database).await;
    let app = ClientMetadata {
        scope: "keys:read sessions:revoke".parse().unwrap(),
        ..ClientMetadata::new(ClientType::Public, vec!["refresh_token".into()])
    };
    server.add_client("console", app, None).await;
    let body = serde_json::json!({
        "client_id": "console", "username": "alice", "password": crate::support::PASSWORD,
    });
    let pair = server.post_json("/session/login", body).await.expect(200);
    server.admin("GET", "/admin/v1/keys", pair.access_token(), None).await.expect(200);
    let own = format!("/admin/v1/sessions/{}", pair.text_of("sid"));
    server.admin("DELETE", &own, pair.access_token(), None).await.expect(204);
    for (method, path) in [("GET", "/admin/v1/keys"), ("DELETE", own.as_str())] {
        let answer = server.admin(method, path, pair.access_token(), None).await;
        answer.assert_refused("the session has ended");
    }
    let actor = format!(
        "SELECT COUNT(*) FROM audit_events WHERE action = 'session.ended' AND actor = 'user:{}'",
        pair.text_of("sub")
    );
    assert_eq!(server.database.number(&actor).await, 1);
}

/// Case 293.
async fn no_answer_holds_a_secret(database: Database) {
    let server = Server::start(database).await;
    let pair = server.login(Some("phone")).await;
    let token = server.admin_token().await;
    let rows = server.database.keys().await;
    for (method, path, _) in ROUTES {
        let text = server.admin(method, path, &token, None).await.text;
        for row in &rows {
            assert!(!text.contains(&row[4]), "{method} {path} tells what is sealed");
        }
        for secret in ["sealed", "private", "\"d\"", "$argon2", "mint_rt_", pair.refresh_token()] {
            assert!(!text.contains(secret), "{method} {path} tells {secret}: {text}");
        }
    }
}
