//! HTTP as attackers speak it (RFC 9112): messages with two readings, requests that never end, and
//! connections that break off.
use crate::{
    on_both,
    support::{Database, Raw, Server},
};
use std::{fmt::Write, time::Duration};

on_both!(connections_that_break_off_cost_no_acknowledged_write);

/// How many answers there are in what a connection brought.
fn answers(text: &str) -> usize {
    text.matches("HTTP/1.1 ").count()
}

/// Framing that a proxy could read differently (RFC 9112 §6.3). The body holds a second request, which
/// one of the two readings would execute.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_with_two_readings_is_refused_and_nothing_after_it_is_read() {
    let server = Server::start(Database::sqlite()).await;
    for framing in [
        "Content-Length: 0\r\nTransfer-Encoding: chunked",
        "Transfer-Encoding: chunked\r\nContent-Length: 5",
        "Content-Length: 0\r\nContent-Length: 5",
        "Content-Length: 0, 5",
        "Content-Length: +0",
        "Content-Length: -1",
        "Content-Length: 0x0",
        "Content-Length: ",
        "Transfer-Encoding: xchunked",
        "Transfer-Encoding : chunked",
        "Transfer-Encoding: chunked, identity",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        "Transfer-Encoding:\r\n chunked",
        "X-Folded: a\r\n b",
        "Host: two.example",
        "X-Null: a\0b",
    ] {
        let request = format!(
            "POST /oauth/token HTTP/1.1\r\nHost: one.example\r\n{framing}\r\n\r\n0\r\n\r\n\
             GET /health/live HTTP/1.1\r\nHost: one.example\r\n\r\n"
        );
        let text = Raw::exchange(&server.url, request);
        assert!(text.starts_with("HTTP/1.1 400 "), "{framing:?}: {text}");
        assert_eq!(answers(&text), 1, "{framing:?}: {text}");
    }
    // What the rows are told apart from: the same, framed well, is two requests.
    let good = "POST /oauth/token HTTP/1.1\r\nHost: one.example\r\nTransfer-Encoding: chunked\r\n\r\n\
                0\r\n\r\nGET /health/live HTTP/1.1\r\nHost: one.example\r\nConnection: close\r\n\r\n";
    assert_eq!(answers(&Raw::exchange(&server.url, good)), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pipelined_requests_are_answered_in_order() {
    let server = Server::start(Database::sqlite()).await;
    let is_there = |n: usize| n.is_multiple_of(3) || n.is_multiple_of(7);
    let mut requests = String::new();
    for n in 0..100 {
        let path = if is_there(n) { "/health/live" } else { "/nothing" };
        let close = if n == 99 { "Connection: close\r\n" } else { "" };
        write!(requests, "GET {path} HTTP/1.1\r\nHost: x\r\n{close}\r\n").unwrap();
    }
    let text = Raw::exchange(&server.url, requests);
    let statuses: Vec<_> = text.split("HTTP/1.1 ").skip(1).map(|answer| &answer[..3]).collect();
    let expected: Vec<_> = (0..100).map(|n| if is_there(n) { "200" } else { "404" }).collect();
    assert_eq!(statuses, expected);
}

/// Many connections that send their headers slowly or not at all take nothing from others.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn headers_that_do_not_arrive_end_the_connection() {
    let server = Server::start(Database::sqlite()).await;
    let mut slow: Vec<_> = (0..100).map(|_| Raw::to(&server.url)).collect();
    for connection in slow.iter_mut().skip(1) {
        connection.send("GET /health/live HTTP/1.1\r\nHos");
    }
    server.post("/oauth/token", Some("service"), "grant_type=client_credentials").await.expect(200);
    for mut connection in slow {
        let text = connection.read_to_end();
        assert!(text.is_empty() || text.starts_with("HTTP/1.1 408 "), "{text}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_does_not_arrive_is_answered_with_a_timeout() {
    let server = Server::with(Database::sqlite(), |settings| {
        settings.server.body_timeout = Duration::from_secs(1);
    })
    .await;
    let head = "POST /oauth/token HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\
                Content-Type: application/x-www-form-urlencoded\r\n\r\n";
    let mut slow: Vec<_> = (0..50).map(|_| Raw::to(&server.url)).collect();
    for connection in &mut slow {
        connection.send(format!("{head}grant"));
    }
    server.post("/oauth/token", Some("service"), "grant_type=client_credentials").await.expect(200);
    for connection in &mut slow {
        let text = connection.read_to_end();
        assert!(text.starts_with("HTTP/1.1 408 "), "{text}");
        assert!(text.contains("\"error\":\"request_timeout\"") && text.contains("x-request-id: "));
    }
}

/// A body in chunks has no length by which to know that it was not read to its end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_request_whose_chunks_never_end_does_not_hold_its_connection() {
    let server = Server::with(Database::sqlite(), |settings| {
        settings.server.body_timeout = Duration::from_secs(1);
    })
    .await;
    let head = "HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\ngrant\r\n";
    let refused =
        [("POST /session/login", 408), ("POST /oauth/token", 400), ("POST /nothing", 404)];
    let mut open: Vec<_> = refused.iter().map(|_| Raw::to(&server.url)).collect();
    for (connection, (start, _)) in open.iter_mut().zip(refused) {
        connection.send(format!("{start} {head}"));
    }
    for (connection, (start, status)) in open.iter_mut().zip(refused) {
        let text = connection.read_to_end();
        assert!(text.starts_with(&format!("HTTP/1.1 {status} ")), "{start}: {text}");
    }
}

/// A body that keeps coming, but for longer than any request may take.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_body_that_trickles_is_no_better() {
    let server = Server::with(Database::sqlite(), |settings| {
        settings.server.body_timeout = Duration::from_millis(600);
    })
    .await;
    let mut connection = Raw::to(&server.url);
    connection.send("POST /session/login HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n");
    for _ in 0..6 {
        connection.send("{");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let text = connection.read_to_end();
    assert!(text.starts_with("HTTP/1.1 408 "), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_too_large_is_refused_in_json_before_it_is_read() {
    let server = Server::start(Database::sqlite()).await;
    let head = "POST /oauth/token HTTP/1.1\r\nHost: x\r\n\
                Content-Type: application/x-www-form-urlencoded\r\n";
    let told = Raw::exchange(&server.url, format!("{head}Content-Length: 99999999\r\n\r\n"));
    assert!(told.starts_with("HTTP/1.1 413 ") && told.contains("content_too_large"), "{told}");
    let chunk = format!("4000\r\n{}\r\n", "a".repeat(0x4000));
    let untold = format!("{head}Transfer-Encoding: chunked\r\n\r\n{}", chunk.repeat(5));
    let untold = untold + "0\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    let untold = Raw::exchange(&server.url, untold);
    assert!(
        untold.starts_with("HTTP/1.1 413 ") && untold.contains("content_too_large"),
        "{untold}"
    );
    let header = format!("GET / HTTP/1.1\r\nHost: x\r\nX-Long: {}\r\n\r\n", "a".repeat(200_000));
    assert!(Raw::exchange(&server.url, header).starts_with("HTTP/1.1 431 "));
}

/// actix drops the handler of a connection that is reset. Done inside a database transaction, that
/// would leave a connection of the pool in it, and writes that were acknowledged later would vanish.
async fn connections_that_break_off_cost_no_acknowledged_write(database: Database) {
    let server = Server::start(database).await;
    let replica = server.replica().await;
    let mut pairs = Vec::new();
    for _ in 0..16 {
        pairs.push(server.login(None).await);
    }
    let spent = server.login(None).await;
    reset_many(&server, &format!("client_id=app&token={}", spent.refresh_token())).await;

    let refreshes = pairs.iter().map(|pair| server.refresh(pair.refresh_token()));
    for pair in futures_util::future::join_all(refreshes).await {
        let pair = pair.expect(200);
        replica.refresh(pair.refresh_token()).await.expect(200);
    }
    // A rotation that was answered and then lost would make the next token one from ahead of its row.
    assert_eq!(server.audited("session.generation_ahead").await, 0);
    if !server.database.is_sqlite() {
        let stuck = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database()
                     AND state LIKE 'idle in transaction%'";
        assert_eq!(server.database.number(stuck).await, 0);
    }
}

/// Revocations, each a transaction, over connections that are reset at some moment.
async fn reset_many(server: &Server, form: &str) {
    let request = format!(
        "POST /oauth/revoke HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\n\r\n{form}",
        form.len()
    );
    let address = server.url.strip_prefix("http://").unwrap().to_owned();
    let storm = (0..400_usize).map(|n| {
        let (address, request) = (address.clone(), request.clone());
        tokio::spawn(async move {
            let stream = tokio::net::TcpStream::connect(address).await.unwrap();
            stream.set_zero_linger().unwrap();
            let sent = if n % 10 == 0 { &request[..request.len() * n / 400] } else { &request };
            stream.writable().await.unwrap();
            stream.try_write(sent.as_bytes()).unwrap();
            tokio::time::sleep(Duration::from_micros(u64::try_from(n * n / 4).unwrap())).await;
        })
    });
    for connection in futures_util::future::join_all(storm).await {
        connection.unwrap();
    }
}
