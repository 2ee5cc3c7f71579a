//! What ends a token ends it at introspection: here at once, elsewhere within the bound.
use crate::{
    on_both,
    support::{Answer, Database, SECRET, Server, kid_of},
};
use mintmark::{
    config::Settings,
    model::{ClientMetadata, ClientType},
};
use serde_json::json;
use std::time::Duration;

on_both!(
    what_this_replica_ends_is_inactive_at_once,
    what_another_process_ends_is_inactive_within_the_bound,
    a_replica_learns_of_a_revocation_within_the_bound,
    a_session_that_is_over_has_no_active_tokens,
    tokens_of_a_client_that_was_made_again_are_inactive,
    tokens_of_a_compromised_key_are_inactive,
    a_refresh_token_is_active_until_it_is_used,
    asking_is_no_use_of_a_refresh_token,
    no_fault_of_the_database_makes_a_token_inactive,
);

/// Remembers for longer than any test takes.
async fn with_a_long_memory(database: Database) -> Server {
    let server = Server::with(database, |settings: &mut Settings| {
        settings.introspection.cache_for = Duration::from_hours(1);
        settings.sessions.limit = 3;
        settings.clients.cache_for = Duration::ZERO;
    })
    .await;
    server.add_resource_server().await;
    server
}

/// Alice's pair, whose access token is remembered as active.
async fn remembered(server: &Server) -> Answer {
    let login = server.login(Some("phone")).await;
    assert!(server.is_active(login.access_token()).await);
    login
}

async fn what_this_replica_ends_is_inactive_at_once(database: Database) {
    let server = with_a_long_memory(database).await;
    let admin = server.admin_token().await;
    let by_refresh_token = remembered(&server).await;
    server.revoke_as("app", by_refresh_token.refresh_token()).await;
    assert!(!server.is_active(by_refresh_token.access_token()).await, "revoked");

    let by_id = remembered(&server).await;
    let path = format!("/admin/v1/sessions/{}", by_id.text_of("sid"));
    server.admin("DELETE", &path, &admin, None).await.expect(204);
    assert!(!server.is_active(by_id.access_token()).await, "ended by its id");

    let by_user = remembered(&server).await;
    server.admin("DELETE", "/admin/v1/sessions?user=alice", &admin, None).await.expect(200);
    assert!(!server.is_active(by_user.access_token()).await, "ended with all of the user");

    let replaced = remembered(&server).await;
    let oldest = remembered(&server).await;
    assert!(!server.is_active(replaced.access_token()).await, "another login on the device");
    for _ in 0..3 {
        server.advance(1);
        server.login(None).await;
    }
    assert!(!server.is_active(oldest.access_token()).await, "one session too many");

    let reused = remembered(&server).await;
    let next = server.refresh(reused.refresh_token()).await.expect(200);
    server.refresh(next.refresh_token()).await.expect(200);
    assert!(server.is_active(next.access_token()).await);
    server.refresh(reused.refresh_token()).await.expect(400);
    assert!(!server.is_active(next.access_token()).await, "its refresh token was reused");

    let leaked = remembered(&server).await;
    server.rotate(json!({ "mode": "immediate", "alg": "ES256" })).await.expect(200);
    let later = server.refresh(leaked.refresh_token()).await.expect(200);
    for pair in [&leaked, &later] {
        assert!(server.is_active(pair.access_token()).await);
    }
    let kid = kid_of(later.access_token());
    server
        .rotate(json!({ "mode": "compromised", "kid": kid, "end_sessions": true }))
        .await
        .expect(200);
    assert!(!server.is_active(leaked.access_token()).await, "its session ended with the key");
}

async fn what_another_process_ends_is_inactive_within_the_bound(database: Database) {
    let server = Server::start(database).await;
    server.add_resource_server().await;
    for change in [
        "UPDATE users SET disabled_at = 1",
        "UPDATE sessions SET ended_at = 1, end_reason = 'revoked'",
        "DELETE FROM sessions",
    ] {
        server.database.execute("UPDATE users SET disabled_at = NULL").await;
        server.advance(1);
        let login = server.login(None).await;
        assert!(server.is_active(login.access_token()).await, "{change}");
        server.database.execute(change).await;
        server.advance(1);
        assert!(!server.is_active(login.access_token()).await, "{change}");
        let own = server.introspect("service", login.access_token()).await.expect(200);
        assert_eq!(own.json, json!({ "active": false }));
    }
}

async fn a_replica_learns_of_a_revocation_within_the_bound(database: Database) {
    let first = Server::start(database).await;
    first.add_resource_server().await;
    let second = first
        .replica_with(|settings| settings.introspection.cache_for = Duration::from_mins(2))
        .await;
    let usual = first.replica().await;
    let machine =
        first.post("/oauth/token", Some("service"), "grant_type=client_credentials").await;
    let (login, other) = (first.login(None).await, first.login(None).await);
    let tokens = [machine.access_token(), login.access_token(), other.access_token()];
    for token in tokens {
        for server in [&first, &second, &usual] {
            assert!(server.is_active(token).await);
        }
    }
    let form = format!("token={}", machine.access_token());
    first.post("/oauth/revoke", Some("service"), &form).await.expect(200);
    first.revoke_as("app", login.access_token()).await;
    first.revoke_as("app", other.refresh_token()).await;
    first.advance(1);
    for token in tokens {
        assert!(!first.is_active(token).await && !usual.is_active(token).await);
        assert!(second.is_active(token).await, "it still remembers");
    }
    first.advance(119);
    for token in tokens {
        assert!(!second.is_active(token).await);
    }
}

