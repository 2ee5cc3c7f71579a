//! What access tokens say (RFC 9068) and that their signatures are good.
use crate::{
    on_both,
    support::{Database, SECRET, Server, part_of},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use mintmark::model::{Algorithm, ClientMetadata, ClientType, TokenType, UserClaims};
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey,
};
use serde_json::{Value, json};
use std::{collections::HashSet, time::Duration};

on_both!(
    a_clients_own_token_speaks_of_the_client_only,
    a_users_token_speaks_of_user_client_and_session,
    each_client_has_its_algorithm_and_type,
    the_audience_is_what_was_asked_for,
    an_empty_scope_is_not_mentioned,
    a_refresh_picks_up_changed_rights,
    every_token_has_an_id_of_its_own,
    the_lifetime_is_a_setting,
);

/// The claims, without `jti`, which is random.
fn claims(token: &str) -> Value {
    let mut claims = part_of(token, 1);
    let jti = claims.as_object_mut().unwrap().remove("jti").unwrap();
    assert!(jti.as_str().unwrap().len() >= 22, "128 random bits at least: {jti}");
    claims
}

async fn a_clients_own_token_speaks_of_the_client_only(database: Database) {
    let server = Server::start(database).await;
    let now = server.clock.now().seconds();
    let answer =
        server.post("/oauth/token", Some("service"), "grant_type=client_credentials").await;
    let expected = json!({
        "iss": server.url, "sub": "service", "aud": server.url, "client_id": "service",
        "iat": now, "nbf": now, "exp": now + 600, "scope": "read write",
    });
    assert_eq!(claims(answer.access_token()), expected);
    let header = part_of(answer.access_token(), 0);
    assert_eq!((&header["typ"], &header["alg"]), (&json!("at+jwt"), &json!("ES256")));
    assert_eq!(header.as_object().unwrap().len(), 3, "typ, alg and kid: {header}");
}

async fn a_users_token_speaks_of_user_client_and_session(database: Database) {
    let server = Server::start(database).await;
    let list = |name: &str| vec![name.to_owned()];
    let bob = UserClaims {
        email: Some("bob@example".into()),
        roles: list("admin"),
        groups: list("staff"),
        permissions: list("doors:open"),
    };
    let id = server.add_user("bob", "a password of bob", bob).await;
    let body = json!({ "username": "bob", "password": "a password of bob" });
    let login = server.post_json("/session/login", body).await.expect(200);
    let auth_time = server.clock.now().seconds();
    let mut expected = json!({
        "iss": server.url, "sub": id.to_string(), "aud": server.url, "client_id": "app",
        "iat": auth_time, "nbf": auth_time, "exp": auth_time + 600, "scope": "read write",
        "sid": login.json["sid"], "auth_time": auth_time,
        "roles": ["admin"], "groups": ["staff"], "permissions": ["doors:open"],
    });
    assert_eq!(claims(login.access_token()), expected);

    // A refresh is no login: only what tells the time of issue moves on.
    server.advance(100);
    let refreshed = server.refresh(login.refresh_token()).await.expect(200);
    for (claim, plus) in [("iat", 100), ("nbf", 100), ("exp", 700)] {
        expected[claim] = json!(auth_time + plus);
    }
    assert_eq!(claims(refreshed.access_token()), expected);

    let alice = claims(server.login(None).await.access_token());
    assert_eq!(alice["roles"], json!(["editor"]));
    assert!(alice.get("groups").or(alice.get("permissions")).is_none(), "{alice}");
}

/// Verified by another library than signs, with what the JWKS says and nothing else.
async fn assert_signed(server: &Server, token: &str) {
    let (kid, jwks) =
        (part_of(token, 0)["kid"].clone(), server.get("/.well-known/jwks.json").await);
    let key = jwks.json["keys"].as_array().unwrap().iter().find(|key| key["kid"] == kid).unwrap();
    assert_eq!(key["alg"], part_of(token, 0)["alg"]);
    let bytes = |text: &str| URL_SAFE_NO_PAD.decode(text).unwrap();
    let member = |name: &str| bytes(key[name].as_str().unwrap());
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let (signed, signature) = (signed.as_bytes(), bytes(signature));
    let verified = if key["kty"] == "RSA" {
        let key = RsaPublicKeyComponents { n: member("n"), e: member("e") };
        key.verify(&RSA_PKCS1_2048_8192_SHA256, signed, &signature)
    } else {
        let point = [vec![4], member("x"), member("y")].concat();
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(signed, &signature)
    };
    verified.unwrap();
}

