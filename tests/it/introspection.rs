//! Token introspection (RFC 7662): who is told what, of which tokens.
use crate::{
    on_both,
    support::{API, Database, Forger, SECRET, Server, part_of},
};
use mintmark::model::{ClientMetadata, ClientType, TokenType};
use serde_json::{Value, json};

const INACTIVE: &str = r#"{"active":false}"#;

on_both!(
    a_resource_server_is_told_what_the_token_says,
    a_client_is_told_of_its_own_tokens,
    others_are_told_nothing,
    only_a_client_that_proves_who_it_is_may_ask,
    a_hint_changes_no_answer,
    what_is_no_token_is_inactive,
    claims_decide_whether_a_token_is_active,
    a_token_of_type_jwt_is_known_if_its_client_has_such,
);

async fn a_resource_server_is_told_what_the_token_says(database: Database) {
    let server = Server::start(database).await;
    server.add_resource_server().await;
    let login = server.login_with("shop", None).await;
    let answer = server.introspect("api", login.access_token()).await.expect(200);
    let mut expected = part_of(login.access_token(), 1);
    assert_eq!(expected["aud"], API);
    assert_eq!(expected["roles"], json!(["editor"]));
    for (name, value) in [("active", json!(true)), ("token_type", json!("Bearer"))] {
        expected[name] = value;
    }
    expected["username"] = json!("alice");
    assert_eq!(answer.json, expected);
    assert_eq!(answer.header("content-type"), Some("application/json"));
    assert_eq!(answer.header("cache-control"), Some("no-store"));

    // One of several audiences is enough.
    let several = ClientMetadata {
        audience: vec!["https://other.example".into(), API.into()],
        ..ClientMetadata::new(ClientType::Confidential, vec!["client_credentials".into()])
    };
    server.add_client("several", several, Some(SECRET)).await;
    let form = "grant_type=client_credentials";
    let token = server.post("/oauth/token", Some("several"), form).await.expect(200);
    let answer = server.introspect("api", token.access_token()).await.expect(200);
    assert_eq!(answer.json["aud"], json!(["https://other.example", API]));
    let form = format!("{form}&resource=https://other.example");
    let token = server.post("/oauth/token", Some("several"), &form).await.expect(200);
    assert!(!server.is_active(token.access_token()).await);
}

async fn a_client_is_told_of_its_own_tokens(database: Database) {
    let server = Server::start(database).await;
    let own = server.post("/oauth/token", Some("service"), "grant_type=client_credentials").await;
    let answer = server.introspect("service", own.access_token()).await.expect(200).json;
    assert_eq!((&answer["active"], &answer["sub"]), (&json!(true), &json!("service")));
    assert!(answer.get("username").is_none() && answer.get("sid").is_none(), "{answer}");

    let login = server.login_with_service().await;
    let answer = server.introspect("service", login.access_token()).await.expect(200).json;
    assert_eq!((&answer["active"], &answer["username"]), (&json!(true), &json!("alice")));
    let now = server.clock.now().seconds();
    let of_refresh = |iat: i64, exp: i64| {
        json!({
            "active": true, "iss": server.url, "client_id": "service", "sub": login.json["sub"],
            "scope": "read write", "sid": login.json["sid"], "username": "alice",
            "iat": iat, "exp": exp,
        })
    };
    let day = 24 * 60 * 60;
    let answer = server.introspect("service", login.refresh_token()).await.expect(200);
    assert_eq!(answer.json, of_refresh(now, now + 30 * day));
    // The last use counts, and near its end the absolute lifetime.
    let mut token = login.refresh_token().to_owned();
    for passed in [20, 40, 60, 80] {
        server.advance(20 * 24 * 60 * 60);
        let next = server.refresh_with_service(&token).await.expect(200);
        next.refresh_token().clone_into(&mut token);
        let answer = server.introspect("service", &token).await.expect(200);
        let end = now + 90.min(passed + 30) * day;
        assert_eq!(answer.json, of_refresh(now + passed * day, end));
    }
}

/// Case 217. A refresh token is nobody's business but its client's.
async fn others_are_told_nothing(database: Database) {
    let server = Server::start(database).await;
    server.add_resource_server().await;
    let (login, own) = (server.login_with_service().await, server.login_with("shop", None).await);
    for (client, token) in [
        ("other", login.access_token()),
        ("other", login.refresh_token()),
        ("other", own.access_token()),
        ("api", login.refresh_token()),
        ("api", own.refresh_token()),
        ("service", own.access_token()),
        ("service", own.refresh_token()),
    ] {
        let answer = server.introspect(client, token).await.expect(200);
        assert_eq!(answer.text, INACTIVE, "{client} and {token}");
        assert_eq!(answer.header("content-type"), Some("application/json"));
    }
    assert!(server.is_active(login.access_token()).await, "it is for this service");
    assert!(server.is_active(own.access_token()).await);
}

