//! Who has fetched the JWKS: what is noted of it, when the database is told, and how long it is kept.
use crate::{
    on_both,
    support::{Answer, Database, Raw, Server},
};
use mintmark::config::Settings;
use serde_json::{Value, json};
use std::time::Duration;

const JWKS: &str = "/.well-known/jwks.json";
const DAY: u64 = 24 * 60 * 60;
const ROWS: &str = "SELECT COUNT(*) FROM jwks_fetchers";

on_both!(
    a_fetch_is_listed_by_user_agent_and_network,
    a_304_counts_and_an_answer_without_the_keys_does_not,
    a_fetch_writes_nothing_until_the_database_is_told,
    maintenance_tells_the_database,
    another_replica_knows_and_the_later_fetch_counts,
    one_network_does_not_push_the_others_out,
    the_table_is_bounded,
    a_fetcher_is_forgotten_after_thirty_days,
    neither_secrets_nor_whole_addresses_are_kept,
);

/// Behind a proxy, with polls so rare that only the test tells the database.
pub async fn behind_a_proxy(database: Database) -> Server {
    Server::with(database, proxied).await
}

fn proxied(settings: &mut Settings) {
    settings.server.client_address_header = "X-Forwarded-For".into();
    settings.keys.poll_interval = Duration::from_hours(1);
}

pub async fn fetch(server: &Server, user_agent: &str, address: &str) -> Answer {
    fetch_with(server, user_agent, address, "").await
}

/// With an `If-None-Match`, if it is not empty.
async fn fetch_with(server: &Server, user_agent: &str, address: &str, etag: &str) -> Answer {
    let request = server.http.get(format!("{}{JWKS}", server.url));
    let mut request = request.header("user-agent", user_agent).header("x-forwarded-for", address);
    if !etag.is_empty() {
        request = request.header("if-none-match", etag);
    }
    Answer::to(request).await
}

pub async fn fetchers(server: &Server) -> Vec<Value> {
    let token = server.admin_token().await;
    let list = server.admin("GET", "/admin/v1/keys", &token, None).await.expect(200).json;
    list["fetchers"].as_array().unwrap().clone()
}

pub async fn flush(server: &Server) {
    server.app.fetchers.flush(&server.app.store, server.clock.now()).await.unwrap();
}

fn names(fetchers: &[Value]) -> Vec<&str> {
    fetchers.iter().map(|fetcher| fetcher["user_agent"].as_str().unwrap()).collect()
}

async fn a_fetch_is_listed_by_user_agent_and_network(database: Database) {
    let server = behind_a_proxy(database).await;
    assert!(fetchers(&server).await.is_empty());
    let answer = fetch(&server, "gateway/1.0", "203.0.113.77").await.expect(200);
    let etag = answer.header("etag").unwrap();
    let mut expected = json!({
        "user_agent": "gateway/1.0", "address_prefix": "203.0.113.0/24", "current": true,
        "last_fetch_at": server.clock.now().to_string(), "etag": etag,
    });
    assert_eq!(fetchers(&server).await, [expected.clone()]);

    server.advance(10);
    fetch(&server, "gateway/1.0", "::ffff:203.0.113.78").await.expect(200);
    expected["last_fetch_at"] = json!(server.clock.now().to_string());
    assert_eq!(fetchers(&server).await, [expected.clone()], "the same one again");

    server.advance(10);
    fetch(&server, "gateway/1.0", "2001:db8:1:2::3").await.expect(200);
    server.rotate(json!({ "alg": "ES256" })).await.expect(200);
    let listed = fetchers(&server).await;
    expected["current"] = json!(false);
    assert_eq!(listed[1], expected, "newest fetch first");
    assert_eq!(listed[0]["address_prefix"], "2001:db8:1::/48");
}

async fn a_304_counts_and_an_answer_without_the_keys_does_not(database: Database) {
    let server = behind_a_proxy(database).await;
    let head = server.http.head(format!("{}{JWKS}", server.url)).header("user-agent", "head");
    let etag = Answer::to(head).await.expect(200).header("etag").unwrap().to_owned();
    fetch_with(&server, "anything", "203.0.113.77", "*").await.expect(304);
    assert!(fetchers(&server).await.is_empty());
    fetch_with(&server, "cache", "203.0.113.77", &etag).await.expect(304);
    fetch_with(&server, "proxy", "203.0.113.77", &format!("\"old\", W/{etag}")).await.expect(304);
    assert_eq!(names(&fetchers(&server).await), ["cache", "proxy"]);
}

async fn a_fetch_writes_nothing_until_the_database_is_told(database: Database) {
    let server = behind_a_proxy(database).await;
    let last = "SELECT last_fetch_at FROM jwks_fetchers";
    fetch(&server, "gateway", "203.0.113.77").await.expect(200);
    assert_eq!(server.database.number(ROWS).await, 0);
    flush(&server).await;
    let first = server.clock.now().0;
    assert_eq!(server.database.number(last).await, first);

    // One that comes again and again is written once a minute.
    for _ in 0..59 {
        server.advance(1);
        fetch(&server, "gateway", "203.0.113.77").await.expect(200);
        flush(&server).await;
    }
    assert_eq!(server.database.number(last).await, first);
    server.advance(1);
    flush(&server).await;
    assert_eq!(server.database.number(last).await, first + 59_000);

    // Another set is worth writing at once.
    server.rotate(json!({ "alg": "ES256" })).await.expect(200);
    server.advance(1);
    let new = fetch(&server, "gateway", "203.0.113.77").await.expect(200);
    flush(&server).await;
    let etags = server.database.texts("SELECT etag FROM jwks_fetchers").await;
    assert_eq!(etags, [new.header("etag").unwrap()]);
}

