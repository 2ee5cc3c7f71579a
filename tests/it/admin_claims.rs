//! Access tokens with the right signature at the admin API: what their claims and their kind decide
//! (RFC 9068 §4).
use crate::{
    on_both,
    support::{Database, Forger, SECRET, Server},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use mintmark::{
    config::Settings,
    model::{ClientMetadata, ClientType, TokenType},
};
use serde_json::{Value, json};

const KEYS: &str = "/admin/v1/keys";

on_both!(
    claims_decide_whether_a_token_is_for_now_and_for_here,
    absurd_claims_are_refused_and_break_nothing,
    a_token_of_more_than_8_kilobytes_is_refused,
    tokens_of_another_kind_are_refused,
    a_token_of_another_service_on_the_same_keys_is_refused,
);

/// Cases 46 and 47, at their boundaries.
async fn claims_decide_whether_a_token_is_for_now_and_for_here(database: Database) {
    let server = Server::start(database).await;
    let forger = Forger::at(&server).await;
    let now = server.clock.now().seconds();
    for (claim, value, status) in [
        ("exp", json!(now + 1), 200),
        ("exp", json!(now), 401),
        ("exp", json!(now - 300), 401),
        ("nbf", json!(now + 8), 200),
        ("nbf", json!(now + 60), 200),
        ("nbf", json!(now + 61), 401),
        ("iss", json!(format!("{}/", server.url)), 401),
        ("iss", json!("https://mint.example"), 401),
        ("iss", json!(server.url.to_uppercase()), 401),
        ("iss", json!([server.url]), 401),
        ("aud", json!("https://api.example"), 401),
        ("aud", json!(["https://api.example"]), 401),
        ("aud", json!([]), 401),
        ("aud", json!(""), 401),
        ("aud", json!(format!("{}/admin", server.url)), 401),
        ("aud", json!(["https://api.example", server.url]), 200),
        ("client_id", json!("unregistered"), 401),
        ("client_id", json!(""), 401),
        ("sid", json!("0193e5a0-0000-7000-8000-000000000000"), 401),
        ("sid", json!("no-id"), 401),
        ("sub", json!(["admin"]), 401),
        ("scope", json!(["mintmark:admin"]), 401),
        ("scope", json!(""), 403),
        ("scope", json!("mintmark:administrator MINTMARK:ADMIN keys"), 403),
    ] {
        let token = forger.sign(&forger.claims_with(claim, value.clone()));
        let answer = server.admin("GET", KEYS, &token, None).await;
        assert_eq!(answer.status, status, "{claim}: {value}: {answer:?}");
    }
    for missing in ["iss", "aud", "sub", "client_id", "exp", "nbf"] {
        let token = forger.sign(&forger.claims_with(missing, Value::Null));
        server.admin("GET", KEYS, &token, None).await.assert_refused(missing);
    }
}

/// Case 29: numbers that time arithmetic panics on.
async fn absurd_claims_are_refused_and_break_nothing(database: Database) {
    let server = Server::start(database).await;
    let forger = Forger::at(&server).await;
    let absurd = [
        json!(1e300),
        json!(-1e300),
        json!(1e19),
        json!(u64::MAX),
        json!("1700000000"),
        json!(true),
        json!([]),
        json!({}),
        json!(f64::from(u32::MAX) + 0.5),
    ];
    for claim in ["exp", "nbf"] {
        for value in &absurd {
            let token = forger.sign(&forger.claims_with(claim, value.clone()));
            let answer = server.admin("GET", KEYS, &token, None).await;
            answer.assert_refused(&format!("{claim}: {value}"));
        }
        // JSON that no library writes: out of range, and a claim that comes twice (case 23).
        for text in ["1e400", "4000000000,\"exp\":4000000000,\"nbf\":1", "99999999999999999999999"]
        {
            let claims = forger.claims_with(claim, json!("HERE")).to_string();
            let claims = claims.replace("\"HERE\"", text);
            let token = forger.sign_text(&Forger::header().to_string(), &claims);
            server.admin("GET", KEYS, &token, None).await.assert_refused(text);
        }
    }
    for (claim, value) in [("exp", i64::MIN), ("exp", -1), ("nbf", i64::MAX)] {
        let token = forger.sign(&forger.claims_with(claim, json!(value)));
        server.admin("GET", KEYS, &token, None).await.assert_refused(claim);
    }
    for (claim, value) in [("exp", i64::MAX), ("nbf", i64::MIN)] {
        let token = forger.sign(&forger.claims_with(claim, json!(value)));
        server.admin("GET", KEYS, &token, None).await.expect(200);
    }
}

/// Case 31.
async fn a_token_of_more_than_8_kilobytes_is_refused(database: Database) {
    let server = Server::start(database).await;
    let forger = Forger::at(&server).await;
    let padded = |bytes: usize| forger.sign(&forger.claims_with("pad", json!("x".repeat(bytes))));
    for (bytes, status) in [(100, 200), (5_500, 200), (6_200, 401), (20_000, 401), (64_000, 401)] {
        let token = padded(bytes);
        let answer = server.admin("GET", KEYS, &token, None).await;
        assert_eq!(answer.status, status, "a token of {} bytes", token.len());
    }
    // Longer than the HTTP layer reads at all: an answer or a closed connection, and no harm.
    let request = reqwest::Client::new().get(format!("{}{KEYS}", server.url));
    let request = request.bearer_auth(padded(1_000_000));
    if let Ok(answer) = request.send().await {
        assert!((400..500).contains(&answer.status().as_u16()), "{answer:?}");
    }
    server.admin("GET", KEYS, &server.admin_token().await, None).await.expect(200);
}

/// Case 41, and `typ` (RFC 8725 §3.11).
async fn tokens_of_another_kind_are_refused(database: Database) {
    let server = Server::start(database).await;
    let forger = Forger::at(&server).await;
    for typ in ["JWT", "AT+JWT", "application/at+jwt", "dpop+jwt", "logout+jwt", ""] {
        let header = json!({ "typ": typ, "alg": "ES256", "kid": Forger::KID }).to_string();
        server.admin("GET", KEYS, &forger.sign_under(&header), None).await.assert_refused(typ);
    }
    let pair = server.login(None).await;
    server.admin("GET", KEYS, pair.refresh_token(), None).await.assert_refused("refresh token");
    server.admin("GET", KEYS, SECRET, None).await.assert_refused("client secret");
    let basic = URL_SAFE_NO_PAD.encode(format!("admin:{SECRET}"));
    server.admin("GET", KEYS, &basic, None).await.assert_refused("Basic as Bearer");
    // Registered for tokens of type JWT, an administrator gets ones that are refused here.
    let metadata = ClientMetadata {
        access_token_typ: TokenType::Jwt,
        scope: "mintmark:admin".parse().unwrap(),
        ..ClientMetadata::new(ClientType::Confidential, vec!["client_credentials".into()])
    };
    server.add_client("jwt-admin", metadata, Some(SECRET)).await;
    let form = "grant_type=client_credentials";
    let token = server.post("/oauth/token", Some("jwt-admin"), form).await.expect(200);
    server.admin("GET", KEYS, token.access_token(), None).await.assert_refused("typ JWT");
}

/// Two issuers on one database share keys, and still are two services.
async fn a_token_of_another_service_on_the_same_keys_is_refused(database: Database) {
    let tenant = |settings: &mut Settings| settings.issuer += "/tenant";
    let first = Server::with(database, tenant).await;
    let token = first.admin_token().await;
    first.admin("GET", KEYS, &token, None).await.expect(200);
    let clone = Database { url: first.database.url.clone(), dir: tempfile::tempdir().unwrap() };
    let name = "master.key";
    let master_key = first.database.dir.path().join(name);
    std::fs::copy(master_key, clone.dir.path().join(name)).unwrap();
    let second = Server::bare(clone, |_| ()).await;
    second.admin("GET", KEYS, &token, None).await.assert_refused("another issuer");
    second.admin("GET", KEYS, &second.admin_token().await, None).await.expect(200);
}
