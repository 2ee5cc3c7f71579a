//! The chain of refresh tokens (RFC 9700 §4.14.2): each case of what the use of one can mean.
use crate::{
    on_both,
    support::{Answer, Database, PASSWORD, Raw, Server},
};
use mintmark::model::{ClientMetadata, ClientType};
use std::time::Duration;

on_both!(
    the_current_token_moves_the_chain_by_one,
    a_retry_within_the_window_gets_the_same_successor_and_moves_nothing,
    a_public_client_that_retries_too_late_loses_the_session,
    a_token_two_steps_old_is_reuse_even_within_the_window,
    a_client_with_a_secret_may_retry_until_the_successor_is_used,
    reuse_ends_one_session_and_is_known_to_every_replica,
    a_window_of_nothing_makes_a_token_one_time,
    a_client_can_have_a_window_of_its_own,
    an_answer_that_was_lost_is_given_again,
    a_token_ahead_of_its_row_is_honest,
    without_rotation_a_token_stays,
);

const GENERATION: &str = "SELECT generation FROM sessions";
const LIVE: &str = "SELECT COUNT(*) FROM sessions WHERE ended_at IS NULL";
const REUSED: &str = "SELECT COUNT(*) FROM sessions WHERE end_reason = 'reuse_detected'";

#[track_caller]
fn assert_reuse(answer: &Answer) {
    assert_eq!(answer.rejection(), (400, "invalid_grant"), "{answer:?}");
    assert_eq!(answer.error_code(), "obsolete_refresh_token");
    let description = "the token was used before; its session has ended: reuse_detected";
    assert_eq!(answer.text_of("error_description"), description);
}

#[track_caller]
fn assert_ended(answer: &Answer) {
    assert_eq!(answer.rejection(), (400, "invalid_grant"), "{answer:?}");
    assert_eq!(answer.error_code(), "session_ended");
    assert_eq!(answer.text_of("error_description"), "ended: reuse_detected");
}

async fn the_current_token_moves_the_chain_by_one(database: Database) {
    let server = Server::start(database).await;
    let mut pair = server.login(None).await;
    for generation in 1..=5 {
        server.advance(3600);
        let next = server.refresh(pair.refresh_token()).await.expect(200);
        assert_ne!(next.refresh_token(), pair.refresh_token());
        assert_eq!(server.database.number(GENERATION).await, generation);
        pair = next;
    }
    assert!(pair.refresh_token().starts_with("mint_rt_"));
}

async fn a_retry_within_the_window_gets_the_same_successor_and_moves_nothing(database: Database) {
    let server = Server::start(database).await;
    let first = server.login(None).await;
    let second = server.refresh(first.refresh_token()).await.expect(200);
    let row = "SELECT generation * 10000000000000 + last_used_at FROM sessions";
    let before = server.database.number(row).await;
    for millis in [0, 1, 29_997, 1] {
        server.clock.advance(Duration::from_millis(millis));
        let retried = server.refresh(first.refresh_token()).await.expect(200);
        assert_eq!(retried.refresh_token(), second.refresh_token());
        assert_ne!(retried.access_token(), second.access_token());
    }
    assert_eq!(server.database.number(row).await, before, "a retry writes nothing");
    server.refresh(second.refresh_token()).await.expect(200);
}

async fn a_public_client_that_retries_too_late_loses_the_session(database: Database) {
    let server = Server::start(database).await;
    let first = server.login(None).await;
    let second = server.refresh(first.refresh_token()).await.expect(200);
    server.advance(30);
    assert_reuse(&server.refresh(first.refresh_token()).await);
    for token in [second.refresh_token(), first.refresh_token()] {
        assert_ended(&server.refresh(token).await);
    }
    assert_eq!(server.audited("session.reuse_detected").await, 1);
}

async fn a_token_two_steps_old_is_reuse_even_within_the_window(database: Database) {
    let server = Server::start(database).await;
    let first = server.login(None).await;
    let second = server.refresh(first.refresh_token()).await.expect(200);
    let third = server.refresh(second.refresh_token()).await.expect(200);
    assert_reuse(&server.refresh(first.refresh_token()).await);
    for token in [first, second, third] {
        assert_ended(&server.refresh(token.refresh_token()).await);
    }
}

async fn a_client_with_a_secret_may_retry_until_the_successor_is_used(database: Database) {
    let server = Server::start(database).await;
    let first = server.login_with_service().await;
    let second = server.refresh_with_service(first.refresh_token()).await.expect(200);
    for _ in 0..3 {
        server.advance(9 * 24 * 3600);
        let retried = server.refresh_with_service(first.refresh_token()).await.expect(200);
        assert_eq!(retried.refresh_token(), second.refresh_token());
    }
    let third = server.refresh_with_service(second.refresh_token()).await.expect(200);
    assert_reuse(&server.refresh_with_service(first.refresh_token()).await);
    assert_ended(&server.refresh_with_service(third.refresh_token()).await);
}

