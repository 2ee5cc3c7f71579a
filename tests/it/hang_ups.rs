//! Clients that hang up before they are answered: what they asked for happens wholly or not at all,
//! and the next request finds everything in order.
use crate::{
    on_both,
    support::{Database, PASSWORD, Server},
};
use serde_json::json;
use std::{io::Write, net::TcpStream, time::Duration};

on_both!(a_refresh_whose_client_hangs_up_leaves_the_session_whole, any_request_may_be_abandoned);

/// Sends a whole request and resets the connection after a pause.
pub fn send_and_reset(server: &Server, request: &str, pause: Duration) {
    let address = server.url.strip_prefix("http://").unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    std::thread::sleep(pause);
    // Without linger, closing sends RST; actix drops the handler of such a connection.
    socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO)).unwrap();
}

fn request(path: &str, content_type: &str, more: &str, body: &str) -> String {
    format!(
        "POST {path} HTTP/1.1\r\nHost: mint\r\nContent-Type: {content_type}\r\n{more}\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

const FORM: &str = "application/x-www-form-urlencoded";

pub fn refresh(token: &str) -> String {
    let form = format!("grant_type=refresh_token&client_id=app&refresh_token={token}");
    request("/oauth/token", FORM, "", &form)
}

/// No connection of the pool was handed on in the middle of a transaction.
async fn assert_nothing_is_left_open(database: &Database) {
    if database.is_sqlite() {
        return;
    }
    let open = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database()
                AND state LIKE 'idle in transaction%'";
    assert_eq!(database.number(open).await, 0);
}

async fn a_refresh_whose_client_hangs_up_leaves_the_session_whole(database: Database) {
    let server = Server::start(database).await;
    let mut tokens = Vec::new();
    for device in 0..10 {
        let pair = server.login(Some(&format!("d{device}"))).await;
        tokens.push(pair.refresh_token().to_owned());
    }
    for round in 0..30 {
        for (n, token) in tokens.iter_mut().enumerate() {
            let micros = u64::try_from((round * 10 + n) * 7919 % 4000).unwrap();
            send_and_reset(&server, &refresh(token), Duration::from_micros(micros));
            // Unspent or spent unseen: the same token gets a successor, and always the same one.
            let next = server.refresh(token).await.expect(200);
            let again = server.refresh(token).await.expect(200);
            assert_eq!(next.refresh_token(), again.refresh_token());
            next.refresh_token().clone_into(token);
        }
        // What was abandoned is done before its token is two generations old: that would be reuse.
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_nothing_is_left_open(&server.database).await;
    let chains = "SELECT COUNT(*) FROM sessions WHERE generation = 30 AND ended_at IS NULL";
    assert_eq!(server.database.number(chains).await, 10, "each rotated once per round");
    assert_eq!(server.audited("session.reuse_detected").await, 0);
}

async fn any_request_may_be_abandoned(database: Database) {
    let server = Server::start(database).await;
    let login = json!({ "username": "alice", "password": PASSWORD, "device_id": "d" }).to_string();
    let admin = format!("Authorization: Bearer {}\r\n", server.admin_token().await);
    let rotate = json!({ "alg": "ES256" }).to_string();
    let end = "DELETE /admin/v1/sessions?user=alice HTTP/1.1\r\nHost: mint\r\n".to_owned();
    for round in 0..40 {
        let token = server.login(Some("other")).await;
        let revoke = format!("client_id=app&token={}", token.refresh_token());
        for (n, request) in [
            request("/session/login", "application/json", "", &login),
            request("/oauth/revoke", FORM, "", &revoke),
            request("/admin/v1/keys/rotate", "application/json", &admin, &rotate),
            format!("{end}{admin}\r\n"),
        ]
        .iter()
        .enumerate()
        {
            let micros = u64::try_from((round * 4 + n) * 7919 % 6000).unwrap();
            send_and_reset(&server, request, Duration::from_micros(micros));
        }
    }
    // Logins that were begun have ended by now: a password takes longer than all else.
    let pair = server.login(Some("last")).await;
    let next = server.refresh(pair.refresh_token()).await.expect(200);
    server.refresh(next.refresh_token()).await.expect(200);
    assert_nothing_is_left_open(&server.database).await;
    let torn = "SELECT COUNT(*) FROM sessions s WHERE (s.ended_at IS NULL) <>
                EXISTS (SELECT 1 FROM user_sessions u WHERE u.session_id = s.id)";
    assert_eq!(server.database.number(torn).await, 0, "both tables agree on who is live");
    let unaudited =
        "SELECT (SELECT COUNT(*) FROM sessions WHERE end_reason = 'ended_by_administrator')
                     - (SELECT COUNT(*) FROM audit_events WHERE action = 'session.ended')";
    assert_eq!(server.database.number(unaudited).await, 0);
    assert_eq!(server.database.number("SELECT COUNT(*) FROM keys WHERE line = 'ES256'").await, 2);
    assert_eq!(server.audited("key.rotated_gracefully").await, 1);
}
