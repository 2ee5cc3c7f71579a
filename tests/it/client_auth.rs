//! How a client proves who it is (RFC 6749 §2.3), as far as secrets go.
use crate::{
    on_both,
    support::{Answer, Database, SECRET, Server, basic},
};
use mintmark::{
    model::{ClientMetadata, ClientType},
    secret::SecretHash,
};
use std::time::Duration;
use url::form_urlencoded::byte_serialize;

on_both!(
    whoever_proves_nothing_is_told_nothing,
    credentials_work_in_the_body_and_by_basic_encoded_and_raw,
    a_client_authenticates_in_one_way_and_names_one_client,
    an_authorization_header_that_is_not_basic_is_refused,
    a_public_client_gets_no_token_of_its_own,
    two_secrets_overlap_and_the_older_ends_on_time,
    of_three_secrets_the_oldest_ends_at_once,
);

const GRANT: &str = "grant_type=client_credentials";

/// Asks for a token with these `Authorization` headers.
async fn ask(server: &Server, headers: &[String], more: &str) -> Answer {
    let mut request = server.form("/oauth/token", &format!("{GRANT}{more}"));
    for value in headers {
        request = request.header("authorization", value);
    }
    Answer::to(request).await
}

fn confidential() -> ClientMetadata {
    ClientMetadata::new(ClientType::Confidential, vec!["client_credentials".into()])
}

const PROVE_NOTHING_IN_THE_BODY: &[&str] = &[
    "",
    "&client_id=",
    "&client_id=service",
    "&client_id=service&client_secret=",
    "&client_id=service&client_secret=wrong",
    "&client_id=nobody&client_secret=wrong",
    "&client_id=nobody",
    "&client_id=SERVICE&client_secret=mint_cs_of-a-test",
    "&client_id=service%20&client_secret=mint_cs_of-a-test",
    "&client_id=service%E2%80%8B&client_secret=mint_cs_of-a-test",
    "&client_id=service%00&client_secret=mint_cs_of-a-test",
    "&client_id=service&client_secret=mint_cs_of-a-test%00",
    "&client_id=app&client_secret=wrong",
];

