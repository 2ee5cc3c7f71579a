//! Bodies that are too long, too slow, compressed or broken off, sent byte by byte.
use crate::{
    on_both,
    support::{Answer, Database, Raw, SECRET, Server, basic},
};
use std::time::Duration;

on_both!(
    a_body_that_announces_too_much_is_refused_before_it_comes,
    a_body_that_grows_too_long_is_refused_on_its_way,
    a_compressed_body_is_not_inflated,
    a_body_that_does_not_come_is_not_waited_for,
    a_body_that_breaks_off_harms_nobody,
    a_body_of_just_the_limit_is_read,
);

const FORM: &str = "grant_type=client_credentials";

/// Another request is still served.
async fn is_well(server: &Server) {
    server.post("/oauth/token", Some("service"), FORM).await.expect(200);
}

fn assert_refused(answer: &str, status: u16, error: &str) {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("{answer:?}"));
    assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    assert!(head.to_lowercase().contains("content-type: application/json"), "{answer}");
    let body: serde_json::Value = serde_json::from_str(body).unwrap();
    assert_eq!(body["error"], error, "{answer}");
}

async fn a_body_that_announces_too_much_is_refused_before_it_comes(database: Database) {
    let server = Server::start(database).await;
    for path in
        ["/oauth/token", "/oauth/introspect", "/oauth/revoke", "/session/login", "/session/refresh"]
    {
        let mut raw = Raw::to(&server.url);
        raw.send_head(path, "Content-Length: 104857600\r\n");
        assert_refused(&raw.answer(), 413, "content_too_large");
    }
    is_well(&server).await;
}

async fn a_body_that_grows_too_long_is_refused_on_its_way(database: Database) {
    let server = Server::start(database).await;
    let mut raw = Raw::to(&server.url);
    raw.send_head("/oauth/token", "Transfer-Encoding: chunked\r\n");
    // One chunk more than fits; what would follow need not be sent.
    let chunk = format!("400\r\n{}\r\n", "x".repeat(1024));
    for _ in 0..=server.app.settings.server.max_body / 1024 {
        assert!(raw.try_send(&chunk), "it is refused for its length, not earlier");
    }
    assert_refused(&raw.answer(), 413, "content_too_large");
    is_well(&server).await;
}

async fn a_compressed_body_is_not_inflated(database: Database) {
    let server = Server::start(database).await;
    for coding in ["gzip", "deflate", "br", "zstd", "GZIP", "identity, gzip"] {
        for path in ["/oauth/token", "/session/login"] {
            let request = server.form(path, FORM).header("content-encoding", coding);
            let answer =
                Answer::to(request.header("authorization", basic("service", SECRET))).await;
            assert_eq!(answer.rejection(), (415, "invalid_request"), "{coding} {path}");
        }
    }
    let plain = server.form("/oauth/token", FORM).header("content-encoding", "identity");
    Answer::to(plain.header("authorization", basic("service", SECRET))).await.expect(200);
}

/// The time a body may take is that of the network, so here the clock is the real one.
async fn a_body_that_does_not_come_is_not_waited_for(database: Database) {
    let server = Server::with(database, |settings| {
        settings.server.body_timeout = Duration::from_millis(300);
    })
    .await;
    let mut silent = Raw::to(&server.url);
    silent.send_head("/oauth/token", "Content-Length: 29\r\n");
    assert_refused(&silent.answer(), 408, "request_timeout");

    // Each byte comes in time, the body does not.
    let mut dribbling = Raw::to(&server.url);
    dribbling.send_head("/oauth/token", "Content-Length: 29\r\n");
    for byte in FORM.as_bytes().chunks(1).take(8) {
        dribbling.try_send(byte);
        tokio::time::sleep(Duration::from_millis(60)).await;
    }
    assert_refused(&dribbling.answer(), 408, "request_timeout");
    is_well(&server).await;
}

async fn a_body_that_breaks_off_harms_nobody(database: Database) {
    let server = Server::start(database).await;
    for lines in ["Content-Length: 29\r\n", "Transfer-Encoding: chunked\r\n"] {
        let mut raw = Raw::to(&server.url);
        raw.send_head("/oauth/token", lines);
        raw.send(if lines.starts_with('C') { "grant_type=" } else { "1d\r\ngrant_type=" });
        raw.finish();
        let answer = raw.answer();
        assert!(!answer.contains("access_token"), "{answer}");
        assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 400 "), "{answer}");
        is_well(&server).await;
    }
}

async fn a_body_of_just_the_limit_is_read(database: Database) {
    let server = Server::with(database, |settings| settings.server.max_body = 200).await;
    for (length, status) in [(199, 200), (200, 200), (201, 413)] {
        let form = format!("{FORM}&pad={}", "x".repeat(length - FORM.len() - "&pad=".len()));
        server.post("/oauth/token", Some("service"), &form).await.expect(status);
    }
}
