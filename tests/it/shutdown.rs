//! How the program stops: readiness first, then the listener, and no request half done.
use crate::support::{Database, Process, Raw};
use std::{
    net::TcpStream,
    time::{Duration, Instant},
};

const GRANT: &str = "grant_type=client_credentials";
const GENEROUS: Duration = Duration::from_secs(20);

/// Waits until what is to come has come.
#[track_caller]
fn wait_until(what: &str, mut come: impl FnMut() -> bool) {
    let begin = Instant::now();
    while !come() {
        assert!(begin.elapsed() < GENEROUS, "{what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A token request that has arrived but for its last byte.
fn begin_request(process: &Process) -> Raw {
    let service = |member: &str| process.dev["client"][member].as_str().unwrap();
    let basic = crate::support::basic(service("client_id"), service("client_secret"));
    let mut connection = Raw::to(process.issuer());
    let (begin, _) = GRANT.split_at(GRANT.len() - 1);
    connection.send(format!(
        "POST /oauth/token HTTP/1.1\r\nHost: x\r\nAuthorization: {basic}\r\n\
         Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{begin}",
        GRANT.len()
    ));
    // For the service to read what has arrived, before the signal does.
    std::thread::sleep(Duration::from_millis(200));
    connection
}

fn finish_request(mut connection: Raw) {
    connection.send(&GRANT[GRANT.len() - 1..]);
    let text = connection.read_to_end();
    assert!(text.starts_with("HTTP/1.1 200 ") && text.contains("access_token"), "{text}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn readiness_says_no_while_requests_are_still_served() {
    let database = Database::sqlite();
    let process = Process::start_with(&database, &[("MINTMARK__SERVER__DRAIN_FOR", "3s")]);
    process.get("/health/ready").await.expect(200);
    process.signal("TERM");
    let begin = Instant::now();
    let stopping = loop {
        let answer = process.get("/health/ready").await;
        if answer.status == 503 {
            break answer;
        }
        assert!(begin.elapsed() < GENEROUS, "readiness still says {answer:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    assert_eq!(stopping.text_of("error"), "temporarily_unavailable");
    process.get("/health/live").await.expect(200);
    process.post("/oauth/token", Some("client"), GRANT).await.expect(200);
    let (code, log) = process.finish();
    assert!(code == Some(0) && log.contains("stopping"), "{code:?} {log}");
    assert!(begin.elapsed() >= Duration::from_secs(2), "it did not wait for load balancers");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_in_flight_is_finished_after_the_listener_is_closed() {
    for signal in ["TERM", "INT"] {
        let database = Database::sqlite();
        let process = Process::start(&database);
        let in_flight = begin_request(&process);
        process.signal(signal);
        let address = process.issuer().strip_prefix("http://").unwrap();
        wait_until("the listener stays open", || TcpStream::connect(address).is_err());
        finish_request(in_flight);
        let (code, log) = process.finish();
        assert!(code == Some(0), "SIG{signal}: {code:?} {log}");
        assert!(!log.contains("ERROR") && !log.contains("panicked"), "{log}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_that_never_ends_does_not_keep_it_from_stopping() {
    let database = Database::sqlite();
    let process = Process::start_with(&database, &[("MINTMARK__SERVER__SHUTDOWN_TIMEOUT", "1s")]);
    let _endless = begin_request(&process);
    let begin = Instant::now();
    let (code, _) = process.terminate();
    assert!(code == Some(0) && begin.elapsed() < Duration::from_secs(8), "{code:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_fetched_the_jwks_is_told_to_the_database_at_the_end() {
    let database = Database::sqlite();
    let process = Process::start_with(&database, &[("MINTMARK__KEYS__POLL_INTERVAL", "60s")]);
    process.get("/.well-known/jwks.json").await.expect(200);
    assert_eq!(process.terminate().0, Some(0));
    assert_eq!(database.number("SELECT COUNT(*) FROM jwks_fetchers").await, 1);
}
