//! `POST /session/refresh`: the refresh grant for an organisation's own apps.
use crate::{
    on_both,
    support::{Answer, Database, SECRET, Server, basic, part_of},
};
use serde_json::{Value, json};

on_both!(
    json_and_a_form_refresh,
    a_token_that_is_refused_is_unauthorized,
    a_request_that_is_malformed_is_not,
    both_endpoints_move_the_same_chain,
);

async fn refresh(server: &Server, body: Value) -> Answer {
    server.post_json("/session/refresh", body).await
}

async fn json_and_a_form_refresh(database: Database) {
    let server = Server::start(database).await;
    let first = server.login(Some("phone")).await;
    let second = refresh(&server, json!({ "refresh_token": first.refresh_token() })).await;
    let second = second.expect(200);
    let form = format!(
        "grant_type=refresh_token&device_id=phone&client_id=app&refresh_token={}",
        second.refresh_token()
    );
    server.advance(60);
    let third = server.post("/session/refresh", None, &form).await.expect(200);
    for answer in [&second, &third] {
        let claims = part_of(answer.access_token(), 1);
        for member in ["sub", "sid", "iat", "exp"] {
            assert_eq!(answer.json[member], claims[member], "{member}");
        }
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.text_of("sid"), first.text_of("sid"));
    }
    assert_ne!(second.refresh_token(), third.refresh_token());

    let of_service = server.login_with_service().await;
    let body = json!({
        "refresh_token": of_service.refresh_token(),
        "client_id": "service", "client_secret": SECRET,
    });
    let moved = refresh(&server, body).await.expect(200);
    let form = format!("client_id=service&refresh_token={}", moved.refresh_token());
    server.post("/session/refresh", Some("service"), &form).await.expect(200);
}

async fn a_token_that_is_refused_is_unauthorized(database: Database) {
    let server = Server::start(database).await;
    let (first, idle) = (server.login(Some("phone")).await, server.login(None).await);
    let of_service = server.login_with_service().await;
    let (first, foreign) = (first.refresh_token(), of_service.refresh_token());
    let body = |token: &str| json!({ "refresh_token": token });
    let second = refresh(&server, body(first)).await.expect(200);
    let on_laptop = json!({ "refresh_token": second.refresh_token(), "device_id": "laptop" });
    let mut refused = vec![
        (refresh(&server, body("garbage")).await, "invalid_refresh_token"),
        (refresh(&server, body(foreign)).await, "invalid_refresh_token"),
        (refresh(&server, body(idle.access_token())).await, "invalid_refresh_token"),
        (refresh(&server, on_laptop).await, "device_mismatch"),
    ];
    server.advance(31);
    refused.push((refresh(&server, body(first)).await, "obsolete_refresh_token"));
    refused.push((refresh(&server, body(second.refresh_token())).await, "session_ended"));
    server.advance(30 * 24 * 3600);
    refused.push((refresh(&server, body(idle.refresh_token())).await, "expired_refresh_token"));
    for (answer, error_code) in refused {
        assert_eq!(answer.rejection(), (401, "invalid_grant"), "{answer:?}");
        assert_eq!(answer.error_code(), error_code, "{answer:?}");
    }
}

async fn a_request_that_is_malformed_is_not(database: Database) {
    let server = Server::start(database).await;
    let login = server.login(None).await;
    let token = login.refresh_token();
    let missing = (400, "invalid_request", "missing_refresh_token");
    let unknown = (401, "invalid_client", "unknown_client");
    let too_much = (400, "invalid_scope", "scope_not_granted");
    for (body, (status, error, error_code)) in [
        (json!({}), missing),
        (json!({ "refresh_token": "" }), missing),
        (json!({ "refresh_token": null }), missing),
        (json!({ "refresh_token": 7 }), (400, "invalid_request", "")),
        (json!({ "refresh_token": token, "scope": "admin" }), too_much),
        (json!({ "refresh_token": token, "client_id": "nobody" }), unknown),
        (json!({ "refresh_token": token, "client_id": "service" }), unknown),
        (
            json!({ "refresh_token": token, "grant_type": "client_credentials" }),
            (400, "unsupported_grant_type", ""),
        ),
    ] {
        let answer = refresh(&server, body.clone()).await;
        assert_eq!(answer.rejection(), (status, error), "{body}");
        assert_eq!(answer.error_code(), error_code, "{body}");
    }
    let text = server.http.post(format!("{}/session/refresh", server.url)).body("refresh_token=x");
    assert_eq!(Answer::to(text).await.rejection(), (400, "invalid_request"));
    let twice =
        server.form("/session/refresh", &format!("client_id=service&client_secret={SECRET}"));
    let twice = Answer::to(twice.header("authorization", basic("service", SECRET))).await;
    assert_eq!(twice.rejection(), (400, "invalid_request"));
    refresh(&server, json!({ "refresh_token": token })).await.expect(200);
}

async fn both_endpoints_move_the_same_chain(database: Database) {
    let server = Server::start(database).await;
    let first = server.login(None).await;
    let second = server.refresh(first.refresh_token()).await.expect(200);
    let body = json!({ "refresh_token": first.refresh_token() });
    let retried = refresh(&server, body.clone()).await.expect(200);
    assert_eq!(retried.refresh_token(), second.refresh_token());
    let third = refresh(&server, json!({ "refresh_token": second.refresh_token() })).await;
    refresh(&server, body).await.expect(401);
    server.refresh(third.refresh_token()).await.expect(400);
}
