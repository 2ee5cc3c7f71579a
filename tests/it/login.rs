//! `POST /session/login`: an organisation's own app has collected the password.
use crate::{
    on_both,
    support::{Answer, Database, PASSWORD, SECRET, Server, basic, part_of},
};
use futures_util::future::join_all;
use mintmark::model::{ClientMetadata, ClientType, UserClaims};
use serde_json::{Value, json};
use std::collections::HashSet;

on_both!(
    json_a_form_and_basic_log_in,
    without_a_first_party_client_a_client_has_to_be_named,
    a_login_on_the_same_device_replaces_its_session_and_no_other,
    beyond_the_limit_the_oldest_session_ends,
    logins_at_once_on_one_device_leave_one_session,
    a_storm_of_logins_is_answered_or_put_off,
);

const LIVE: &str = "SELECT COUNT(*) FROM sessions WHERE ended_at IS NULL";

async fn login(server: &Server, more: Value) -> Answer {
    let mut body = json!({ "username": "alice", "password": PASSWORD });
    body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    server.post_json("/session/login", body).await
}

#[track_caller]
fn assert_token_response(answer: &Answer) {
    let claims = part_of(answer.access_token(), 1);
    for member in ["sub", "sid", "iat", "exp"] {
        assert_eq!(answer.json[member], claims[member], "{member}");
    }
    let members: HashSet<_> = answer.json.as_object().unwrap().keys().map(String::as_str).collect();
    let of_oauth = ["access_token", "token_type", "expires_in", "refresh_token", "scope"];
    let expected = of_oauth.into_iter().chain(["sub", "sid", "iat", "exp"]).collect();
    assert_eq!(members, expected);
}

async fn json_a_form_and_basic_log_in(database: Database) {
    let server = Server::start(database).await;
    let password = PASSWORD.replace(' ', "+");
    let form = format!("username=alice&password={password}&scope=read&device_id=phone");
    let by_form = server.post("/session/login", None, &form).await.expect(200);
    assert_eq!(by_form.text_of("scope"), "read");

    let url = format!("{}/session/login", server.url);
    let by_basic = server.http.post(&url).header("authorization", basic("alice", PASSWORD));
    let by_basic = Answer::to(by_basic).await.expect(200);
    let with_body = server.http.post(&url).header("authorization", basic("alice", PASSWORD));
    let body = json!({ "client_id": "service", "client_secret": SECRET, "device_name": "a phone" });
    let with_body = Answer::to(with_body.json(&body)).await.expect(200);
    assert_eq!(part_of(with_body.access_token(), 1)["client_id"], "service");

    let by_json =
        login(&server, json!({ "client_id": null, "transport": "body" })).await.expect(200);
    let shouted = login(&server, json!({ "username": " ALICE " })).await.expect(200);
    for answer in [by_form, by_basic, with_body, by_json, shouted] {
        assert_token_response(&answer);
    }
    assert_eq!(server.audited("session.started").await, 5);
}

async fn without_a_first_party_client_a_client_has_to_be_named(database: Database) {
    let server = Server::with(database, |settings| settings.session_api.first_party_client = None);
    let server = server.await;
    let answer = login(&server, json!({})).await;
    assert_eq!(answer.rejection(), (400, "invalid_request"));
    assert_eq!(answer.error_code(), "not_configured");
    let pair = login(&server, json!({ "client_id": "app" })).await.expect(200);
    let body = json!({ "refresh_token": pair.refresh_token() });
    let answer = server.post_json("/session/refresh", body).await;
    assert_eq!(answer.error_code(), "not_configured");

    // A client that has a secret proves itself, so it cannot be what nobody names.
    for unusable in ["service", "unheard_of"] {
        let replica = server.replica_with(|settings| {
            settings.session_api.first_party_client = Some(unusable.parse().unwrap());
        });
        let answer = login(&replica.await, json!({})).await;
        assert_eq!(answer.error_code(), "not_configured", "{unusable}");
    }
}