/// Neither another process nor a restart forgets a use: what is known of it is in the row.
async fn reuse_ends_one_session_and_is_known_to_every_replica(database: Database) {
    let server = Server::start(database).await;
    let (phone, tablet) = (server.login(Some("phone")).await, server.login(Some("tablet")).await);
    let unnamed = server.login(None).await;
    let by_service = server.login_with_service().await;
    let moved = server.refresh(phone.refresh_token()).await.expect(200);
    server.advance(31);
    let replica = server.replica().await;
    assert_reuse(&replica.refresh(phone.refresh_token()).await);
    assert_ended(&server.refresh(moved.refresh_token()).await);
    assert_eq!(server.database.number(REUSED).await, 1);
    assert_eq!(server.database.number(LIVE).await, 3);
    for other in [&tablet, &unnamed] {
        replica.refresh(other.refresh_token()).await.expect(200);
    }
    replica.refresh_with_service(by_service.refresh_token()).await.expect(200);
}

async fn a_window_of_nothing_makes_a_token_one_time(database: Database) {
    let server = Server::with(database, |settings| {
        settings.sessions.retry_window = Duration::ZERO;
    })
    .await;
    let first = server.login(None).await;
    let second = server.refresh(first.refresh_token()).await.expect(200);
    assert_reuse(&server.refresh(first.refresh_token()).await);
    assert_ended(&server.refresh(second.refresh_token()).await);
}

/// A client `mobile` as `change` has it, and alice's session with it.
async fn mobile(server: &Server, change: impl FnOnce(&mut ClientMetadata)) -> Answer {
    let grants = vec!["refresh_token".into()];
    let mut metadata = ClientMetadata::new(ClientType::Public, grants);
    change(&mut metadata);
    server.add_client("mobile", metadata, None).await;
    login_mobile(server).await
}

async fn login_mobile(server: &Server) -> Answer {
    let body = serde_json::json!({
        "username": "alice", "password": PASSWORD, "client_id": "mobile",
    });
    server.post_json("/session/login", body).await.expect(200)
}

async fn refresh_mobile(server: &Server, token: &str) -> Answer {
    let form = format!("grant_type=refresh_token&client_id=mobile&refresh_token={token}");
    server.post("/oauth/token", None, &form).await
}

async fn a_client_can_have_a_window_of_its_own(database: Database) {
    let server = Server::start(database).await;
    let hour = Some(Duration::from_hours(1));
    let first = mobile(&server, |metadata| metadata.retry_window = hour).await;
    let second = refresh_mobile(&server, first.refresh_token()).await.expect(200);
    server.advance(3599);
    let retried = refresh_mobile(&server, first.refresh_token()).await.expect(200);
    assert_eq!(retried.refresh_token(), second.refresh_token());
    server.advance(1);
    assert_reuse(&refresh_mobile(&server, first.refresh_token()).await);
}

/// The server has rotated, the client has not heard of it: a phone in a tunnel.
async fn an_answer_that_was_lost_is_given_again(database: Database) {
    let server = Server::start(database).await;
    let first = server.login(None).await;
    let token = first.refresh_token();
    let form = format!("grant_type=refresh_token&client_id=app&refresh_token={token}");
    let mut lost = Raw::to(&server.url);
    lost.send(format!(
        "POST /oauth/token HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\n\r\n{form}",
        form.len()
    ));
    while server.database.number(GENERATION).await == 0 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    drop(lost);
    let second = server.refresh(token).await.expect(200);
    assert_eq!(server.database.number(GENERATION).await, 1);
    server.refresh(second.refresh_token()).await.expect(200);
    assert_eq!(server.database.number(LIVE).await, 1);
}

/// A failover or a restored backup has lost rotations that were answered.
async fn a_token_ahead_of_its_row_is_honest(database: Database) {
    let server = Server::start(database).await;
    let mut chain = vec![server.login(None).await];
    for place in 0..3 {
        chain.push(server.refresh(chain[place].refresh_token()).await.expect(200));
    }
    assert_eq!(server.audited("session.generation_ahead").await, 0);
    let lose = "UPDATE sessions SET generation = 1, previous_generation = 0";
    assert_eq!(server.database.execute(lose).await, 1);
    let next = server.refresh(chain[3].refresh_token()).await.expect(200);
    assert_eq!(server.database.number(GENERATION).await, 4);
    assert_eq!(server.audited("session.generation_ahead").await, 1);
    let retried = server.refresh(chain[3].refresh_token()).await.expect(200);
    assert_eq!(retried.refresh_token(), next.refresh_token());
    assert_reuse(&server.refresh(chain[2].refresh_token()).await);
    assert_ended(&server.refresh(next.refresh_token()).await);
}

async fn without_rotation_a_token_stays(database: Database) {
    let server = Server::start(database).await;
    let login = mobile(&server, |metadata| metadata.rotate_refresh_tokens = false).await;
    for _ in 0..4 {
        server.advance(20 * 24 * 3600);
        let again = refresh_mobile(&server, login.refresh_token()).await.expect(200);
        assert_ne!(again.access_token(), login.access_token());
        assert_eq!(server.database.number(GENERATION).await, 0);
        refresh_mobile(&server, again.refresh_token()).await.expect(200);
    }
    server.advance(10 * 24 * 3600);
    let late = refresh_mobile(&server, login.refresh_token()).await;
    assert_eq!(late.error_code(), "expired_refresh_token");
    let live = login_mobile(&server).await;
    let again = refresh_mobile(&server, live.refresh_token()).await.expect(200);
    assert_eq!(again.refresh_token(), live.refresh_token());
}
