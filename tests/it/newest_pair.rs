//! Clients of which only the newest pair of tokens holds.
use crate::{
    on_both,
    support::{Answer, Database, Server},
};
use mintmark::{
    config::Settings,
    model::{ClientMetadata, ClientType},
};
use std::time::Duration;

on_both!(
    an_access_token_is_obsolete_once_its_successor_is_met,
    an_access_token_is_obsolete_once_the_next_refresh_token_is_used,
    a_lost_answer_costs_nothing,
    only_who_may_know_of_a_token_makes_others_obsolete,
    the_admin_api_refuses_an_obsolete_token_and_says_so,
    what_one_replica_has_met_the_other_knows,
    other_clients_keep_their_tokens,
);

const SEEN: &str = "SELECT MAX(seen_generation) FROM sessions";

/// With a client `newest` and a memory that is longer than any test takes.
async fn start(database: Database) -> Server {
    let server = Server::with(database, |settings: &mut Settings| {
        settings.introspection.cache_for = Duration::from_hours(1);
    })
    .await;
    server.add_resource_server().await;
    let newest = ClientMetadata {
        newest_pair_only: true,
        scope: "keys:read".parse().unwrap(),
        ..ClientMetadata::new(ClientType::Public, vec!["refresh_token".into()])
    };
    server.add_client("newest", newest, None).await;
    server
}

async fn refresh(server: &Server, pair: &Answer) -> Answer {
    server.refresh_as("newest", pair.refresh_token()).await.expect(200)
}

/// Which of them are active, asked in this order.
async fn active(server: &Server, pairs: &[&Answer]) -> Vec<bool> {
    let mut active = Vec::new();
    for pair in pairs {
        active.push(server.is_active(pair.access_token()).await);
    }
    active
}

async fn an_access_token_is_obsolete_once_its_successor_is_met(database: Database) {
    let server = start(database).await;
    let first = server.login_with("newest", None).await;
    assert_eq!(active(&server, &[&first]).await, [true]);
    let second = refresh(&server, &first).await;
    assert_eq!(active(&server, &[&first, &first]).await, [true, true], "nobody has met the second");
    assert_eq!(active(&server, &[&second, &first, &second]).await, [true, false, true]);
    let third = refresh(&server, &second).await;
    assert_eq!(active(&server, &[&first, &second]).await, [false, true]);
    assert_eq!(active(&server, &[&third, &second, &first]).await, [true, false, false]);
    assert_eq!(server.database.number(SEEN).await, 2);
    // Another session of the same user and client is no successor.
    let other = server.login_with("newest", None).await;
    assert_eq!(active(&server, &[&other, &third]).await, [true, true]);
}

async fn an_access_token_is_obsolete_once_the_next_refresh_token_is_used(database: Database) {
    let server = start(database).await;
    let first = server.login_with("newest", None).await;
    let second = refresh(&server, &first).await;
    assert_eq!(active(&server, &[&first]).await, [true]);
    // Who presents the refresh token of the second pair has the whole pair.
    let third = refresh(&server, &second).await;
    assert_eq!(active(&server, &[&first, &second]).await, [false, true]);
    assert_eq!(server.database.number(SEEN).await, 0, "no access token told that");
    assert_eq!(active(&server, &[&third, &second]).await, [true, false]);
    // The refresh tokens are not touched by all this.
    refresh(&server, &third).await;
}

async fn a_lost_answer_costs_nothing(database: Database) {
    let server = start(database).await;
    let first = server.login_with("newest", None).await;
    drop(refresh(&server, &first).await);
    assert_eq!(active(&server, &[&first]).await, [true]);
    let (retried, again) = (refresh(&server, &first).await, refresh(&server, &first).await);
    assert_eq!(retried.refresh_token(), again.refresh_token());
    assert_ne!(retried.access_token(), again.access_token());
    assert_eq!(active(&server, &[&first]).await, [true]);
    // Both came with the same refresh token, so neither replaces the other.
    assert_eq!(active(&server, &[&retried, &again, &retried]).await, [true, true, true]);
    assert_eq!(active(&server, &[&first]).await, [false]);
}

async fn only_who_may_know_of_a_token_makes_others_obsolete(database: Database) {
    let server = start(database).await;
    let first = server.login_with("newest", None).await;
    let second = refresh(&server, &first).await;
    let answer = server.introspect("other", second.access_token()).await.expect(200);
    assert_eq!(answer.text, r#"{"active":false}"#);
    assert_eq!(active(&server, &[&first]).await, [true]);
    // Nor does one that was revoked.
    server.revoke_as("newest", second.access_token()).await;
    assert_eq!(active(&server, &[&second, &first]).await, [false, true]);
}

async fn the_admin_api_refuses_an_obsolete_token_and_says_so(database: Database) {
    let server = start(database).await;
    let list = async |pair: &Answer| {
        server.admin("GET", "/admin/v1/keys", pair.access_token(), None).await
    };
    let first = server.login_with("newest", None).await;
    let second = refresh(&server, &first).await;
    list(&first).await.expect(200);
    list(&second).await.expect(200);
    let refused = list(&first).await;
    refused.assert_refused("the first");
    assert_eq!(refused.error_code(), "token_obsolete");
    assert_eq!(active(&server, &[&first, &second]).await, [false, true]);
}

async fn what_one_replica_has_met_the_other_knows(database: Database) {
    let one = start(database).await;
    let two = one.replica().await;
    let first = one.login_with("newest", None).await;
    assert!(two.is_active(first.access_token()).await);
    let second = refresh(&one, &first).await;
    assert!(one.is_active(second.access_token()).await);
    one.advance(1);
    assert!(!two.is_active(first.access_token()).await);
    assert!(two.is_active(second.access_token()).await);
}

async fn other_clients_keep_their_tokens(database: Database) {
    let server = start(database).await;
    let first = server.login(None).await;
    let second = server.refresh(first.refresh_token()).await.expect(200);
    let third = server.refresh(second.refresh_token()).await.expect(200);
    assert_eq!(active(&server, &[&third, &second, &first]).await, [true, true, true]);
    assert_eq!(server.database.number(SEEN).await, 0, "nothing is written for them");
}
