//! Who is refused, what they are told, and that a refusal spends nothing.
use crate::{
    on_both,
    support::{Answer, Database, SECRET, Server, basic, part_of},
};
use mintmark::model::{ClientMetadata, ClientType};
use serde_json::json;

on_both!(
    a_narrower_scope_is_for_one_answer_only,
    what_asks_for_too_much_spends_nothing,
    a_token_on_a_foreign_device_is_refused_and_the_session_lives_on,
    a_session_without_a_device_is_on_none,
    another_clients_token_says_nothing_and_stays_good,
    a_disabled_user_gets_nothing_and_loses_nothing,
    the_holder_is_told_why_the_session_ended,
    a_token_in_the_wrong_place_is_not_read,
    every_refused_refresh_has_its_code_and_a_page,
);

const GENERATION: &str = "SELECT generation FROM sessions";

async fn refresh(server: &Server, token: &str, more: &str) -> Answer {
    let form = format!("grant_type=refresh_token&client_id=app&refresh_token={token}{more}");
    server.post("/oauth/token", None, &form).await
}

/// RFC 6749 §6.
async fn a_narrower_scope_is_for_one_answer_only(database: Database) {
    let server = Server::start(database).await;
    let login = server.login(None).await;
    let narrow = refresh(&server, login.refresh_token(), "&scope=read").await.expect(200);
    assert_eq!(narrow.text_of("scope"), "read");
    assert_eq!(part_of(narrow.access_token(), 1)["scope"], "read");
    let whole = refresh(&server, narrow.refresh_token(), "").await.expect(200);
    assert_eq!(whole.text_of("scope"), "read write");

    let body = json!({
        "username": "alice", "password": crate::support::PASSWORD, "scope": "read",
    });
    let less = server.post_json("/session/login", body).await.expect(200);
    let wider = refresh(&server, less.refresh_token(), "&scope=read+write").await;
    assert_eq!(wider.rejection(), (400, "invalid_scope"), "no wider than the session");
    assert_eq!(refresh(&server, less.refresh_token(), "").await.text_of("scope"), "read");
}

async fn what_asks_for_too_much_spends_nothing(database: Database) {
    let server = Server::start(database).await;
    let login = server.login(None).await;
    for (more, error) in [
        ("&scope=admin", "invalid_scope"),
        ("&scope=read+admin", "invalid_scope"),
        ("&scope=%22", "invalid_scope"),
        ("&resource=https://elsewhere.example", "invalid_target"),
        ("&device_id=a&device_id=a", "invalid_request"),
    ] {
        let answer = refresh(&server, login.refresh_token(), more).await;
        assert_eq!(answer.rejection(), (400, error), "{more}");
        assert_eq!(server.database.number(GENERATION).await, 0, "{more}");
    }
    refresh(&server, login.refresh_token(), "").await.expect(200);
}

async fn a_token_on_a_foreign_device_is_refused_and_the_session_lives_on(database: Database) {
    let server = Server::start(database).await;
    let login = server.login(Some("phone")).await;
    for (nth, device) in [(1, "laptop"), (2, "PHONE"), (3, "phone%20")] {
        let more = format!("&device_id={device}");
        let answer = refresh(&server, login.refresh_token(), &more).await;
        assert_eq!(answer.rejection(), (400, "invalid_grant"), "{device}");
        assert_eq!(answer.error_code(), "device_mismatch");
        assert_eq!(server.audited("session.device_mismatch").await, nth);
    }
    assert_eq!(server.database.number(GENERATION).await, 0);
    let own = refresh(&server, login.refresh_token(), "&device_id=phone").await.expect(200);
    // A spent token on a foreign device is not even a retry.
    let spent = refresh(&server, login.refresh_token(), "&device_id=laptop").await;
    assert_eq!(spent.error_code(), "device_mismatch");
    refresh(&server, own.refresh_token(), "").await.expect(200);
}

async fn a_session_without_a_device_is_on_none(database: Database) {
    let server = Server::start(database).await;
    let login = server.login(None).await;
    let answer = refresh(&server, login.refresh_token(), "&device_id=phone").await;
    assert_eq!(answer.error_code(), "device_mismatch");
    refresh(&server, login.refresh_token(), "&device_id=").await.expect(200);
}

