//! A resource server that verifies signatures with a JWKS it has.
use actix_web::{
    HttpResponse,
    http::header,
    web::{Bytes, Data},
};
use anyhow::Context;
use mintmark::jose::{PublicJwk, Unverified};
use serde::Deserialize;
use serde_json::value::RawValue;

pub struct PublicKeys(Vec<PublicJwk>);

#[derive(Deserialize)]
struct Jwks {
    keys: Vec<PublicJwk>,
}

/// Reads the form, verifies the signature, and gives the claims back.
pub async fn verified(keys: Data<PublicKeys>, body: Bytes) -> HttpResponse {
    let token = url::form_urlencoded::parse(&body).find(|(name, _)| name == "token");
    let (_, token) = token.expect("it is sent");
    let unverified = Unverified::parse(&token).expect("it is a token");
    let key = keys.0.iter().find(|key| key.kid == unverified.kid()).expect("its key is there");
    let claims: Box<RawValue> = unverified.verify(key).expect("it is signed with it");
    HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(claims)
}

impl PublicKeys {
    pub fn read(jwks: &[u8]) -> anyhow::Result<Self> {
        let jwks: Jwks = serde_json::from_slice(jwks).context("the answer is no JWKS")?;
        Ok(Self(jwks.keys))
    }
}