async fn maintenance_tells_the_database(database: Database) {
    let often = |settings: &mut Settings| settings.keys.poll_interval = Duration::from_millis(50);
    let server = Server::with(database, often).await;
    fetch(&server, "gateway", "").await.expect(200);
    let told = async {
        while server.database.number(ROWS).await == 0 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(15), told).await.expect("it is told in time");
    let prefixes = server.database.texts("SELECT address_prefix FROM jwks_fetchers").await;
    assert_eq!(prefixes, ["127.0.0.0/24"], "that of the connection");
}

async fn another_replica_knows_and_the_later_fetch_counts(database: Database) {
    let first = behind_a_proxy(database).await;
    let second = first.replica_with(proxied).await;
    fetch(&first, "gateway", "203.0.113.77").await.expect(200);
    assert!(fetchers(&second).await.is_empty());
    flush(&first).await;
    assert_eq!(fetchers(&second).await, fetchers(&first).await);

    // The replica with the later fetch tells first.
    first.advance(60);
    fetch(&first, "gateway", "203.0.113.77").await.expect(200);
    first.advance(60);
    fetch(&second, "gateway", "203.0.113.77").await.expect(200);
    flush(&second).await;
    flush(&first).await;
    let later = fetchers(&second).await;
    assert_eq!(later.len(), 1);
    assert_eq!(later[0]["last_fetch_at"], first.clock.now().to_string());
    assert_eq!(fetchers(&first).await, later);
}

async fn one_network_does_not_push_the_others_out(database: Database) {
    let first = behind_a_proxy(database).await;
    let second = first.replica_with(proxied).await;
    fetch(&first, "gateway", "203.0.113.77").await.expect(200);
    for n in 0..50 {
        first.advance(1);
        let server = if n % 2 == 0 { &first } else { &second };
        fetch(server, &format!("made up {n:02}"), &format!("198.51.100.{n}")).await.expect(200);
    }
    assert_eq!(fetchers(&first).await.len(), 21);
    flush(&second).await;
    flush(&first).await;
    let names = first.database.texts("SELECT user_agent FROM jwks_fetchers ORDER BY last_fetch_at");
    let expected: Vec<_> = (30..50).map(|n| format!("made up {n:02}")).collect();
    let names = names.await;
    assert_eq!((names[0].as_str(), &names[1..]), ("gateway", expected.as_slice()));
}

async fn the_table_is_bounded(database: Database) {
    let server = behind_a_proxy(database).await;
    let now = server.clock.now().0;
    let mut rows: Vec<_> =
        (1..=1000).map(|n| format!("('net {n}', 'agent', {}, 'etag')", now - n)).collect();
    // What one network has too many of is not counted for the others.
    rows.extend((1..=30).map(|n| format!("('one net', 'agent {n}', {}, 'etag')", now - n)));
    server.database.execute(&format!("INSERT INTO jwks_fetchers VALUES {}", rows.join(","))).await;
    flush(&server).await;
    assert_eq!(server.database.number(ROWS).await, 1000);
    let of = |filter: &str| format!("{ROWS} WHERE {filter}");
    assert_eq!(server.database.number(&of("address_prefix = 'one net'")).await, 20);
    let oldest = format!("address_prefix <> 'one net' AND last_fetch_at < {}", now - 980);
    assert_eq!(server.database.number(&of(&oldest)).await, 0);
    assert_eq!(fetchers(&server).await.len(), 1000);
}

async fn a_fetcher_is_forgotten_after_thirty_days(database: Database) {
    let server = behind_a_proxy(database).await;
    fetch(&server, "gateway", "203.0.113.77").await.expect(200);
    flush(&server).await;
    let other = server.replica_with(proxied).await;
    server.advance(30 * DAY);
    flush(&server).await;
    for replica in [&server, &other] {
        assert_eq!(fetchers(replica).await.len(), 1);
    }
    server.advance(1);
    for replica in [&server, &other] {
        assert!(fetchers(replica).await.is_empty());
    }
    server.advance(60 * 60);
    flush(&other).await;
    assert_eq!(server.database.number(ROWS).await, 0);
}

async fn neither_secrets_nor_whole_addresses_are_kept(database: Database) {
    let server = behind_a_proxy(database).await;
    let long = "x".repeat(300);
    let request = server.http.get(format!("{}{JWKS}", server.url)).bearer_auth("a-secret");
    let request = request.header("user-agent", &long).header("x-forwarded-for", "203.0.113.77");
    Answer::to(request).await.expect(200);
    // Bytes that are no text, and an address that is none.
    let lines = b"User-Agent: \xff\xfe\r\nX-Forwarded-For: someone\r\nConnection: close\r\n\r\n";
    let raw = [format!("GET {JWKS} HTTP/1.1\r\nHost: x\r\n").as_bytes(), lines].concat();
    assert!(Raw::exchange(&server.url, raw).starts_with("HTTP/1.1 200 "));
    flush(&server).await;
    let rows = server
        .database
        .texts("SELECT user_agent || '|' || address_prefix FROM jwks_fetchers ORDER BY user_agent");
    assert_eq!(rows.await, ["|".to_owned(), format!("{}|203.0.113.0/24", "x".repeat(255))]);
    let listed = fetchers(&server).await;
    let listed = serde_json::to_string(&listed).unwrap();
    for hidden in ["a-secret", "203.0.113.77", "someone", "127.0.0"] {
        assert!(!listed.contains(hidden), "{hidden} is in {listed}");
    }
}
