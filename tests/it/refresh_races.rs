//! Uses of refresh tokens that meet each other, other uses and revocations.
use crate::{
    on_both,
    support::{Answer, Database, Server},
};
use futures_util::future::{join, join_all};
use std::{collections::HashSet, time::Duration};

on_both!(
    many_uses_of_one_token_move_the_chain_once,
    many_uses_of_a_clients_token_move_the_chain_once,
    two_replicas_move_the_chain_once,
    of_many_uses_of_a_one_time_token_one_succeeds,
    a_revocation_wins_over_a_refresh_that_meets_it,
    a_late_thief_and_the_owner_never_both_stay,
    devices_do_not_wait_for_each_other,
);

const LIVE: &str = "SELECT COUNT(*) FROM sessions WHERE ended_at IS NULL";
const GENERATION: &str = "SELECT generation FROM sessions";

/// The one refresh token that all of them were given.
#[track_caller]
fn the_one_successor(answers: Vec<Answer>) -> String {
    let tokens: HashSet<_> =
        answers.into_iter().map(|answer| answer.expect(200).refresh_token().to_owned()).collect();
    assert_eq!(tokens.len(), 1, "they were given different successors");
    tokens.into_iter().next().unwrap()
}

async fn many_uses_of_one_token_move_the_chain_once(database: Database) {
    let server = Server::start(database).await;
    let mut token = server.login(None).await.refresh_token().to_owned();
    for round in 1..=5 {
        token = the_one_successor(join_all((0..32).map(|_| server.refresh(&token))).await);
        assert_eq!(server.database.number(GENERATION).await, round);
    }
    assert_eq!(server.database.number(LIVE).await, 1);
}

async fn many_uses_of_a_clients_token_move_the_chain_once(database: Database) {
    let server = Server::start(database).await;
    let login = server.login_with_service().await;
    let uses = (0..32).map(|_| server.refresh_with_service(login.refresh_token()));
    let token = the_one_successor(join_all(uses).await);
    assert_eq!(server.database.number(GENERATION).await, 1);
    server.refresh_with_service(&token).await.expect(200);
}

async fn two_replicas_move_the_chain_once(database: Database) {
    let server = Server::start(database).await;
    let replica = server.replica().await;
    let login = server.login(None).await;
    let uses = (0..32).map(|nth| {
        let one = if nth % 2 == 0 { &server } else { &replica };
        one.refresh(login.refresh_token())
    });
    let token = the_one_successor(join_all(uses).await);
    assert_eq!(server.database.number(GENERATION).await, 1);
    replica.refresh(&token).await.expect(200);
}

async fn of_many_uses_of_a_one_time_token_one_succeeds(database: Database) {
    let server = Server::with(database, |settings| {
        settings.sessions.retry_window = Duration::ZERO;
    })
    .await;
    for _ in 0..5 {
        let login = server.login(None).await;
        let answers = join_all((0..32).map(|_| server.refresh(login.refresh_token()))).await;
        let (won, lost): (Vec<_>, Vec<_>) =
            answers.into_iter().partition(|answer| answer.status == 200);
        assert_eq!(won.len(), 1);
        for answer in lost {
            assert_eq!(answer.rejection(), (400, "invalid_grant"), "{answer:?}");
        }
        // Someone used it twice, and nobody can tell who is the thief.
        server.refresh(won[0].refresh_token()).await.expect(400);
        assert_eq!(server.database.number(LIVE).await, 0);
    }
    assert_eq!(server.audited("session.reuse_detected").await, 5);
}

async fn a_revocation_wins_over_a_refresh_that_meets_it(database: Database) {
    let server = Server::start(database).await;
    for round in 0..50 {
        let login = server.login(Some("phone")).await;
        let token = login.refresh_token();
        let form = format!("client_id=app&token={token}");
        let refresh = async {
            // Sometimes the one is ahead, sometimes the other.
            tokio::time::sleep(Duration::from_micros(round % 10 * 200)).await;
            server.refresh(token).await
        };
        let (revoked, refreshed) = join(server.post("/oauth/revoke", None, &form), refresh).await;
        revoked.expect(200);
        assert!(matches!(refreshed.status, 200 | 400), "{refreshed:?}");
        assert_eq!(server.database.number(LIVE).await, 0, "round {round}");
        let successor = refreshed.json["refresh_token"].as_str();
        for token in [Some(token), successor].into_iter().flatten() {
            let late = server.refresh(token).await;
            assert_eq!(late.rejection(), (400, "invalid_grant"));
            assert_eq!(late.text_of("error_description"), "ended: revoked");
        }
    }
}

/// The owner uses the current token while a thief uses the one before, too late: whoever comes
/// first, the session ends.
async fn a_late_thief_and_the_owner_never_both_stay(database: Database) {
    let server = Server::start(database).await;
    for _ in 0..20 {
        let stolen = server.login(Some("phone")).await;
        let current = server.refresh(stolen.refresh_token()).await.expect(200);
        server.advance(31);
        let owner = server.refresh(current.refresh_token());
        let (thief, owner) = join(server.refresh(stolen.refresh_token()), owner).await;
        assert_eq!(thief.error_code(), "obsolete_refresh_token");
        assert!(matches!(owner.status, 200 | 400), "{owner:?}");
        assert_eq!(server.database.number(LIVE).await, 0);
    }
    assert_eq!(server.audited("session.reuse_detected").await, 20);
}

async fn devices_do_not_wait_for_each_other(database: Database) {
    let server = Server::start(database).await;
    let mut tokens = Vec::new();
    for device in 0..16 {
        let login = server.login(Some(&format!("device {device}"))).await;
        tokens.push(login.refresh_token().to_owned());
    }
    for _ in 0..5 {
        let answers = join_all(tokens.iter().map(|token| server.refresh(token))).await;
        let answers = answers.into_iter().map(|answer| answer.expect(200));
        tokens = answers.map(|answer| answer.refresh_token().to_owned()).collect();
    }
    let moved = "SELECT COUNT(*) FROM sessions WHERE generation = 5 AND ended_at IS NULL";
    assert_eq!(server.database.number(moved).await, 16);
}