async fn another_clients_token_says_nothing_and_stays_good(database: Database) {
    let server = Server::start(database).await;
    let (of_service, of_app) = (server.login_with_service().await, server.login(None).await);
    let garbage = refresh(&server, "mint_rt_garbage", "").await;
    assert_eq!(garbage.rejection(), (400, "invalid_grant"));
    assert_eq!(garbage.error_code(), "invalid_refresh_token");
    for (client, token) in [
        (Some("other"), &of_service),
        (Some("other"), &of_app),
        (Some("service"), &of_app),
        (None, &of_service),
    ] {
        let id = if client.is_none() { "&client_id=app" } else { "" };
        for more in ["", "&scope=read", "&scope=admin", "&device_id=phone"] {
            let token = token.refresh_token();
            let form = format!("grant_type=refresh_token&refresh_token={token}{id}{more}");
            let answer = server.post("/oauth/token", client, &form).await;
            assert_eq!(answer.status, 400);
            assert_eq!(answer.json, garbage.json, "{client:?} {more}");
        }
    }
    assert_eq!(server.audited("session.foreign_client").await, 16);
    let moved = server.refresh_with_service(of_service.refresh_token()).await.expect(200);
    refresh(&server, of_app.refresh_token(), "").await.expect(200);
    // Nor does a spent one end the session for its owner.
    let spent = format!("grant_type=refresh_token&refresh_token={}", of_service.refresh_token());
    server.advance(3600);
    server.post("/oauth/token", Some("other"), &spent).await.expect(400);
    server.refresh_with_service(moved.refresh_token()).await.expect(200);
}

async fn a_disabled_user_gets_nothing_and_loses_nothing(database: Database) {
    let server = Server::start(database).await;
    let login = server.login(None).await;
    let second = refresh(&server, login.refresh_token(), "").await.expect(200);
    server.database.execute("UPDATE users SET disabled_at = 1").await;
    for token in [&login, &second] {
        let answer = refresh(&server, token.refresh_token(), "").await;
        assert_eq!(answer.rejection(), (400, "invalid_grant"));
        assert_eq!(answer.error_code(), "user_disabled");
    }
    server.database.execute("UPDATE users SET disabled_at = NULL").await;
    refresh(&server, second.refresh_token(), "").await.expect(200);
}

async fn the_holder_is_told_why_the_session_ended(database: Database) {
    let server = Server::with(database, |settings| settings.sessions.limit = 4).await;
    let (phone, tablet) = (server.login(Some("phone")).await, server.login(Some("tablet")).await);
    let (laptop, watch) = (server.login(Some("laptop")).await, server.login(Some("watch")).await);
    let reused = watch.refresh_token().to_owned();
    let watch = server.refresh(&reused).await.expect(200);
    server.login(Some("phone")).await;
    let form = format!("client_id=app&token={}", tablet.refresh_token());
    server.post("/oauth/revoke", None, &form).await.expect(200);
    let path = format!("/admin/v1/sessions/{}", laptop.text_of("sid"));
    server.admin("DELETE", &path, &server.admin_token().await, None).await.expect(204);
    server.advance(30);
    server.refresh(&reused).await.expect(400);
    let oldest = server.login(None).await;
    for _ in 0..4 {
        server.advance(1);
        server.login(None).await;
    }
    for (token, reason) in [
        (&phone, "replaced"),
        (&tablet, "revoked"),
        (&laptop, "ended_by_administrator"),
        (&watch, "reuse_detected"),
        (&oldest, "session_limit"),
    ] {
        let answer = refresh(&server, token.refresh_token(), "").await;
        assert_eq!(answer.rejection(), (400, "invalid_grant"));
        assert_eq!(answer.error_code(), "session_ended");
        assert_eq!(answer.text_of("error_description"), format!("ended: {reason}"));
        // Another client learns nothing of it.
        let form = format!("grant_type=refresh_token&refresh_token={}", token.refresh_token());
        let foreign = server.post("/oauth/token", Some("other"), &form).await;
        assert_eq!(foreign.error_code(), "invalid_refresh_token", "{reason}");
    }
}

