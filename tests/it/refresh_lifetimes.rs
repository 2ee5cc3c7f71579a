//! When a session expires, to the millisecond.
use crate::{
    on_both,
    support::{Answer, Database, PASSWORD, Server},
};
use mintmark::model::{ClientMetadata, ClientType};
use std::time::Duration;

on_both!(
    a_session_that_is_not_used_expires_at_its_instant,
    a_use_extends_the_idle_lifetime,
    no_use_extends_the_absolute_lifetime,
    an_expired_session_is_not_retried,
    a_client_can_shorten_lifetimes_but_not_lengthen_them,
);

const IDLE: &str = "expired: the session was not used for longer than its idle lifetime";
const ABSOLUTE: &str = "expired: the session has reached its absolute lifetime";

/// Idle 100 s, absolute 300 s.
async fn server(database: Database) -> Server {
    Server::with(database, |settings| {
        settings.sessions.idle_lifetime = Duration::from_secs(100);
        settings.sessions.absolute_lifetime = Duration::from_mins(5);
    })
    .await
}

#[track_caller]
fn assert_expired(answer: &Answer, why: &str) {
    assert_eq!(answer.rejection(), (400, "invalid_grant"), "{answer:?}");
    assert_eq!(answer.error_code(), "expired_refresh_token");
    assert_eq!(answer.text_of("error_description"), why);
}

fn advance(server: &Server, millis: u64) {
    server.clock.advance(Duration::from_millis(millis));
}

async fn a_session_that_is_not_used_expires_at_its_instant(database: Database) {
    let server = server(database).await;
    let (kept, lost) = (server.login(None).await, server.login(None).await);
    advance(&server, 99_999);
    server.refresh(kept.refresh_token()).await.expect(200);
    advance(&server, 1);
    assert_expired(&server.refresh(lost.refresh_token()).await, IDLE);
    assert_eq!(server.audited("session.reuse_detected").await, 0);
}

async fn a_use_extends_the_idle_lifetime(database: Database) {
    let server = server(database).await;
    let first = server.login(None).await;
    advance(&server, 99_999);
    let second = server.refresh(first.refresh_token()).await.expect(200);
    advance(&server, 29_999);
    server.refresh(first.refresh_token()).await.expect(200);
    // The retry was no use: the hundred seconds began with the rotation.
    advance(&server, 70_000);
    let third = server.refresh(second.refresh_token()).await.expect(200);
    advance(&server, 100_000);
    assert_expired(&server.refresh(third.refresh_token()).await, IDLE);
}

async fn no_use_extends_the_absolute_lifetime(database: Database) {
    let server = server(database).await;
    let mut pair = server.login(None).await;
    for _ in 0..5 {
        advance(&server, 50_000);
        pair = server.refresh(pair.refresh_token()).await.expect(200);
    }
    advance(&server, 49_999);
    pair = server.refresh(pair.refresh_token()).await.expect(200);
    advance(&server, 1);
    assert_expired(&server.refresh(pair.refresh_token()).await, ABSOLUTE);
}

async fn an_expired_session_is_not_retried(database: Database) {
    let server = server(database).await;
    let first = server.login_with_service().await;
    let second = server.refresh_with_service(first.refresh_token()).await.expect(200);
    advance(&server, 100_000);
    assert_expired(&server.refresh_with_service(first.refresh_token()).await, IDLE);
    assert_expired(&server.refresh_with_service(second.refresh_token()).await, IDLE);

    let mut pair = server.login(None).await;
    for _ in 0..3 {
        advance(&server, 96_000);
        pair = server.refresh(pair.refresh_token()).await.expect(200);
    }
    server.refresh(pair.refresh_token()).await.expect(200);
    advance(&server, 12_000);
    assert_expired(&server.refresh(pair.refresh_token()).await, ABSOLUTE);
}

async fn a_client_can_shorten_lifetimes_but_not_lengthen_them(database: Database) {
    let server = server(database).await;
    let seconds = |seconds| Some(Duration::from_secs(seconds));
    for (client, idle, absolute, lives_for, why) in [
        ("hasty", seconds(10), None, 10_000, IDLE),
        ("brief", None, seconds(20), 20_000, ABSOLUTE),
        ("lasting", seconds(900), seconds(9_000), 100_000, IDLE),
    ] {
        let metadata = ClientMetadata {
            idle_lifetime: idle,
            absolute_lifetime: absolute,
            ..ClientMetadata::new(ClientType::Public, vec!["refresh_token".into()])
        };
        server.add_client(client, metadata, None).await;
        let body = serde_json::json!({
            "username": "alice", "password": PASSWORD, "client_id": client,
        });
        let refresh = async |login: &Answer| {
            let token = login.refresh_token();
            let form = format!("grant_type=refresh_token&client_id={client}&refresh_token={token}");
            server.post("/oauth/token", None, &form).await
        };
        let kept = server.post_json("/session/login", body.clone()).await.expect(200);
        let lost = server.post_json("/session/login", body).await.expect(200);
        advance(&server, lives_for - 1);
        refresh(&kept).await.expect(200);
        advance(&server, 1);
        assert_expired(&refresh(&lost).await, why);
    }
}