/// An unknown client and a wrong secret look alike, whatever is wrong with it (RFC 6749 §5.2).
async fn whoever_proves_nothing_is_told_nothing(database: Database) {
    let server = Server::start(database).await;
    // Of bcrypt's length and beyond: what comes after its 72 bytes has to count.
    let long = "s".repeat(72);
    let right = format!("{long}1");
    server.add_client("long", confidential(), Some(&right)).await;
    let mut refusals = Vec::new();
    for form in PROVE_NOTHING_IN_THE_BODY {
        refusals.push(((*form).to_owned(), ask(&server, &[], form).await));
    }
    for (id, secret) in [
        ("service", "wrong"),
        ("service", ""),
        ("service", &format!("{SECRET} ")),
        ("service", &SECRET.to_uppercase()),
        ("service", &SECRET[..SECRET.len() - 1]),
        ("service", &format!("{SECRET}%00")),
        ("long", &long),
        ("long", &format!("{long}2")),
        ("nobody", SECRET),
        ("", SECRET),
        ("app", SECRET),
        ("%zz", SECRET),
    ] {
        refusals.push((format!("{id}:{secret}"), ask(&server, &[basic(id, secret)], "").await));
    }
    for (sent, answer) in &refusals {
        assert_eq!(answer.rejection(), (401, "invalid_client"), "{sent}");
        assert_eq!(answer.header("www-authenticate"), Some(r#"Basic realm="mintmark""#), "{sent}");
        assert_eq!(answer.text, refusals[0].1.text, "{sent}");
    }
    ask(&server, &[basic("long", &right)], "").await.expect(200);
}

/// RFC 6749 §2.3.1 has id and secret encoded before they go into Basic; many clients do not.
async fn credentials_work_in_the_body_and_by_basic_encoded_and_raw(database: Database) {
    let server = Server::start(database).await;
    let secret = "s: %+&=%41ü";
    let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
    for id in ["a:b%c+d&e=f", "a%41", "https://app.example/client.json?x=%20"] {
        server.add_client(id, confidential(), Some(secret)).await;
        let by_basic = [basic(&encoded(id), &encoded(secret))];
        ask(&server, &by_basic, "").await.expect(200);
        ask(&server, &by_basic, &format!("&client_id={}", encoded(id))).await.expect(200);
        let body = format!("&client_id={}&client_secret={}", encoded(id), encoded(secret));
        ask(&server, &[], &body).await.expect(200);
        ask(&server, &[basic(&encoded(id), &encoded("s: %+&=Aü"))], "").await.expect(401);
    }
    // Raw, an id with a colon cannot be told from its secret (RFC 7617 §2).
    for id in ["a%c+d&e=f", "a+b", "plain"] {
        server.add_client(id, confidential(), Some(secret)).await;
        ask(&server, &[basic(id, secret)], "").await.expect(200);
        ask(&server, &[basic(id, "s: %+&=Aü")], "").await.expect(401);
    }
    let scheme = basic("service", SECRET).replace("Basic", "bAsIc");
    ask(&server, &[scheme], "").await.expect(200);
}

async fn a_client_authenticates_in_one_way_and_names_one_client(database: Database) {
    let server = Server::start(database).await;
    let header = || basic("service", SECRET);
    for (headers, form) in [
        (vec![header()], format!("&client_secret={SECRET}")),
        (vec![header()], format!("&client_id=service&client_secret={SECRET}")),
        (vec![header()], "&client_secret=wrong".to_owned()),
        (vec![header()], "&client_id=other".to_owned()),
        (vec![header()], "&client_id=nobody".to_owned()),
        (vec![header(), header()], String::new()),
        (vec![header(), basic("other", SECRET)], String::new()),
    ] {
        let answer = ask(&server, &headers, &form).await;
        assert_eq!(answer.rejection(), (400, "invalid_request"), "{headers:?} {form}");
    }
    ask(&server, &[header()], "&client_id=service").await.expect(200);
    ask(&server, &[header()], "&client_secret=").await.expect(200);
}

async fn an_authorization_header_that_is_not_basic_is_refused(database: Database) {
    let server = Server::start(database).await;
    let bearer = format!("Bearer {}", server.admin_token().await);
    for header in ["Basic", "Basic ", "Basic !!", "Basic c2VydmljZQ==", "Basic /w==", "Digest x=y"]
        .map(str::to_owned)
        .into_iter()
        .chain([bearer, format!("Basic {SECRET}"), format!("  {SECRET}")])
    {
        let answer = ask(&server, std::slice::from_ref(&header), "").await;
        assert_eq!(answer.rejection(), (400, "invalid_request"), "{header}");
        // Nor does a right secret beside it help.
        let right = format!("&client_id=service&client_secret={SECRET}");
        let answer = ask(&server, &[header], &right).await;
        assert_eq!(answer.rejection(), (400, "invalid_request"));
    }
}

/// RFC 6749 §4.4: it has nothing to exchange, even if its registration says otherwise.
async fn a_public_client_gets_no_token_of_its_own(database: Database) {
    let server = Server::start(database).await;
    let metadata = ClientMetadata { client_type: ClientType::Public, ..confidential() };
    server.add_client("misregistered", metadata, None).await;
    for client in ["app", "misregistered"] {
        let answer = ask(&server, &[], &format!("&client_id={client}")).await;
        assert_eq!(answer.rejection(), (400, "unauthorized_client"), "{client}");
        let answer = ask(&server, &[basic(client, "")], "").await;
        assert_eq!(answer.rejection(), (400, "unauthorized_client"), "{client}");
    }
}

async fn add_secret(server: &Server, client: &str, secret: &str, overlap: Duration) {
    let (now, hash) = (server.clock.now(), SecretHash::of(secret));
    let mut conn = server.app.store.write().await.unwrap();
    let client = client.parse().unwrap();
    conn.insert_client_secret(&client, &hash, now, now + overlap).await.unwrap();
    conn.commit().await.unwrap();
}

async fn two_secrets_overlap_and_the_older_ends_on_time(database: Database) {
    let server = Server::start(database).await;
    server.add_client("web", confidential(), Some("old")).await;
    add_secret(&server, "web", "new", Duration::from_hours(1)).await;
    let statuses = async || {
        let old = ask(&server, &[basic("web", "old")], "").await.status;
        (old, ask(&server, &[basic("web", "new")], "").await.status)
    };
    assert_eq!(statuses().await, (200, 200));
    server.clock.advance(Duration::from_millis(3_599_999));
    assert_eq!(statuses().await, (200, 200));
    server.clock.advance(Duration::from_millis(1));
    assert_eq!(statuses().await, (401, 200));
}

async fn of_three_secrets_the_oldest_ends_at_once(database: Database) {
    let server = Server::start(database).await;
    server.add_client("web", confidential(), Some("first")).await;
    for secret in ["second", "third"] {
        server.advance(1);
        add_secret(&server, "web", secret, Duration::from_hours(1)).await;
    }
    for (secret, status) in [("first", 401), ("second", 200), ("third", 200)] {
        ask(&server, &[basic("web", secret)], "").await.expect(status);
    }
}
