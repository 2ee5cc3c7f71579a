//! `GET /admin/v1/keys`.
use super::super::extract::{Admin, KeysRead};
use crate::{
    clock::Timestamp,
    keys::{Key, Snapshot, timeline::State},
    store::Origin,
};
use actix_web::{HttpResponse, http::header};
use serde::Serialize;

#[derive(Serialize)]
pub struct KeyView<'a> {
    kid: &'a str,
    alg: &'a str,
    number: i64,
    state: State,
    published_at: Timestamp,
    activates_at: Timestamp,
    superseded_at: Option<Timestamp>,
    unpublished_at: Option<Timestamp>,
    revoked_at: Option<Timestamp>,
    origin: Origin,
}

pub async fn list(admin: Admin<KeysRead>) -> HttpResponse {
    let (app, snapshot) = (&admin.app, admin.app.keys.snapshot());
    let now = app.clock.now();
    let keys: Vec<_> = snapshot.signing_keys().map(|key| view(&snapshot, key, now)).collect();
    let settings = &app.settings.keys;
    no_store(&serde_json::json!({
        "keys": keys,
        "schedule": {
            "rotate_every": settings.rotate_every.as_secs(),
            "announce_for": settings.announce_for.as_secs(),
            "jwks_max_age": settings.jwks_max_age.as_secs(),
        },
    }))
}

pub fn view<'a>(snapshot: &Snapshot, key: &'a Key, now: Timestamp) -> KeyView<'a> {
    let instants = key.instants;
    KeyView {
        kid: &key.kid,
        alg: key.line.as_str(),
        number: instants.number,
        state: snapshot.state(key, now),
        published_at: instants.published_at,
        activates_at: instants.activates_at,
        superseded_at: snapshot.timeline(key.line).superseded_at(&instants),
        unpublished_at: snapshot.unpublished_at(key),
        revoked_at: instants.revoked_at,
        origin: key.origin,
    }
}

pub fn no_store(body: &impl Serialize) -> HttpResponse {
    HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(body)
}
