//! Every signing algorithm, switched on: what the JWKS holds of it, and that its tokens verify.
use crate::{
    on_both,
    support::{Database, ResourceServer, SECRET, Server, part_of},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use mintmark::model::{Algorithm, ClientMetadata, ClientType};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

on_both!(
    each_algorithm_has_a_key_with_the_members_of_its_kind,
    each_client_gets_tokens_of_its_algorithm_that_verify,
    an_algorithm_that_is_switched_on_later_gets_its_keys,
);

async fn with_all_algorithms(database: Database) -> Server {
    Server::with(database, |settings| settings.keys.algorithms = Algorithm::ALL.to_vec()).await
}

async fn each_algorithm_has_a_key_with_the_members_of_its_kind(database: Database) {
    let server = with_all_algorithms(database).await;
    let jwks = server.get("/.well-known/jwks.json").await.expect(200).json;
    let keys: BTreeMap<_, Map<String, Value>> = jwks["keys"]
        .as_array()
        .unwrap()
        .iter()
        .map(|key| (key["alg"].as_str().unwrap(), key.as_object().unwrap().clone()))
        .collect();
    assert_eq!(jwks["keys"].as_array().unwrap().len(), Algorithm::ALL.len());
    for (alg, kty, crv, numbers) in [
        ("RS256", "RSA", None, &[("n", 256), ("e", 3)][..]),
        ("PS256", "RSA", None, &[("n", 256), ("e", 3)]),
        ("ES256", "EC", Some("P-256"), &[("x", 32), ("y", 32)]),
        ("ES384", "EC", Some("P-384"), &[("x", 48), ("y", 48)]),
        ("EdDSA", "OKP", Some("Ed25519"), &[("x", 32)]),
    ] {
        let mut key = keys[alg].clone();
        assert!(key.remove("kid").is_some_and(|kid| kid.as_str().unwrap().len() == 43), "{alg}");
        for &(name, bytes) in numbers {
            let number = key.remove(name).unwrap_or_else(|| panic!("{alg} has no {name}"));
            let number = URL_SAFE_NO_PAD.decode(number.as_str().unwrap()).unwrap();
            assert_eq!(number.len(), bytes, "{name} of {alg}");
        }
        let mut rest = json!({ "alg": alg, "kty": kty, "use": "sig" });
        if let Some(crv) = crv {
            rest["crv"] = json!(crv);
        }
        assert_eq!(Value::Object(key), rest);
    }
}

/// An access token of a client of its own.
async fn token_of(server: &Server, alg: Algorithm) -> String {
    let grants = vec!["client_credentials".to_owned()];
    let metadata = ClientMetadata {
        access_token_alg: Some(alg),
        ..ClientMetadata::new(ClientType::Confidential, grants)
    };
    server.add_client(alg.as_str(), metadata, Some(SECRET)).await;
    let form = "grant_type=client_credentials";
    let answer = server.post("/oauth/token", Some(alg.as_str()), form).await.expect(200);
    answer.access_token().to_owned()
}

async fn each_client_gets_tokens_of_its_algorithm_that_verify(database: Database) {
    let server = with_all_algorithms(database).await;
    let resource_server = ResourceServer::fetch(&server).await;
    for &alg in Algorithm::ALL {
        let token = token_of(&server, alg).await;
        assert_eq!(part_of(&token, 0)["alg"], alg.as_str());
        assert!(resource_server.accepts(&token), "{alg}");
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let first = if signature.starts_with('A') { 'B' } else { 'A' };
        let altered = format!("{signed}.{first}{}", &signature[1..]);
        assert!(!resource_server.accepts(&altered), "{alg}");
    }
}

/// The default of a new client's tokens, for one: nothing else has to be done for it.
async fn an_algorithm_that_is_switched_on_later_gets_its_keys(database: Database) {
    let first = Server::start(database).await;
    assert_eq!(first.published().await.len(), 2);
    let later = first
        .replica_with(|settings| {
            settings.keys.algorithms.push(Algorithm::EdDsa);
            settings.tokens.access_token_alg = Algorithm::EdDsa;
        })
        .await;
    later.advance(24 * 60 * 60);
    let token = later.admin_token().await;
    assert_eq!(part_of(&token, 0)["alg"], "EdDSA");
    assert!(ResourceServer::fetch(&later).await.accepts(&token));
    // The admin API verifies it, on the replica that has it switched off as well.
    for server in [&later, &first] {
        server.admin("GET", "/admin/v1/keys", &token, None).await.expect(200);
    }
}
