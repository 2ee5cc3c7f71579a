//! A database that goes away and comes back: what needs none goes on, what needs one says so at once,
//! and nobody has to restart anything.
use crate::support::{Answer, Database, Forwarder, Server, kid_of};
use mintmark::{
    config::{DatabaseSettings, Settings},
    keys::Line,
};
use serde_json::json;
use std::{
    collections::HashMap,
    net::ToSocketAddrs,
    time::{Duration, Instant},
};

/// The service with a forwarder before its database. How long a request waits is what counts here, so
/// its timeouts are the defaults.
async fn behind_a_forwarder() -> (Server, Forwarder) {
    behind_a_forwarder_with(|_| ()).await
}

pub async fn behind_a_forwarder_with(change: fn(&mut DatabaseSettings)) -> (Server, Forwarder) {
    let database = Database::postgres().await;
    let mut url = url::Url::parse(&database.url).unwrap();
    let target = (url.host_str().unwrap(), url.port().unwrap_or(5432));
    let forwarder = Forwarder::to(target.to_socket_addrs().unwrap().next().unwrap());
    url.set_host(Some("127.0.0.1")).unwrap();
    url.set_port(Some(forwarder.address.port())).unwrap();
    let server = Server::with(database, |settings: &mut Settings| {
        let defaults = Settings::load(None, HashMap::new()).unwrap().database;
        settings.database = DatabaseSettings { url: url.to_string().into(), ..defaults };
        change(&mut settings.database);
        settings.clients.cache_for = Duration::from_hours(1);
        settings.introspection.cache_for = Duration::from_mins(5);
        settings.keys.poll_interval = Duration::from_hours(1);
    })
    .await;
    until_it_listens(&server).await;
    (server, forwarder)
}

