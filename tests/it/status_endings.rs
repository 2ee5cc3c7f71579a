//! Whatever ends a session sets its bit in the status list, for as long as its tokens may live.
use crate::{
    on_both,
    support::{Answer, Database, PASSWORD, Server, StatusReader, kid_of, part_of, run_with},
};
use mintmark::model::{ClientMetadata, ClientType};
use serde_json::json;
use std::time::Duration;

on_both!(
    a_session_that_its_client_or_an_administrator_ends,
    a_session_that_makes_way_or_is_stolen,
    a_session_that_a_command_ends,
    a_session_that_a_leaked_key_ends,
    a_session_whose_lifetime_is_over,
    a_bit_is_cleared_when_no_token_can_live,
    a_bit_stays_for_tokens_of_a_setting_of_before,
);

const DAY: u64 = 24 * 60 * 60;

async fn start(database: Database) -> Server {
    let server = Server::start(database).await;
    let grants = vec!["refresh_token".into()];
    let metadata = ClientMetadata::new(ClientType::Public, grants);
    let metadata = ClientMetadata { status_list: true, session_limit: Some(2), ..metadata };
    server.add_client("tracked", metadata, None).await;
    server
}

async fn login(server: &Server, device: Option<&str>) -> Answer {
    let body = json!({
        "username": "alice", "password": PASSWORD, "client_id": "tracked", "device_id": device,
    });
    server.post_json("/session/login", body).await.expect(200)
}

async fn refresh(server: &Server, pair: &Answer) -> Answer {
    let token = pair.refresh_token();
    let form = format!("grant_type=refresh_token&client_id=tracked&refresh_token={token}");
    server.post("/oauth/token", None, &form).await
}

/// As somebody sees it who has no copy yet.
async fn status(server: &Server, pair: &Answer) -> u8 {
    StatusReader::at(server).status(pair.access_token()).await
}

async fn a_session_that_its_client_or_an_administrator_ends(database: Database) {
    let server = start(database).await;
    let admin = server.admin_token().await;
    let (pair, other) = (login(&server, None).await, login(&server, None).await);
    let form = format!("client_id=tracked&token={}", pair.refresh_token());
    server.post("/oauth/revoke", None, &form).await.expect(200);
    assert_eq!((status(&server, &pair).await, status(&server, &other).await), (1, 0));

    let sid = part_of(other.access_token(), 1)["sid"].as_str().unwrap().to_owned();
    let path = format!("/admin/v1/sessions/{sid}");
    let listed = server.admin("GET", "/admin/v1/sessions", &admin, None).await.expect(200);
    assert!(!listed.text.contains("status"), "{}", listed.text);
    assert!(server.admin("DELETE", &path, &admin, None).await.status < 300);
    assert_eq!(status(&server, &other).await, 1);

    let pair = login(&server, None).await;
    let path = "/admin/v1/sessions?client=tracked";
    assert!(server.admin("DELETE", path, &admin, None).await.status < 300);
    assert_eq!(status(&server, &pair).await, 1);
}

async fn a_session_that_makes_way_or_is_stolen(database: Database) {
    let server = start(database).await;
    let replaced = login(&server, Some("phone")).await;
    let oldest = login(&server, Some("phone")).await;
    assert_eq!((status(&server, &replaced).await, status(&server, &oldest).await), (1, 0));
    // Sessions of one instant are in no order.
    server.advance(1);
    let stolen = login(&server, None).await;
    server.advance(1);
    let newest = login(&server, None).await;
    assert_eq!((status(&server, &oldest).await, status(&server, &stolen).await), (1, 0));
    let second = refresh(&server, &stolen).await.expect(200);
    let third = refresh(&server, &second).await.expect(200);
    assert_eq!(status(&server, &third).await, 0);
    refresh(&server, &stolen).await.expect(400);
    assert_eq!((status(&server, &third).await, status(&server, &newest).await), (1, 0));
}

async fn a_session_that_a_command_ends(database: Database) {
    let server = start(database).await;
    let command = |arguments: &[&str], input: &str| {
        let url = &server.database.url;
        run_with(&[arguments, &["--database", url]].concat(), &[], input).expect(0)
    };
    for (arguments, input) in [
        (["user", "set-password", "alice", "--password-stdin"].as_slice(), PASSWORD),
        (&["client", "delete", "tracked"], ""),
    ] {
        let pair = login(&server, None).await;
        assert_eq!(status(&server, &pair).await, 0);
        command(arguments, input);
        assert_eq!(status(&server, &pair).await, 1, "{arguments:?}");
    }
    let create = "client create --id listed --grant refresh_token --public --status-list";
    command(&create.split(' ').collect::<Vec<_>>(), "");
    let body = json!({ "username": "alice", "password": PASSWORD, "client_id": "listed" });
    let pair = server.post_json("/session/login", body).await.expect(200);
    assert_eq!(status(&server, &pair).await, 0);
    command(&["user", "disable", "alice"], "");
    assert_eq!(status(&server, &pair).await, 1);
}

async fn a_session_that_a_leaked_key_ends(database: Database) {
    let server = start(database).await;
    let pairs = [login(&server, None).await, login(&server, None).await];
    server.login(None).await;
    let kid = kid_of(pairs[0].access_token());
    let body = json!({ "mode": "compromised", "kid": kid, "end_sessions": true });
    assert_eq!(server.rotate(body).await.expect(200).json["sessions_ended"], 3);
    for pair in &pairs {
        assert_eq!(status(&server, pair).await, 1);
    }
}

async fn a_session_whose_lifetime_is_over(database: Database) {
    let server = start(database).await;
    let mut pair = login(&server, None).await;
    for _ in 0..4 {
        server.advance(20 * DAY);
        pair = refresh(&server, &pair).await.expect(200);
    }
    server.advance(10 * DAY - 1);
    pair = refresh(&server, &pair).await.expect(200);
    server.advance(61);
    assert_eq!(status(&server, &pair).await, 0);
    server.app.prune().await.unwrap();
    assert_eq!(status(&server, &pair).await, 1);
}

const BITS: &str = "SELECT COUNT(*) FROM ended_statuses";

/// 10 minutes of the token, and a minute for each of two clocks.
async fn a_bit_is_cleared_when_no_token_can_live(database: Database) {
    let server = start(database).await;
    let pair = login(&server, None).await;
    let form = format!("client_id=tracked&token={}", pair.refresh_token());
    server.post("/oauth/revoke", None, &form).await.expect(200);
    server.advance(12 * 60);
    assert_eq!(status(&server, &pair).await, 1);
    server.advance(1);
    assert_eq!(status(&server, &pair).await, 0);
    server.app.prune().await.unwrap();
    assert_eq!(server.database.number(BITS).await, 1, "a slow replica may still show it");
    server.advance(60);
    server.app.prune().await.unwrap();
    assert_eq!(server.database.number(BITS).await, 0);
}

async fn a_bit_stays_for_tokens_of_a_setting_of_before(database: Database) {
    let server = start(database).await;
    let pair = login(&server, None).await;
    let shorter = server
        .replica_with(|settings| {
            settings.tokens.access_token_lifetime = Duration::from_secs(30);
        })
        .await;
    let form = format!("client_id=tracked&token={}", pair.refresh_token());
    shorter.post("/oauth/revoke", None, &form).await.expect(200);
    shorter.advance(10 * 60);
    shorter.app.prune().await.unwrap();
    assert_eq!(status(&shorter, &pair).await, 1);
}
