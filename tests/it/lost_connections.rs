//! Connections to PostgreSQL that lead nowhere any more, and do not all say so.
use crate::{
    database_away::{assert_unavailable, behind_a_forwarder_with},
    support::{Database, Server},
};
use serde_json::json;
use std::time::Duration;

/// The group's connection gives its place in the pool back, or a few of those would be the end of all
/// refreshes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_that_are_lost_without_a_word_are_replaced() {
    let (server, forwarder) = behind_a_forwarder_with(|database| {
        database.acquire_timeout = Duration::from_secs(2);
        database.statement_timeout = Duration::from_secs(1);
        database.max_connections = 1;
    })
    .await;
    let mut pair = server.login(None).await;
    for _ in 0..2 {
        // The last use has given its connection back.
        tokio::time::sleep(Duration::from_millis(500)).await;
        forwarder.lose();
        assert_unavailable("refresh", server.refresh(pair.refresh_token())).await;
        let again = async {
            loop {
                let answer = server.refresh(pair.refresh_token()).await;
                if answer.status == 200 {
                    break answer;
                }
            }
        };
        pair = tokio::time::timeout(Duration::from_secs(20), again).await.expect("it is replaced");
    }
}

/// Whatever has become of it meanwhile: a server that was demoted, a backend that has grown.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_connection_is_replaced_before_its_next_use() {
    let server = Server::with(Database::postgres().await, |settings| {
        settings.database.connection_lifetime = Duration::from_secs(1);
    })
    .await;
    let mut pair = server.login(None).await;
    pair = server.refresh(pair.refresh_token()).await.expect(200);
    let rotated = "SELECT pid::text FROM pg_stat_activity WHERE datname = current_database()
                       AND query LIKE 'WITH used AS MATERIALIZED%'";
    let old = server.database.texts(rotated).await;
    assert_eq!(old.len(), 1);
    let query = format!("SELECT COUNT(*) FROM pg_stat_activity WHERE pid = {}", old[0]);
    let replaced = async {
        while server.database.number(&query).await > 0 {
            tokio::time::sleep(Duration::from_millis(100)).await;
            pair = server.refresh(pair.refresh_token()).await.expect(200);
        }
    };
    tokio::time::timeout(Duration::from_secs(20), replaced).await.expect("it is replaced");
}

/// The listening connection waits for a word that does not come. Here nothing else would tell.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn notices_come_again_when_their_connection_was_lost_without_a_word() {
    let (server, forwarder) = behind_a_forwarder_with(|database| {
        database.acquire_timeout = Duration::from_secs(1);
        database.statement_timeout = Duration::from_secs(1);
    })
    .await;
    let other = server.replica().await;
    let old = server.signing_kid().await;
    forwarder.lose();
    other.rotate(json!({ "mode": "immediate", "alg": "ES256" })).await.expect(200);
    let learned = async {
        while server.signing_kid().await == old {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), learned).await.expect("it learns");
}

/// Each of them would fail somebody once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_many_broken_connections_one_refresh_notices_all() {
    let (server, forwarder) = behind_a_forwarder_with(|_| ()).await;
    let mut pair = server.login(None).await;
    for _ in 0..5 {
        let reads = (0..8).map(|_| server.get("/health/ready"));
        futures_util::future::join_all(reads).await;
        forwarder.cut();
        forwarder.heal();
        pair = server.refresh(pair.refresh_token()).await.expect(200);
    }
}
