//! `GET /admin/v1/keys`.
use super::super::extract::{Admin, KeysRead};
use crate::{
    clock::Timestamp,
    keys::{Key, Readers, Readiness, timeline::State},
    store::{Fetcher, Origin},
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
    /// Who has seen it, as long as that matters.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub readiness: Option<Readiness<'a>>,
}

#[derive(Serialize)]
struct FetcherView<'a> {
    user_agent: &'a str,
    address_prefix: &'a str,
    last_fetch_at: Timestamp,
    etag: &'a str,
    current: bool,
}

pub async fn list(admin: Admin<KeysRead>) -> HttpResponse {
    let app = &admin.app;
    let fetchers = app.known_fetchers().await;
    let snapshot = app.keys.snapshot();
    let settings = &app.settings.keys;
    let readers = Readers::new(fetchers, &snapshot, settings, app.clock.now());
    let keys: Vec<_> = snapshot.signing_keys().map(|key| view(&readers, key)).collect();
    let fetchers = readers.fetchers.iter().map(|fetcher| fetcher_view(&readers, fetcher));
    no_store(&serde_json::json!({
        "keys": keys,
        "schedule": {
            "rotate_every": settings.rotate_every.as_secs(),
            "announce_for": settings.announce_for.as_secs(),
            "jwks_max_age": settings.jwks_max_age.as_secs(),
        },
        "fetchers": fetchers.collect::<Vec<_>>(),
    }))
}

pub fn view<'a>(readers: &'a Readers, key: &'a Key) -> KeyView<'a> {
    let (instants, snapshot) = (key.instants, readers.snapshot);
    let state = snapshot.state(key, readers.now);
    KeyView {
        kid: &key.kid,
        alg: key.line.as_str(),
        number: instants.number,
        state,
        published_at: instants.published_at,
        activates_at: instants.activates_at,
        superseded_at: snapshot.timeline(key.line).superseded_at(&instants),
        unpublished_at: snapshot.unpublished_at(key),
        revoked_at: instants.revoked_at,
        origin: key.origin,
        readiness: (state == State::Announced).then(|| readers.readiness(Some(key))),
    }
}

fn fetcher_view<'a>(readers: &Readers, fetcher: &'a Fetcher) -> FetcherView<'a> {
    FetcherView {
        user_agent: &fetcher.user_agent,
        address_prefix: &fetcher.address_prefix,
        last_fetch_at: fetcher.last_fetch_at,
        etag: &fetcher.etag,
        current: readers.is_current(fetcher),
    }
}

pub fn no_store(body: &impl Serialize) -> HttpResponse {
    HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(body)
}