async fn a_session_that_is_over_has_no_active_tokens(database: Database) {
    let server = Server::with(database, |settings| {
        settings.tokens.access_token_lifetime = Duration::from_hours(24);
        settings.introspection.cache_for = Duration::from_hours(24);
    })
    .await;
    server.add_resource_server().await;
    let short = ClientMetadata {
        idle_lifetime: Some(Duration::from_mins(5)),
        absolute_lifetime: Some(Duration::from_mins(8)),
        ..ClientMetadata::new(ClientType::Public, vec!["refresh_token".into()])
    };
    server.add_client("short", short, None).await;
    let (idle, used) =
        (server.login_with("short", None).await, server.login_with("short", None).await);
    server.advance(299);
    let next = server.refresh_as("short", used.refresh_token()).await.expect(200);
    assert!(server.is_active(idle.access_token()).await);
    assert!(server.is_active(next.access_token()).await);
    server.advance(1);
    assert!(!server.is_active(idle.access_token()).await, "not used for five minutes");
    server.advance(179);
    assert!(server.is_active(next.access_token()).await);
    server.advance(1);
    assert!(!server.is_active(next.access_token()).await, "its absolute lifetime is over");
}

async fn tokens_of_a_client_that_was_made_again_are_inactive(database: Database) {
    let server = with_a_long_memory(database).await;
    let ask = || server.post("/oauth/token", Some("service"), "grant_type=client_credentials");
    let token = ask().await.expect(200).access_token().to_owned();
    assert!(server.is_active(&token).await);
    server.database.execute("DELETE FROM clients WHERE id = 'service'").await;
    assert!(!server.is_active(&token).await);
    server.advance(1);
    let metadata = ClientMetadata::new(ClientType::Confidential, vec!["client_credentials".into()]);
    server.add_client("service", metadata, Some(SECRET)).await;
    assert!(!server.is_active(&token).await);
    assert!(server.is_active(ask().await.expect(200).access_token()).await);
}

/// Case 309.
async fn tokens_of_a_compromised_key_are_inactive(database: Database) {
    let server = with_a_long_memory(database).await;
    let login = remembered(&server).await;
    let kid = kid_of(login.access_token());
    server.rotate(json!({ "mode": "compromised", "kid": kid })).await.expect(200);
    assert!(!server.is_active(login.access_token()).await);
    let next = server.refresh(login.refresh_token()).await.expect(200);
    assert!(server.is_active(next.access_token()).await, "the session goes on");
}

async fn a_refresh_token_is_active_until_it_is_used(database: Database) {
    let server = with_a_long_memory(database).await;
    let active = async |token: &str| {
        let answer = server.introspect("service", token).await.expect(200);
        assert!(answer.json["active"] == true || answer.text == r#"{"active":false}"#);
        answer.json["active"] == true
    };
    let first = server.login_with_service().await;
    assert!(active(first.refresh_token()).await);
    let second = server.refresh_with_service(first.refresh_token()).await.expect(200);
    assert!(!active(first.refresh_token()).await, "also while it may be retried");
    assert!(active(second.refresh_token()).await);
    server.refresh_with_service(first.refresh_token()).await.expect(200);
    let form = format!("token={}", second.refresh_token());
    server.post("/oauth/revoke", Some("service"), &form).await.expect(200);
    assert!(!active(second.refresh_token()).await);
    // Without rotation, a token that was used goes on.
    let metadata = ClientMetadata {
        rotate_refresh_tokens: false,
        ..ClientMetadata::new(ClientType::Confidential, vec!["refresh_token".into()])
    };
    server.database.execute("DELETE FROM clients WHERE id = 'service'").await;
    server.add_client("service", metadata, Some(SECRET)).await;
    let fixed = server.login_with_service().await;
    server.refresh_with_service(fixed.refresh_token()).await.expect(200);
    assert!(active(fixed.refresh_token()).await);
}

async fn asking_is_no_use_of_a_refresh_token(database: Database) {
    let server = Server::start(database).await;
    let first = server.login_with_service().await;
    let second = server.refresh_with_service(first.refresh_token()).await.expect(200);
    let third = server.refresh_with_service(second.refresh_token()).await.expect(200);
    let row = "SELECT CAST(generation AS TEXT) || ' ' || CAST(previous_generation AS TEXT) || ' '
               || CAST(last_used_at AS TEXT) || ' ' || CAST(seen_generation AS TEXT) FROM sessions";
    let before = server.database.texts(row).await;
    server.advance(10);
    for token in [&first, &second, &third] {
        server.introspect("service", token.refresh_token()).await.expect(200);
        server.introspect("other", token.refresh_token()).await.expect(200);
        server.introspect("service", token.access_token()).await.expect(200);
    }
    assert_eq!(server.database.texts(row).await, before);
    assert_eq!(server.audited("session.reuse_detected").await, 0);
    server.refresh_with_service(third.refresh_token()).await.expect(200);
}

/// Not even one that does not pass by itself.
async fn no_fault_of_the_database_makes_a_token_inactive(database: Database) {
    let server = Server::start(database).await;
    server.add_resource_server().await;
    let login = server.login_with_service().await;
    server.database.execute("ALTER TABLE sessions RENAME TO elsewhere").await;
    for (client, token) in [("api", login.access_token()), ("service", login.refresh_token())] {
        let answer = server.introspect(client, token).await;
        assert_eq!(answer.rejection(), (503, "temporarily_unavailable"), "{answer:?}");
        assert!(answer.header("retry-after").is_some());
    }
    server.database.execute("ALTER TABLE elsewhere RENAME TO sessions").await;
    assert!(server.is_active(login.access_token()).await);
}
