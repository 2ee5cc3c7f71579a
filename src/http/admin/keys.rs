//! `GET /admin/v1/keys` and `POST /admin/v1/keys/rotate`.
use super::super::extract::{Admin, Json, KeysRead, KeysRotate};
use crate::{
    app::App,
    clock::Timestamp,
    keys::{Key, Mode, Snapshot, TooManyKeys, timeline::State},
    model::Algorithm,
    oauth::{
        Code::{Conflict, InvalidRequest},
        Result,
    },
    store::{AuditEvent, Origin},
};
use actix_web::{HttpResponse, http::header};
use serde::{Deserialize, Serialize};
use std::sync::Arc;

#[derive(Serialize)]
struct KeyView<'a> {
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

/// What to rotate, and how; without it, every algorithm, gracefully.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    alg: Option<Algorithm>,
    #[serde(default)]
    mode: Mode,
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

pub async fn rotate(
    admin: Admin<KeysRotate>,
    Json(request): Json<Request>,
) -> Result<HttpResponse> {
    let algorithms = &admin.app.settings.keys.algorithms;
    if request.alg.is_some_and(|alg| !algorithms.contains(&alg)) {
        return Err(InvalidRequest.because("the algorithm is not switched on"));
    }
    let chosen = request.alg.map_or_else(|| algorithms.clone(), |alg| vec![alg]);
    let event = admin.event(match request.mode {
        Mode::Graceful => "key.rotated_gracefully",
        Mode::Immediate => "key.rotated_immediately",
    });
    let app = Arc::clone(&admin.app);
    let rotated = async move { rotate_all(&app, &chosen, request.mode, &event).await };
    let numbers = admin.app.to_the_end(rotated).await?;

    let (snapshot, now) = (admin.app.keys.snapshot(), admin.app.clock.now());
    let next = |key: &&Key| numbers.contains(&(key.line.as_str(), key.instants.number));
    let keys = snapshot.signing_keys().filter(next);
    let keys: Vec<_> = keys.map(|key| view(&snapshot, key, now)).collect();
    Ok(no_store(&serde_json::json!({ "mode": request.mode, "keys": keys })))
}

/// The name of each line with the number of its next key.
async fn rotate_all(
    app: &App,
    algorithms: &[Algorithm],
    mode: Mode,
    event: &AuditEvent,
) -> Result<Vec<(&'static str, i64)>> {
    let mut numbers = Vec::new();
    for &alg in algorithms {
        let rotated = app.keys.rotate(alg, mode, event).await?;
        let number = rotated.map_err(|TooManyKeys(alg)| {
            Conflict.because(format!("{alg} has as many published keys as the JWKS may hold"))
        })?;
        numbers.push((alg.as_str(), number));
    }
    Ok(numbers)
}

fn view<'a>(snapshot: &Snapshot, key: &'a Key, now: Timestamp) -> KeyView<'a> {
    let instants = key.instants;
    KeyView {
        kid: &key.kid,
        alg: key.line.as_str(),
        number: instants.number,
        state: snapshot.state(key, now),
        published_at: instants.published_at,
        activates_at: instants.activates_at,
        superseded_at: snapshot.timeline(key.line).superseded_at(instants.number),
        unpublished_at: snapshot.unpublished_at(key),
        revoked_at: instants.revoked_at,
        origin: key.origin,
    }
}

pub fn no_store(body: &impl Serialize) -> HttpResponse {
    HttpResponse::Ok().insert_header((header::CACHE_CONTROL, "no-store")).json(body)
}
