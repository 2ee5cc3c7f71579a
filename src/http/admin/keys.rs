//! `GET /admin/v1/keys`, and how everything about keys is answered.
use super::super::extract::{Admin, KeysRead};
use crate::{app::App, keys::Readers};
use actix_web::{HttpResponse, http::header};
use serde::Serialize;

pub async fn list(admin: Admin<KeysRead>) -> HttpResponse {
    let settings = &admin.app.settings.keys;
    answer(&admin.app, |readers| no_store(&readers.list(settings))).await
}

/// From what is known now of the keys, and of those who fetch the JWKS.
pub async fn answer(app: &App, say: impl FnOnce(&Readers<'_>) -> HttpResponse) -> HttpResponse {
    let (fetchers, snapshot) = (app.known_fetchers().await, app.keys.snapshot());
    say(&Readers::new(fetchers, &snapshot, &app.settings.keys, app.clock.now()))
}

pub fn no_store(body: &impl Serialize) -> HttpResponse {
    HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(body)
}