/// In a header or in the query, which ends up in logs, it counts for nothing.
async fn a_token_in_the_wrong_place_is_not_read(database: Database) {
    let server = Server::start(database).await;
    let login = server.login(None).await;
    let token = login.refresh_token();
    let query = format!("/oauth/token?refresh_token={token}");
    let form = "grant_type=refresh_token&client_id=app";
    assert_eq!(server.post(&query, None, form).await.rejection(), (400, "invalid_request"));
    for header in [format!("Bearer {token}"), format!("Refresh {token}"), format!("Basic {token}")]
    {
        let request = server.form("/oauth/token", form).header("authorization", header);
        assert_eq!(Answer::to(request).await.rejection(), (400, "invalid_request"));
    }
    let as_password =
        server.form("/oauth/token", form).header("authorization", basic("app", token));
    assert_eq!(Answer::to(as_password).await.rejection(), (401, "invalid_client"));
    let as_json =
        json!({ "grant_type": "refresh_token", "client_id": "app", "refresh_token": token });
    assert_eq!(
        server.post_json("/oauth/token", as_json).await.rejection(),
        (400, "invalid_request")
    );
    let with_secret = format!("&client_secret={SECRET}");
    assert_eq!(refresh(&server, token, &with_secret).await.rejection(), (401, "invalid_client"));
    refresh(&server, token, "").await.expect(200);
    assert_eq!(server.database.number(GENERATION).await, 1);
}

/// Each `Refusal`, and what is refused before a token is looked at.
async fn every_refused_refresh_has_its_code_and_a_page(database: Database) {
    let server = Server::start(database).await;
    let mut answers = Vec::new();
    let (first, idle) = (server.login(Some("phone")).await, server.login(None).await);
    let foreign = server.login_with_service().await;
    let token = first.refresh_token();
    for (token, more, code) in [
        (foreign.refresh_token(), "", "invalid_refresh_token"),
        (token, "&device_id=laptop", "device_mismatch"),
        (token, "&scope=admin", "scope_not_granted"),
        (token, "&scope=%22", "scope_not_granted"),
        (token, "&resource=https://elsewhere.example", "resource_not_registered"),
        ("", "", "missing_refresh_token"),
    ] {
        answers.push((refresh(&server, token, more).await, code));
    }
    let form = "grant_type=refresh_token&refresh_token=x";
    let machine = ClientMetadata::new(ClientType::Confidential, vec!["client_credentials".into()]);
    server.add_client("machine", machine, Some(SECRET)).await;
    let machine = server.post("/oauth/token", Some("machine"), form).await;
    answers.push((machine, "grant_not_registered"));
    refresh(&server, token, "").await.expect(200);
    server.advance(30);
    answers.push((refresh(&server, token, "").await, "obsolete_refresh_token"));
    answers.push((refresh(&server, token, "").await, "session_ended"));
    server.database.execute("UPDATE users SET disabled_at = 1").await;
    answers.push((refresh(&server, idle.refresh_token(), "").await, "user_disabled"));
    server.database.execute("UPDATE users SET disabled_at = NULL").await;
    server.advance(30 * 24 * 3600);
    let late = refresh(&server, idle.refresh_token(), "").await;
    assert!(late.text_of("error_description").contains("idle"), "{late:?}");
    answers.push((late, "expired_refresh_token"));
    server.database.execute("UPDATE sessions SET expires_at = 1").await;
    let late = refresh(&server, idle.refresh_token(), "").await;
    assert!(late.text_of("error_description").contains("absolute"), "{late:?}");
    answers.push((late, "expired_refresh_token"));
    for (answer, code) in answers {
        assert_explained(&server, &answer, code).await;
    }
}

async fn assert_explained(server: &Server, answer: &Answer, code: &str) {
    assert_eq!((answer.status, answer.error_code()), (400, code), "{answer:?}");
    let page = answer.text_of("error_uri").strip_prefix(&server.url).unwrap();
    assert!(page.ends_with(code), "{answer:?}");
    server.get(page).await.expect(200);
}