/// It begins to listen in the background, and forgets then what it may have missed: the clients too,
/// which these tests want it to remember.
async fn until_it_listens(server: &Server) {
    let known = || {
        let snapshot = server.app.keys.snapshot();
        snapshot.keys(Line::Handle)[0].instants.longest_token
    };
    let before = known();
    server.database.execute("UPDATE keys SET longest_token = longest_token + 1").await;
    let listens = async {
        while known() == before {
            server.database.execute("SELECT pg_notify('mintmark', 'keys')").await;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(15), listens).await.expect("it listens");
}

/// Answered in time, as something that will pass (RFC 9110 §15.6.4).
pub async fn assert_unavailable(what: &str, answer: impl Future<Output = Answer>) {
    let began = Instant::now();
    let answer = answer.await;
    assert_eq!(answer.rejection(), (503, "temporarily_unavailable"), "{what}: {answer:?}");
    assert!(answer.header("retry-after").is_some(), "{what}");
    assert_eq!(answer.header("cache-control"), Some("no-store"), "{what}");
    assert!(began.elapsed() < Duration::from_secs(8), "{what} took {:?}", began.elapsed());
}

/// What needs no database is as if nothing had happened.
async fn assert_reading_goes_on(server: &Server) {
    for path in ["/.well-known/jwks.json", "/.well-known/openid-configuration", "/health/live"] {
        server.get(path).await.expect(200);
    }
    for client in ["service", "admin"] {
        let token = server.post("/oauth/token", Some(client), "grant_type=client_credentials");
        token.await.expect(200);
    }
}

async fn until_ready(server: &Server) {
    let ready = async {
        while server.get("/health/ready").await.status != 200 {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(15), ready).await.expect("it recovers by itself");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_its_database_the_service_does_what_it_can_and_recovers() {
    let (server, forwarder) = behind_a_forwarder().await;
    let pair = server.login(None).await;
    server.refresh_with_service("warms the cache").await.expect(400);
    let admin = server.admin_token().await;
    server.admin("GET", "/admin/v1/keys", &admin, None).await.expect(200);

    forwarder.cut();
    for _ in 0..3 {
        assert_unavailable("refresh", server.refresh(pair.refresh_token())).await;
        assert_unavailable("readiness", server.get("/health/ready")).await;
        let login = json!({ "username": "alice", "password": crate::support::PASSWORD });
        assert_unavailable("login", server.post_json("/session/login", login)).await;
        let sessions = server.admin("GET", "/admin/v1/sessions", &admin, None);
        assert_unavailable("administration", sessions).await;
        assert_reading_goes_on(&server).await;
    }
    // What is refused by its MAC alone is refused without a database.
    let forged = server.refresh("mint_rt_forged").await;
    assert_eq!(forged.rejection(), (400, "invalid_grant"));

    forwarder.heal();
    until_ready(&server).await;
    let next = server.refresh(pair.refresh_token()).await.expect(200);
    server.refresh(next.refresh_token()).await.expect(200);
    server.login(None).await;
}

/// An outage must not look like the end of all tokens. What was read a moment ago may be told.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn introspection_never_takes_an_outage_for_the_end_of_a_token() {
    let (server, forwarder) = behind_a_forwarder().await;
    server.add_resource_server().await;
    let (known, new) = (server.login(None).await, server.login_with_service().await);
    assert!(server.is_active(known.access_token()).await);
    // Warms the cache of clients.
    assert!(!server.is_active("unknown").await);
    server.introspect("service", "unknown").await.expect(200);
    for away in [Forwarder::cut, Forwarder::stall] {
        away(&forwarder);
        assert!(server.is_active(known.access_token()).await, "read a moment ago");
        let unread = server.introspect("api", new.access_token());
        assert_unavailable("access token", unread).await;
        let unread = server.introspect("service", new.refresh_token());
        assert_unavailable("refresh token", unread).await;
        let form = format!("client_id=app&token={}", known.access_token());
        assert_unavailable("revocation", server.post("/oauth/revoke", None, &form)).await;
        // What is no token of this service is inactive whatever the database says.
        assert!(!server.is_active("unknown").await);
        forwarder.heal();
        until_ready(&server).await;
    }
    // Late or not at all, the revocation may have happened; what is known must be from now on.
    let other = server.login(None).await;
    assert!(server.is_active(other.access_token()).await);
    forwarder.cut();
    server.advance(300);
    let too_old = server.introspect("api", other.access_token());
    assert_unavailable("what was read too long ago", too_old).await;
    forwarder.heal();
    until_ready(&server).await;
    assert!(server.is_active(other.access_token()).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotation_that_cannot_be_stored_fails_and_the_old_key_signs_on() {
    let (server, forwarder) = behind_a_forwarder().await;
    let admin = server.admin_token().await;
    let jwks = server.get("/.well-known/jwks.json").await.text;
    forwarder.cut();
    for mode in ["graceful", "immediate"] {
        let body = Some(json!({ "mode": mode }));
        let rotation = server.admin("POST", "/admin/v1/keys/rotate", &admin, body);
        assert_unavailable(mode, rotation).await;
        assert_eq!(server.signing_kid().await, kid_of(&admin));
        assert_eq!(server.get("/.well-known/jwks.json").await.text, jwks);
    }
    forwarder.heal();
    until_ready(&server).await;
    assert_eq!(server.database.number("SELECT COUNT(*) FROM keys").await, 3);
    let body = json!({ "mode": "immediate", "alg": "ES256" });
    server.rotate(body).await.expect(200);
    assert_ne!(server.signing_kid().await, kid_of(&admin));
}

/// Memory knows who fetches the JWKS, and tells the database when it is back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_fetches_the_jwks_is_remembered_until_the_database_can_be_told() {
    let (server, forwarder) = behind_a_forwarder().await;
    let admin = server.admin_token().await;
    server.admin("GET", "/admin/v1/keys", &admin, None).await.expect(200);
    let flush = || server.app.fetchers.flush(&server.app.store, server.clock.now());
    for away in [Forwarder::cut, Forwarder::stall] {
        away(&forwarder);
        server.get("/.well-known/jwks.json").await.expect(200);
        let keys = server.admin("GET", "/admin/v1/keys", &admin, None).await.expect(200).json;
        assert_eq!(keys["fetchers"][0]["address_prefix"], "127.0.0.0/24", "{keys}");
        assert_eq!(keys["keys"].as_array().unwrap().len(), 2);
    }
    forwarder.cut();
    assert!(flush().await.is_err());
    forwarder.heal();
    until_ready(&server).await;
    flush().await.unwrap();
    assert_eq!(server.database.number("SELECT COUNT(*) FROM jwks_fetchers").await, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_hangs_holds_nobody_for_long() {
    let (server, forwarder) = behind_a_forwarder().await;
    let pair = server.login(None).await;
    assert_reading_goes_on(&server).await;
    server.refresh("not yet").await.expect(400);
    forwarder.stall();
    let refreshes = (0..30).map(|_| async {
        assert_unavailable("refresh", server.refresh(pair.refresh_token())).await;
    });
    let refreshes = futures_util::future::join_all(refreshes);
    tokio::join!(refreshes, assert_reading_goes_on(&server));
    assert_unavailable("readiness", server.get("/health/ready")).await;
    forwarder.heal();
    until_ready(&server).await;
    // Late or not at all, the chain has moved once at most: the retry is honoured either way.
    let next = server.refresh(pair.refresh_token()).await.expect(200);
    server.refresh(next.refresh_token()).await.expect(200);
}

/// A group that fails late leaves its rotations no second wait: together they take the longest wait, of 7
/// seconds here as by default.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_that_fails_late_leaves_no_second_wait() {
    let (server, forwarder) = behind_a_forwarder_with(|database| {
        database.acquire_timeout = Duration::from_secs(5);
        database.statement_timeout = Duration::from_secs(2);
    })
    .await;
    let pair = server.login(None).await;
    forwarder.stall();
    let breaks = async {
        tokio::time::sleep(Duration::from_secs(6)).await;
        forwarder.cut();
        forwarder.stall();
    };
    tokio::join!(assert_unavailable("refresh", server.refresh(pair.refresh_token())), breaks);
    forwarder.heal();
    until_ready(&server).await;
    server.refresh(pair.refresh_token()).await.expect(200);
}

/// Notices that were missed are made up for: here nothing else would tell, as polls and ages are long.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_changed_while_a_replica_was_cut_off_is_known_when_it_is_back() {
    let (server, forwarder) = behind_a_forwarder().await;
    let other = server.replica().await;
    let old = server.signing_kid().await;
    assert_reading_goes_on(&server).await;
    forwarder.cut();
    other.rotate(json!({ "mode": "immediate", "alg": "ES256" })).await.expect(200);
    other.database.execute("DELETE FROM clients WHERE id = 'service'").await;
    assert_eq!(server.signing_kid().await, old);
    assert_reading_goes_on(&server).await;
    forwarder.heal();
    let learned = async {
        let form = "grant_type=client_credentials";
        while server.signing_kid().await == old
            || server.post("/oauth/token", Some("service"), form).await.status != 401
        {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(15), learned).await.expect("it learns");
}
