//! `GET /admin/v1/keys`.
use super::super::extract::{Admin, KeysRead};
use crate::{
    clock::Timestamp,
    keys::{Key, KeyView, Readers, Readiness, Schedule, timeline::State},
    store::Fetcher,
};
use actix_web::{HttpResponse, http::header};
use serde::Serialize;

/// A key, and who has seen it as long as that matters.
#[derive(Serialize)]
pub struct Told<'a> {
    #[serde(flatten)]
    key: KeyView,
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
    let (snapshot, settings) = (app.keys.snapshot(), &app.settings.keys);
    let readers = Readers::new(fetchers, &snapshot, settings, app.clock.now());
    let keys: Vec<_> = snapshot.signing_keys().map(|key| tell(&readers, key)).collect();
    let fetchers = readers.fetchers.iter().map(|fetcher| fetcher_view(&readers, fetcher));
    no_store(&serde_json::json!({
        "keys": keys,
        "schedule": Schedule::new(settings),
        "fetchers": fetchers.collect::<Vec<_>>(),
    }))
}

pub fn tell<'a>(readers: &'a Readers, key: &Key) -> Told<'a> {
    let view = readers.snapshot.view(key, readers.now);
    let readiness = (view.state == State::Announced).then(|| readers.readiness(Some(key)));
    Told { key: view, readiness }
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
