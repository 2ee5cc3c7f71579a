//! The metadata documents (RFC 8414, OpenID Connect Discovery 1.0) and the issuer they name.
use crate::{
    on_both,
    support::{Answer, Database, SECRET, Server, part_of},
};

const DOCUMENTS: [&str; 2] =
    ["/.well-known/openid-configuration", "/.well-known/oauth-authorization-server"];

on_both!(
    the_endpoints_listed_are_there,
    the_grants_and_the_methods_listed_are_those_that_work,
    an_issuer_with_a_path_is_found_in_every_way,
    no_header_moves_the_issuer,
);

async fn the_endpoints_listed_are_there(database: Database) {
    let server = Server::start(database).await;
    let document = server.get(DOCUMENTS[0]).await.expect(200).json;
    assert_eq!(document, server.get(DOCUMENTS[1]).await.expect(200).json);
    assert_eq!(document["issuer"], server.url);
    let endpoints = document.as_object().unwrap().iter();
    for (name, url) in
        endpoints.filter(|(name, _)| name.ends_with("_endpoint") || name.ends_with("_uri"))
    {
        let path = url.as_str().unwrap().strip_prefix(&server.url).expect("under the issuer");
        let status = match name.as_str() {
            "jwks_uri" => server.get(path).await.status,
            _ => server.post(path, Some("service"), "token=unknown").await.status,
        };
        assert!(status < 404, "{name} at {path} answers {status}");
    }
}

async fn the_grants_and_the_methods_listed_are_those_that_work(database: Database) {
    let server = Server::start(database).await;
    let document = server.get(DOCUMENTS[0]).await.expect(200).json;
    let listed = |name: &str| -> Vec<String> {
        let names = document[name].as_array().unwrap().iter();
        names.map(|name| name.as_str().unwrap().to_owned()).collect()
    };
    for grant in [
        "authorization_code",
        "client_credentials",
        "implicit",
        "password",
        "refresh_token",
        "urn:ietf:params:oauth:grant-type:device_code",
        "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "urn:ietf:params:oauth:grant-type:token-exchange",
    ] {
        let form = format!("grant_type={grant}");
        let answer = server.post("/oauth/token", Some("service"), &form).await;
        let known = answer.rejection().1 != "unsupported_grant_type";
        assert_eq!(listed("grant_types_supported").contains(&grant.to_owned()), known, "{grant}");
    }
    for endpoint in ["token", "revocation"] {
        let methods = listed(&format!("{endpoint}_endpoint_auth_methods_supported"));
        assert_eq!(methods, ["client_secret_basic", "client_secret_post", "none"]);
    }
    let methods = listed("introspection_endpoint_auth_methods_supported");
    assert_eq!(methods, ["client_secret_basic", "client_secret_post"]);
    let algorithms = listed("introspection_signing_alg_values_supported");
    assert_eq!(algorithms, ["RS256", "ES256"]);
    let by_post = format!("grant_type=client_credentials&client_id=service&client_secret={SECRET}");
    server.post("/oauth/token", None, &by_post).await.expect(200);
    server.post("/oauth/token", Some("service"), "grant_type=client_credentials").await.expect(200);
    let pair = server.login(None).await;
    server.refresh(pair.refresh_token()).await.expect(200);
}

async fn an_issuer_with_a_path_is_found_in_every_way(database: Database) {
    let with_a_path = |settings: &mut mintmark::config::Settings| settings.issuer += "/tenant/a";
    let server = Server::with(database, with_a_path).await;
    let issuer = format!("{}/tenant/a", server.url);
    // Appended (OpenID Connect Discovery 1.0 §4) and inserted (RFC 8414 §3.1).
    for document in DOCUMENTS {
        for path in
            [format!("/tenant/a{document}"), format!("{document}/tenant/a"), document.into()]
        {
            let metadata = server.get(&path).await.expect(200).json;
            assert_eq!(metadata["issuer"], issuer, "{path}");
            assert_eq!(metadata["token_endpoint"], format!("{issuer}/oauth/token"));
            assert_eq!(metadata["jwks_uri"], format!("{issuer}/.well-known/jwks.json"));
        }
        assert_eq!(server.get(&format!("{document}/tenant/b")).await.status, 404);
    }
    for prefix in ["", "/tenant/a"] {
        let jwks = server.get(&format!("{prefix}/.well-known/jwks.json")).await.expect(200);
        assert_eq!(jwks.json["keys"].as_array().unwrap().len(), 2);
        let path = format!("{prefix}/oauth/token");
        let token = server.post(&path, Some("admin"), "grant_type=client_credentials").await;
        let token = token.expect(200).access_token().to_owned();
        assert_eq!(part_of(&token, 1)["iss"], issuer);
        server.admin("GET", &format!("{prefix}/admin/v1/keys"), &token, None).await.expect(200);
        server.get(&format!("{prefix}/health/ready")).await.expect(200);
    }
    let refused = server.get("/tenant/a/nothing").await.expect(404);
    assert_eq!(refused.json["error_uri"], format!("{issuer}/help/errors/not_found"));
    assert_eq!(server.get("/tenant/aa/.well-known/jwks.json").await.status, 404);
}

/// RFC 8414 §3.3: whoever could choose the issuer could impersonate it.
async fn no_header_moves_the_issuer(database: Database) {
    let server = Server::start(database).await;
    let jwks = server.get("/.well-known/jwks.json").await.text;
    for (name, value) in [
        ("host", "evil.example"),
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-prefix", "/evil"),
        ("forwarded", "host=evil.example;proto=https"),
        ("x-original-url", "https://evil.example/"),
    ] {
        for document in DOCUMENTS {
            let request = server.http.get(format!("{}{document}", server.url));
            let answer = Answer::to(request.header(name, value)).await.expect(200);
            assert_eq!(answer.json["issuer"], server.url, "{name}");
            assert!(!answer.text.contains("evil") && !answer.text.contains("https:"), "{name}");
        }
        let request = server.http.get(format!("{}/.well-known/jwks.json", server.url));
        assert_eq!(Answer::to(request.header(name, value)).await.text, jwks, "{name}");
        let request = server.http.post(format!("{}/oauth/token", server.url));
        let request = request
            .header(name, value)
            .basic_auth("service", Some(SECRET))
            .form(&[("grant_type", "client_credentials")]);
        let token = Answer::to(request).await.expect(200).access_token().to_owned();
        assert_eq!(part_of(&token, 1)["iss"], server.url, "{name}");
        let request = server.http.get(format!("{}/admin/v1/keys", server.url));
        let refused = Answer::to(request.header(name, value)).await.expect(401);
        assert!(!refused.text.contains("evil"), "{name}: {}", refused.text);
    }
}