async fn each_client_has_its_algorithm_and_type(database: Database) {
    let server = Server::start(database).await;
    for (client, alg, typ, header) in [
        ("one", Some(Algorithm::Rs256), TokenType::AtJwt, ("RS256", "at+jwt")),
        ("two", Some(Algorithm::Es256), TokenType::Jwt, ("ES256", "JWT")),
        ("three", Some(Algorithm::Rs256), TokenType::Jwt, ("RS256", "JWT")),
        ("four", None, TokenType::AtJwt, ("ES256", "at+jwt")),
    ] {
        let metadata = ClientMetadata {
            access_token_alg: alg,
            access_token_typ: typ,
            ..ClientMetadata::new(ClientType::Confidential, vec!["client_credentials".into()])
        };
        server.add_client(client, metadata, Some(SECRET)).await;
        let answer = server.post("/oauth/token", Some(client), "grant_type=client_credentials");
        let answer = answer.await.expect(200);
        let found = part_of(answer.access_token(), 0);
        assert_eq!((&found["alg"], &found["typ"]), (&json!(header.0), &json!(header.1)));
        assert_signed(&server, answer.access_token()).await;
    }
}

async fn the_audience_is_what_was_asked_for(database: Database) {
    let server = Server::start(database).await;
    let (a, b) = ("https://a.example", "https://b.example");
    let metadata = ClientMetadata {
        audience: vec![a.into(), b.into()],
        ..ClientMetadata::new(ClientType::Public, vec!["refresh_token".into()])
    };
    server.add_client("mobile", metadata, None).await;
    let body =
        json!({ "username": "alice", "password": crate::support::PASSWORD, "client_id": "mobile" });
    let login = server.post_json("/session/login", body).await.expect(200);
    assert_eq!(claims(login.access_token())["aud"], json!([a, b]));
    let mut token = login.refresh_token().to_owned();
    for (asked, audience) in [
        (format!("&resource={b}"), json!(b)),
        (String::new(), json!([a, b])),
        (format!("&resource={b}&resource={a}"), json!([b, a])),
    ] {
        let form =
            format!("grant_type=refresh_token&client_id=mobile&refresh_token={token}{asked}");
        let answer = server.post("/oauth/token", None, &form).await.expect(200);
        assert_eq!(claims(answer.access_token())["aud"], audience);
        answer.refresh_token().clone_into(&mut token);
    }
}

async fn an_empty_scope_is_not_mentioned(database: Database) {
    let server = Server::start(database).await;
    let grants = vec!["client_credentials".into()];
    let metadata = ClientMetadata::new(ClientType::Confidential, grants);
    server.add_client("scopeless", metadata, Some(SECRET)).await;
    let ask = server.post("/oauth/token", Some("scopeless"), "grant_type=client_credentials");
    let answer = ask.await.expect(200);
    assert!(answer.json.get("scope").is_none(), "{answer:?}");
    assert!(claims(answer.access_token()).get("scope").is_none());
}

async fn a_refresh_picks_up_changed_rights(database: Database) {
    let server = Server::start(database).await;
    let login = server.login(None).await;
    let give = async |roles: &str| {
        let claims = format!(r#"UPDATE users SET claims = '{{"roles":[{roles}]}}'"#);
        assert_eq!(server.database.execute(&claims).await, 1);
    };
    give(r#""admin","editor""#).await;
    let more = server.refresh(login.refresh_token()).await.expect(200);
    assert_eq!(claims(more.access_token())["roles"], json!(["admin", "editor"]));
    give("").await;
    // Also a retry, which moves nothing, speaks of what is now.
    let retried = server.refresh(login.refresh_token()).await.expect(200);
    assert!(claims(retried.access_token()).get("roles").is_none());
}

async fn every_token_has_an_id_of_its_own(database: Database) {
    let server = Server::start(database).await;
    let mut ids = HashSet::new();
    let mut pair = server.login(None).await;
    for _ in 0..20 {
        let own =
            server.post("/oauth/token", Some("service"), "grant_type=client_credentials").await;
        // One moves the chain, one is a retry: the same refresh token, another access token.
        let retried = pair.refresh_token().to_owned();
        pair = server.refresh(&retried).await.expect(200);
        let again = server.refresh(&retried).await.expect(200);
        for answer in [&own, &pair, &again] {
            ids.insert(part_of(answer.access_token(), 1)["jti"].as_str().unwrap().to_owned());
        }
    }
    assert_eq!(ids.len(), 60);
}

async fn the_lifetime_is_a_setting(database: Database) {
    let server = Server::with(database, |settings| {
        settings.tokens.access_token_lifetime = Duration::from_secs(90);
    })
    .await;
    let login = server.login(None).await;
    let claims = claims(login.access_token());
    assert_eq!(login.json["expires_in"], 90);
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 90);
    assert_eq!(login.json["exp"], claims["exp"]);
}
