//! Introspection answers as JWTs (RFC 9701).
use crate::{
    on_both,
    support::{Answer, Database, ResourceServer, SECRET, Server, basic, part_of},
};
use mintmark::model::{Algorithm, ClientMetadata, ClientType};
use serde_json::json;

const JWT: &str = "application/token-introspection+jwt";

on_both!(
    an_answer_is_signed_for_who_asked,
    the_algorithm_is_the_clients,
    only_who_wants_a_jwt_gets_one,
    a_signed_answer_is_no_token,
);

async fn ask(server: &Server, client: &str, token: &str, accept: &[&str]) -> Answer {
    let mut request = server.form("/oauth/introspect", &format!("token={token}"));
    for accept in accept {
        request = request.header("accept", *accept);
    }
    Answer::to(request.header("authorization", basic(client, SECRET))).await
}

async fn an_answer_is_signed_for_who_asked(database: Database) {
    let server = Server::start(database).await;
    server.add_resource_server().await;
    let login = server.login(None).await;
    let plain = server.introspect("api", login.access_token()).await.json;
    let verifier = ResourceServer::fetch(&server).await;
    let inactive = json!({ "active": false });
    for (client, token, told) in [
        ("api", login.access_token(), &plain),
        ("api", "unknown", &inactive),
        ("other", login.access_token(), &inactive),
    ] {
        let answer = ask(&server, client, token, &[JWT]).await.expect(200);
        assert_eq!(answer.header("content-type"), Some(JWT));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert!(verifier.accepts(&answer.text), "{answer:?}");
        let header = part_of(&answer.text, 0);
        assert_eq!(header["typ"], "token-introspection+jwt");
        assert_eq!(header["alg"], "RS256", "RFC 9701 §6");
        let now = server.clock.now().seconds();
        let claims = json!({
            "iss": server.url, "aud": client, "iat": now, "token_introspection": told,
        });
        assert_eq!(part_of(&answer.text, 1), claims);
    }
    // What cannot be answered is an error in JSON.
    let refused = ask(&server, "app", login.access_token(), &[JWT]).await;
    assert_eq!(refused.rejection(), (401, "invalid_client"));
}

async fn the_algorithm_is_the_clients(database: Database) {
    let server = Server::start(database).await;
    let verifier = ResourceServer::fetch(&server).await;
    // PS256 is not switched on: the default of the service signs.
    for (alg, expected) in
        [(Algorithm::Es256, "ES256"), (Algorithm::Rs256, "RS256"), (Algorithm::Ps256, "ES256")]
    {
        let metadata = ClientMetadata {
            introspection_signed_response_alg: Some(alg),
            ..ClientMetadata::new(ClientType::Confidential, vec![])
        };
        server.add_client(alg.as_str(), metadata, Some(SECRET)).await;
        let answer = ask(&server, alg.as_str(), "unknown", &[JWT]).await.expect(200);
        assert_eq!(part_of(&answer.text, 0)["alg"], expected);
        assert!(verifier.accepts(&answer.text));
    }
}

async fn only_who_wants_a_jwt_gets_one(database: Database) {
    let server = Server::start(database).await;
    for (accept, signed) in [
        (&[JWT][..], true),
        (&["application/json;q=0.5", JWT], true),
        (&["application/token-introspection+jwt;q=0.9, */*;q=0.1"], true),
        (&["application/json"], false),
        (&["*/*"], false),
        (&["text/html"], false),
        (&["application/json, application/token-introspection+jwt;q=0.5"], false),
        (&["application/token-introspection+jwt;q=0"], false),
    ] {
        let answer = ask(&server, "service", "unknown", accept).await.expect(200);
        let expected = if signed { JWT } else { "application/json" };
        assert_eq!(answer.header("content-type"), Some(expected), "{accept:?}");
    }
}

/// RFC 9701 §8.1: it cannot be used in place of the token that it tells of.
async fn a_signed_answer_is_no_token(database: Database) {
    let server = Server::start(database).await;
    server.add_resource_server().await;
    let admin = server.admin_token().await;
    let answer = ask(&server, "api", &admin, &[JWT]).await.expect(200);
    assert_eq!(part_of(&answer.text, 1)["token_introspection"]["active"], true);
    server.admin("GET", "/admin/v1/keys", &answer.text, None).await.assert_refused("an answer");
    assert!(!server.is_active(&answer.text).await);
}
