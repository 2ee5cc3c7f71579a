//! What a refresh token is made of: one that was not made here is refused without a query, and the
//! key of its MAC can change under it.
use crate::{
    on_both,
    support::{Answer, Database, Server, shifted},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use mintmark::config::Settings;
use std::time::Duration;

on_both!(
    a_damaged_token_is_refused_without_a_query,
    a_made_up_token_is_refused_without_a_query,
    tokens_outlive_the_key_of_their_mac,
    a_retry_across_a_change_of_keys_gets_the_same_successor,
    a_key_is_erased_when_no_replica_with_a_slow_clock_needs_it,
);

const PREFIX: &str = "mint_rt_";

/// A server that knows its clients already, so that a refresh of theirs needs the database only for
/// a token whose MAC is right.
async fn server_that_knows_its_clients(database: Database) -> Server {
    let server = Server::with(database, |settings| {
        settings.clients.cache_for = Duration::from_hours(1);
    })
    .await;
    server.refresh("unknown").await.expect(400);
    server
}

#[track_caller]
fn assert_refused(answer: &Answer, what: &str) {
    assert_eq!(answer.rejection(), (400, "invalid_grant"), "{what}: {answer:?}");
    assert_eq!(answer.error_code(), "invalid_refresh_token", "{what}");
}

/// The token as bytes, and its text again.
fn bytes_of(token: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(token.strip_prefix(PREFIX).unwrap()).unwrap()
}

fn text_of(bytes: &[u8]) -> String {
    format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(bytes))
}

/// The proof that nothing was asked of the database: it is closed, which a good token notices.
async fn a_damaged_token_is_refused_without_a_query(database: Database) {
    let server = server_that_knows_its_clients(database).await;
    let login = server.login(None).await;
    let token = login.refresh_token();
    server.app.store.close().await;

    let bytes = bytes_of(token);
    for place in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[place] ^= 1 << (place % 8);
        assert_refused(&server.refresh(&text_of(&flipped)).await, &format!("byte {place} flipped"));
        let short = text_of(&bytes[..place]);
        assert_refused(&server.refresh(&short).await, &format!("cut to {place} bytes"));
    }
    for place in 0..token.len() {
        assert_eq!(server.refresh(&token[..place]).await.status, 400, "cut to {place} characters");
        let mut changed = token.to_owned().into_bytes();
        changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(changed).unwrap();
        assert_refused(&server.refresh(&changed).await, &format!("character {place} changed"));
    }

    let unavailable = server.refresh(token).await;
    assert_eq!(unavailable.rejection(), (503, "temporarily_unavailable"));
    assert_eq!(unavailable.header("retry-after"), Some("1"));
}

async fn a_made_up_token_is_refused_without_a_query(database: Database) {
    let server = server_that_knows_its_clients(database).await;
    let login = server.login(None).await;
    let (token, access_token) = (login.refresh_token(), login.access_token());
    server.app.store.close().await;
    let bare = token.strip_prefix(PREFIX).unwrap();
    let bytes = bytes_of(token);
    for made_up in [
        format!("{token}A"),
        format!("{token}="),
        format!("{token}%20"),
        format!("%20{token}"),
        format!("{token}%00"),
        token.replace(PREFIX, "mint_ac_"),
        token.to_uppercase(),
        bare.to_owned(),
        format!("{PREFIX}{token}"),
        text_of(&[bytes.as_slice(), &[0]].concat()),
        text_of(&[0; 60]),
        text_of(&[1; 60]),
        text_of(&[0xff; 60]),
        PREFIX.to_owned(),
        "r%C3%A9fresh".to_owned(),
        access_token.to_owned(),
        "x".repeat(60_000),
    ] {
        assert_refused(&server.refresh(&made_up).await, &made_up);
    }
}

/// Which key made the token.
fn mac_key(token: &str) -> u16 {
    u16::from_be_bytes(bytes_of(token)[2..4].try_into().unwrap())
}

const DAY: u64 = 24 * 3600;

/// Keys of ten days, announced for one.
async fn server_with_short_keys(database: Database) -> Server {
    Server::with(database, |settings| {
        settings.keys.rotate_every = Duration::from_secs(10 * DAY);
        settings.keys.announce_for = Duration::from_secs(DAY);
    })
    .await
}

async fn advance(server: &Server, seconds: u64) {
    server.advance(seconds);
    server.app.keys.maintain().await.unwrap();
}

async fn tokens_outlive_the_key_of_their_mac(database: Database) {
    let server = server_with_short_keys(database).await;
    let (one, two) = (server.login(None).await, server.login(None).await);
    assert_eq!(mac_key(one.refresh_token()), 1);
    advance(&server, 9 * DAY).await;
    advance(&server, DAY).await;
    let renewed = server.refresh(one.refresh_token()).await.expect(200);
    assert_eq!(mac_key(renewed.refresh_token()), 2);
    let retried = server.refresh(one.refresh_token()).await.expect(200);
    assert_eq!(retried.refresh_token(), renewed.refresh_token());

    // Two keys later, on a replica that has just started, the first one still counts.
    advance(&server, 9 * DAY).await;
    advance(&server, DAY).await;
    let replica = server.replica().await;
    let kept = replica.refresh(two.refresh_token()).await.expect(200);
    assert_eq!(mac_key(kept.refresh_token()), 3);
    let renewed = replica.refresh(renewed.refresh_token()).await.expect(200);
    server.refresh(renewed.refresh_token()).await.expect(200);
}

async fn a_retry_across_a_change_of_keys_gets_the_same_successor(database: Database) {
    let server = server_with_short_keys(database).await;
    advance(&server, 9 * DAY).await;
    let (by_app, by_service) = (server.login(None).await, server.login_with_service().await);
    advance(&server, DAY - 10).await;
    let app = server.refresh(by_app.refresh_token()).await.expect(200);
    let service = server.refresh_with_service(by_service.refresh_token()).await.expect(200);
    assert_eq!(mac_key(app.refresh_token()), 1);
    advance(&server, 10).await;
    assert_eq!(mac_key(server.login(None).await.refresh_token()), 2, "the next key signs now");
    let retried = server.refresh(by_app.refresh_token()).await.expect(200);
    assert_eq!(retried.refresh_token(), app.refresh_token());
    advance(&server, 15 * DAY).await;
    let retried = server.refresh_with_service(by_service.refresh_token()).await.expect(200);
    assert_eq!(retried.refresh_token(), service.refresh_token());
    server.refresh_with_service(service.refresh_token()).await.expect(200);
}

async fn a_key_is_erased_when_no_replica_with_a_slow_clock_needs_it(database: Database) {
    let short = |settings: &mut Settings| {
        settings.keys.rotate_every = Duration::from_secs(10 * DAY);
        settings.keys.announce_for = Duration::from_secs(DAY);
        settings.sessions.absolute_lifetime = Duration::from_secs(DAY);
    };
    let slow = Server::with(database, short).await;
    let leeway = slow.app.settings.keys.leeway.as_secs();
    let fast = slow.replica_at(shifted(&slow.clock, leeway.cast_signed()), short).await;
    let erased = "SELECT COUNT(*) FROM keys WHERE line = 'handle' AND sealed IS NULL";
    for (seconds, count) in [(9 * DAY - leeway, 0), (DAY, 0), (DAY + leeway, 0), (leeway, 1)] {
        advance(&fast, seconds).await;
        advance(&slow, seconds).await;
        assert_eq!(fast.database.number(erased).await, count);
    }
}