async fn a_login_on_the_same_device_replaces_its_session_and_no_other(database: Database) {
    let server = Server::start(database).await;
    server.add_user("bob", "a password of bob", UserClaims::default()).await;
    let phone = json!({ "device_id": "phone" });
    let first = login(&server, phone.clone()).await.expect(200);
    let bobs = json!({ "device_id": "phone", "username": "bob", "password": "a password of bob" });
    let by_service =
        json!({ "device_id": "phone", "client_id": "service", "client_secret": SECRET });
    let others = [
        login(&server, json!({ "device_id": "tablet" })).await.expect(200),
        login(&server, json!({})).await.expect(200),
        login(&server, json!({})).await.expect(200),
        login(&server, bobs).await.expect(200),
    ];
    let by_service = login(&server, by_service).await.expect(200);
    let second = login(&server, phone).await.expect(200);
    assert_ne!(first.text_of("sid"), second.text_of("sid"));
    let ended = server.refresh(first.refresh_token()).await;
    assert_eq!(ended.text_of("error_description"), "ended: replaced");
    for other in others.iter().chain([&second]) {
        server.refresh(other.refresh_token()).await.expect(200);
    }
    server.refresh_with_service(by_service.refresh_token()).await.expect(200);
}

async fn beyond_the_limit_the_oldest_session_ends(database: Database) {
    let server = Server::with(database, |settings| settings.sessions.limit = 3).await;
    let metadata = ClientMetadata {
        session_limit: Some(1),
        ..ClientMetadata::new(ClientType::Public, vec!["refresh_token".into()])
    };
    server.add_client("kiosk", metadata, None).await;
    let mut pairs = Vec::new();
    for device in ["a", "b", "c", "d", "e"] {
        server.advance(1);
        pairs.push(login(&server, json!({ "device_id": device })).await.expect(200));
    }
    // Used last is not begun last: what counts is the login.
    for (place, status) in [(0, 400), (1, 400), (2, 200), (3, 200), (4, 200)] {
        server.refresh(pairs[place].refresh_token()).await.expect(status);
    }
    login(&server, json!({ "device_id": "c" })).await.expect(200);
    assert_eq!(server.database.number(LIVE).await, 3, "a device replaced makes no more of them");
    for _ in 0..2 {
        server.advance(1);
        login(&server, json!({ "client_id": "kiosk" })).await.expect(200);
    }
    assert_eq!(server.database.number(LIVE).await, 4, "each client has its own limit");
}

async fn logins_at_once_on_one_device_leave_one_session(database: Database) {
    let server = Server::start(database).await;
    let logins = (0..12).map(|_| login(&server, json!({ "device_id": "phone" })));
    let answers = join_all(logins).await;
    let mut live = 0;
    for answer in answers {
        let answer = answer.expect(200);
        live += u32::from(server.refresh(answer.refresh_token()).await.status == 200);
    }
    assert_eq!(live, 1);
    assert_eq!(server.database.number(LIVE).await, 1);
    assert_eq!(server.database.number("SELECT COUNT(*) FROM user_sessions").await, 1);
}

/// A password costs tens of milliseconds of CPU. More than can wait are put off, not queued up.
async fn a_storm_of_logins_is_answered_or_put_off(database: Database) {
    let server = Server::with(database, |settings| {
        settings.passwords.concurrency = 1;
        settings.passwords.queue = 4;
        settings.sessions.limit = 1000;
    })
    .await;
    let answers = join_all((0..200).map(|_| login(&server, json!({})))).await;
    let mut started = 0;
    for answer in answers {
        if answer.status == 200 {
            started += 1;
        } else {
            assert_eq!(answer.rejection(), (503, "temporarily_unavailable"), "{answer:?}");
            assert_eq!(answer.header("retry-after"), Some("1"));
        }
    }
    assert!((5..200).contains(&started), "{started} of 200 got through");
    assert_eq!(server.database.number(LIVE).await, started);
    server.login(None).await;
}