/// Case 215.
async fn only_a_client_that_proves_who_it_is_may_ask(database: Database) {
    let server = Server::start(database).await;
    server.add_resource_server().await;
    let login = server.login(None).await;
    let token = login.access_token();
    for more in [
        "",
        "&client_id=app",
        "&client_id=api",
        "&client_id=api&client_secret=wrong",
        "&client_id=nobody",
    ] {
        let answer = server.post("/oauth/introspect", None, &format!("token={token}{more}")).await;
        assert_eq!(answer.rejection(), (401, "invalid_client"), "{more}");
        assert_eq!(answer.header("www-authenticate"), Some(r#"Basic realm="mintmark""#), "{more}");
    }
    for form in ["", "token=", "token_type_hint=access_token", "token=a&token=b"] {
        let answer = server.post("/oauth/introspect", Some("api"), form).await;
        assert_eq!(answer.rejection(), (400, "invalid_request"), "{form}");
    }
    let by_body = format!("token={token}&client_id=api&client_secret={SECRET}");
    let answer = server.post("/oauth/introspect", None, &by_body).await.expect(200);
    assert_eq!(answer.json["active"], true);
    let in_the_query = server.get(&format!("/oauth/introspect?token={token}")).await;
    assert_eq!(in_the_query.status, 405);
}

async fn a_hint_changes_no_answer(database: Database) {
    let server = Server::start(database).await;
    let login = server.login_with_service().await;
    for token in [login.access_token(), login.refresh_token(), "unknown"] {
        let plain = server.introspect("service", token).await.expect(200).text;
        for hint in ["access_token", "refresh_token", "unheard_of", ""] {
            let form = format!("token={token}&token_type_hint={hint}");
            let answer = server.post("/oauth/introspect", Some("service"), &form).await.expect(200);
            assert_eq!(answer.text, plain, "{hint}");
        }
    }
}

/// Case 216.
async fn what_is_no_token_is_inactive(database: Database) {
    let server = Server::start(database).await;
    server.add_resource_server().await;
    let forger = Forger::at(&server).await;
    let login = server.login(None).await;
    let (access, refresh) = (login.access_token(), login.refresh_token());
    let long = "x".repeat(60_000);
    let padded = forger.sign(&forger.claims_with("pad", json!("x".repeat(20_000))));
    for text in [
        "unknown",
        "..",
        "%00",
        SECRET,
        &long,
        &padded,
        &format!("{access}A"),
        &access[..access.len() - 4],
        &format!("{refresh}A"),
        &refresh.replace("mint_rt_", ""),
        &forger.sign_as_stranger(|_| Forger::header()),
        &forger.sign_as_stranger(
            |jwk| json!({ "typ": "at+jwt", "alg": "ES256", "kid": "made-up", "jwk": jwk }),
        ),
        &forger.sign_under(r#"{"typ":"at+jwt","alg":"none","kid":"of-the-forger"}"#),
        &forger
            .sign_under(r#"{"typ":"token-introspection+jwt","alg":"ES256","kid":"of-the-forger"}"#),
    ] {
        let answer = server.introspect("api", text).await.expect(200);
        assert_eq!(answer.text, INACTIVE, "{text}");
    }
    assert!(server.is_active(&forger.sign(&forger.claims())).await);
}

/// With the right signature, at their boundaries.
async fn claims_decide_whether_a_token_is_active(database: Database) {
    let server = Server::start(database).await;
    server.add_resource_server().await;
    let forger = Forger::at(&server).await;
    let now = server.clock.now().seconds();
    for (claim, value, active) in [
        ("exp", json!(now + 1), true),
        ("exp", json!(now), false),
        ("nbf", json!(now + 60), true),
        ("nbf", json!(now + 61), false),
        ("iss", json!("https://mint.example"), false),
        ("iss", json!(format!("{}/", server.url)), false),
        ("aud", json!("https://other.example"), false),
        ("aud", json!([]), false),
        ("aud", json!(["https://other.example", API]), true),
        ("client_id", json!("unregistered"), false),
        ("sid", json!("0193e5a0-0000-7000-8000-000000000000"), false),
        ("iat", json!(now - 1), false),
        ("iat", json!(now), true),
        ("jti", Value::Null, false),
        ("sub", Value::Null, false),
        ("exp", Value::Null, false),
        ("client_id", Value::Null, false),
    ] {
        let token = forger.sign(&forger.claims_with(claim, value.clone()));
        assert_eq!(server.is_active(&token).await, active, "{claim}: {value}");
    }
}

async fn a_token_of_type_jwt_is_known_if_its_client_has_such(database: Database) {
    let server = Server::start(database).await;
    server.add_resource_server().await;
    let forger = Forger::at(&server).await;
    let header = r#"{"typ":"JWT","alg":"ES256","kid":"of-the-forger"}"#;
    assert!(!server.is_active(&forger.sign_under(header)).await, "admin has at+jwt");
    let metadata = ClientMetadata {
        access_token_typ: TokenType::Jwt,
        ..ClientMetadata::new(ClientType::Confidential, vec!["client_credentials".into()])
    };
    server.add_client("old", metadata, Some(SECRET)).await;
    let token = server.post("/oauth/token", Some("old"), "grant_type=client_credentials").await;
    assert_eq!(part_of(token.access_token(), 0)["typ"], "JWT");
    assert!(server.is_active(token.access_token()).await);
}
