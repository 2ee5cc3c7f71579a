//! A token endpoint that reads the request, signs and answers.
use actix_web::{
    HttpRequest, HttpResponse,
    http::header,
    web::{Bytes, Data},
};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use josekit::{
    jwk::alg::rsa::RsaKeyPair,
    jws::{JwsSigner, RS256, alg::rsassa::RsassaJwsSigner},
};
use mintmark::clock::Clock;
use ring::{
    rand::{SecureRandom, SystemRandom},
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair},
};
use serde::Serialize;

/// As long as Mintmark's issuer here.
const ISSUER: &str = "http://127.0.0.1:12345";
const KID: &str = "WnpR5P1K8HcnXh07AgQ8S0ONtSdh2SOV3_HeqIekkeM";
const SCOPE: &str = "api:read api:write";

pub struct Keys {
    es256: EcdsaKeyPair,
    rs256: RsassaJwsSigner,
    random: SystemRandom,
    es256_header: String,
    rs256_header: String,
}

pub async fn es256(keys: Data<Keys>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let mut jws = keys.es256_header.clone();
    encode(&mut jws, &claims(&keys.random, &client_of(&request, &body)));
    let signature = keys.es256.sign(&keys.random, jws.as_bytes()).expect("the key signs");
    encode(&mut jws, signature.as_ref());
    answer(&jws)
}

pub async fn rs256(keys: Data<Keys>, request: HttpRequest, body: Bytes) -> HttpResponse {
    let mut jws = keys.rs256_header.clone();
    encode(&mut jws, &claims(&keys.random, &client_of(&request, &body)));
    let signature = keys.rs256.sign(jws.as_bytes()).expect("the key signs");
    encode(&mut jws, &signature);
    answer(&jws)
}

/// Reads the form and the Basic header.
fn client_of(request: &HttpRequest, body: &[u8]) -> String {
    let grant = url::form_urlencoded::parse(body).find(|(name, _)| name == "grant_type");
    assert!(grant.is_some_and(|(_, grant)| grant == "client_credentials"));
    let value = request.headers().get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    let encoded = value.and_then(|value| value.strip_prefix("Basic ")).expect("it is sent");
    let decoded = String::from_utf8(STANDARD.decode(encoded).expect("it is base64"));
    let decoded = decoded.expect("it is text");
    decoded.split_once(':').expect("it has two parts").0.to_owned()
}

/// The members of Mintmark's access tokens.
fn claims(random: &SystemRandom, client: &str) -> Vec<u8> {
    #[derive(Serialize)]
    struct Claims<'a> {
        iss: &'a str,
        sub: &'a str,
        aud: &'a str,
        exp: i64,
        iat: i64,
        nbf: i64,
        jti: String,
        client_id: &'a str,
        scope: &'a str,
    }
    let now = Clock::System.now().seconds();
    let mut id = [0; 16];
    random.fill(&mut id).expect("there is randomness");
    let (sub, client_id, jti) = (client, client, URL_SAFE_NO_PAD.encode(id));
    let (iss, aud, exp, iat, nbf) = (ISSUER, ISSUER, now + 600, now, now);
    let claims = Claims { iss, sub, aud, exp, iat, nbf, jti, client_id, scope: SCOPE };
    serde_json::to_vec(&claims).expect("claims are JSON")
}

fn encode(jws: &mut String, part: &[u8]) {
    jws.push('.');
    URL_SAFE_NO_PAD.encode_string(part, jws);
}

fn answer(access_token: &str) -> HttpResponse {
    #[derive(Serialize)]
    struct Body<'a> {
        access_token: &'a str,
        token_type: &'a str,
        expires_in: u64,
        scope: &'a str,
    }
    let (token_type, expires_in) = ("Bearer", 600);
    HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(Body {
        access_token,
        token_type,
        expires_in,
        scope: SCOPE,
    })
}

impl Keys {
    pub fn generate() -> anyhow::Result<Self> {
        let (random, alg) = (SystemRandom::new(), &ECDSA_P256_SHA256_FIXED_SIGNING);
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(alg, &random).map_err(anyhow::Error::msg)?;
        let rsa = RsaKeyPair::generate(2048)?.to_der_private_key();
        let header = |alg| {
            let header = serde_json::json!({ "typ": "at+jwt", "alg": alg, "kid": KID });
            URL_SAFE_NO_PAD.encode(header.to_string())
        };
        Ok(Self {
            es256: EcdsaKeyPair::from_pkcs8(alg, pkcs8.as_ref(), &random)
                .map_err(anyhow::Error::msg)?,
            rs256: RS256.signer_from_der(rsa)?,
            random,
            es256_header: header("ES256"),
            rs256_header: header("RS256"),
        })
    }
}
