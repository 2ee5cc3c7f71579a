//! Sessions that are over end and are forgotten, and nobody else notices.
use crate::{
    on_both,
    support::{Database, Server},
};
use futures_util::future::join_all;

const DAY: u64 = 24 * 60 * 60;
const LIVE: &str = "SELECT COUNT(*) FROM user_sessions";
const ALL: &str = "SELECT COUNT(*) FROM sessions";

on_both!(
    a_session_that_is_not_used_ends_and_is_forgotten_later,
    a_session_ends_with_its_absolute_lifetime_however_much_it_is_used,
    what_ended_is_kept_for_a_while_to_tell_why,
    a_large_table_is_gone_through_while_tokens_are_refreshed,
);

async fn a_session_that_is_not_used_ends_and_is_forgotten_later(database: Database) {
    let server = Server::start(database).await;
    let token = server.login(None).await.refresh_token().to_owned();
    let used = server.login(None).await.refresh_token().to_owned();
    server.advance(29 * DAY);
    let used = server.refresh(&used).await.expect(200).refresh_token().to_owned();
    server.advance(DAY);
    server.app.prune().await.unwrap();
    assert_eq!(server.database.number(LIVE).await, 2, "a slow clock may still let it live");
    server.advance(60);
    server.app.prune().await.unwrap();
    assert_eq!((server.database.number(LIVE).await, server.database.number(ALL).await), (1, 2));
    let refused = server.refresh(&token).await;
    assert_eq!(refused.error_code(), "expired_refresh_token", "as before");

    let used = server.refresh(&used).await.expect(200).refresh_token().to_owned();
    server.advance(29 * DAY);
    let used = server.refresh(&used).await.expect(200).refresh_token().to_owned();
    server.advance(DAY + 60);
    server.app.prune().await.unwrap();
    assert_eq!(server.database.number(ALL).await, 1);
    assert_eq!(server.refresh(&token).await.error_code(), "invalid_refresh_token");
    server.refresh(&used).await.expect(200);
}

async fn a_session_ends_with_its_absolute_lifetime_however_much_it_is_used(database: Database) {
    let server = Server::start(database).await;
    let mut token = server.login(None).await.refresh_token().to_owned();
    for _ in 0..9 {
        server.advance(10 * DAY - 1);
        let pair = server.refresh(&token).await.expect(200);
        pair.refresh_token().clone_into(&mut token);
        server.app.prune().await.unwrap();
    }
    server.advance(9 + 60);
    server.app.prune().await.unwrap();
    let reason = server.database.texts("SELECT end_reason FROM sessions").await;
    assert_eq!((reason, server.database.number(LIVE).await), (vec!["expired".to_owned()], 0));
    assert_eq!(server.refresh(&token).await.error_code(), "expired_refresh_token");
}

async fn what_ended_is_kept_for_a_while_to_tell_why(database: Database) {
    let server = Server::start(database).await;
    let token = server.login(Some("phone")).await.refresh_token().to_owned();
    server.login(Some("phone")).await;
    server.advance(30 * DAY);
    server.app.prune().await.unwrap();
    let refused = server.refresh(&token).await;
    assert_eq!(refused.error_code(), "session_ended");
    assert!(refused.text.contains("replaced"), "{refused:?}");
    server.advance(60);
    server.app.prune().await.unwrap();
    assert_eq!(server.refresh(&token).await.error_code(), "invalid_refresh_token");
}

/// More sessions than are looked at in one go, all of them over but those at the end.
async fn a_large_table_is_gone_through_while_tokens_are_refreshed(database: Database) {
    let server = Server::start(database).await;
    server.login(None).await;
    let copy = |n: u32| {
        let id = format!("01900000-0000-7000-8000-{n:012x}");
        let id = if server.database.is_sqlite() {
            format!("x'{}'", id.replace('-', ""))
        } else {
            format!("'{id}'::uuid")
        };
        format!(
            "SELECT {id}, user_id, client_id, 'many', scope, 0, 0, 1, 1, 0, 0, 1, 'revoked' FROM sessions WHERE device_name IS NULL"
        )
    };
    let rows: Vec<_> = (0..1234).map(copy).collect();
    for rows in rows.chunks(200) {
        let insert = format!(
            "INSERT INTO sessions (id, user_id, client_id, device_name, scope, auth_time, created_at, expires_at,
                                   generation, previous_generation, last_used_at, ended_at, end_reason) {}",
            rows.join(" UNION ALL ")
        );
        server.database.execute(&insert).await;
    }
    assert_eq!(server.database.number(ALL).await, 1235);
    let refreshing = async {
        let sessions = join_all((0..4).map(|_| server.login(None))).await;
        let chains = sessions.iter().map(|pair| async {
            let mut token = pair.refresh_token().to_owned();
            for _ in 0..25 {
                let pair = server.refresh(&token).await.expect(200);
                pair.refresh_token().clone_into(&mut token);
            }
        });
        join_all(chains).await;
    };
    let (pruned, ()) = tokio::join!(server.app.prune(), refreshing);
    pruned.unwrap();
    assert_eq!(server.database.number(ALL).await, 5, "what lives stays");
    assert_eq!(server.database.number(LIVE).await, 5);
}
