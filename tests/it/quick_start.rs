//! The way of a newcomer, from nothing to a rotation that nobody notices.
use crate::{
    on_both,
    support::{Database, Server, part_of},
};

on_both!(a_token_a_pair_a_refresh_and_a_rotation);

async fn a_token_a_pair_a_refresh_and_a_rotation(database: Database) {
    let server = Server::start(database).await;
    let own = server.post("/oauth/token", Some("service"), "grant_type=client_credentials").await;
    let own = own.expect(200);
    assert_eq!((own.text_of("token_type"), own.text_of("scope")), ("Bearer", "read write"));
    assert!(own.json["refresh_token"].is_null());

    let pair = server.login(Some("phone")).await;
    let refreshed = server.refresh(pair.refresh_token()).await.expect(200);
    assert_ne!(refreshed.refresh_token(), pair.refresh_token());
    assert_eq!(part_of(refreshed.access_token(), 1)["sid"], pair.json["sid"]);

    let kid = |token: &str| part_of(token, 0)["kid"].clone();
    let before = kid(refreshed.access_token());
    let rotate = Some(serde_json::json!({ "mode": "immediate" }));
    let admin = server.admin_token().await;
    server.admin("POST", "/admin/v1/keys/rotate", &admin, rotate).await.expect(200);
    let after = server.refresh(refreshed.refresh_token()).await.expect(200);
    assert_ne!(kid(after.access_token()), before);
    let jwks = server.get("/.well-known/jwks.json").await.json;
    let kids: Vec<_> = jwks["keys"].as_array().unwrap().iter().map(|key| &key["kid"]).collect();
    assert!(kids.contains(&&before) && kids.contains(&&kid(after.access_token())));
}
