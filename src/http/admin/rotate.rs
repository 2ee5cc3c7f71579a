//! `POST /admin/v1/keys/rotate`.
use super::{
    super::extract::{Admin, Json, KeysRotate},
    keys::{no_store, view},
};
use crate::{
    app::App,
    keys::{
        Compromise, Impact, Key, TooManyKeys,
        timeline::{Step, Timing},
    },
    model::Algorithm,
    oauth::{
        Code::{Conflict, InvalidRequest, NotFound},
        Error, Result,
    },
    store::AuditEvent,
};
use actix_web::HttpResponse;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// What to rotate, and how; without it, every algorithm, gracefully.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Request {
    alg: Option<Algorithm>,
    mode: Mode,
    /// The key that was compromised.
    kid: Option<String>,
    dry_run: bool,
    end_sessions: bool,
}

#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Mode {
    #[default]
    Graceful,
    Immediate,
    Compromised,
}

pub async fn rotate(
    admin: Admin<KeysRotate>,
    Json(request): Json<Request>,
) -> Result<HttpResponse> {
    match request.mode {
        Mode::Graceful => in_time(&admin, request, Timing::Graceful).await,
        Mode::Immediate => in_time(&admin, request, Timing::Immediate).await,
        Mode::Compromised => compromised(&admin, request).await,
    }
}

async fn in_time(
    admin: &Admin<KeysRotate>,
    request: Request,
    timing: Timing,
) -> Result<HttpResponse> {
    if request.kid.is_some() || request.end_sessions {
        return Err(InvalidRequest.because("kid and end_sessions are for the mode compromised"));
    }
    let algorithms = &admin.app.settings.keys.algorithms;
    if request.alg.is_some_and(|alg| !algorithms.contains(&alg)) {
        return Err(InvalidRequest.because("the algorithm is not switched on"));
    }
    let chosen = request.alg.map_or_else(|| algorithms.clone(), |alg| vec![alg]);
    if request.dry_run {
        return Ok(no_store(&serde_json::json!({
            "mode": request.mode, "dry_run": true, "planned": plans(&admin.app, &chosen, timing)?,
        })));
    }
    let event = admin.event(match timing {
        Timing::Graceful => "key.rotated_gracefully",
        Timing::Immediate => "key.rotated_immediately",
    });
    let app = Arc::clone(&admin.app);
    let rotated = async move { rotate_all(&app, &chosen, timing, &event).await };
    let numbers = admin.app.to_the_end(rotated).await?;

    let (snapshot, now) = (admin.app.keys.snapshot(), admin.app.clock.now());
    let next = |key: &&Key| numbers.contains(&(key.line.as_str(), key.instants.number));
    let keys = snapshot.signing_keys().filter(next);
    let keys: Vec<_> = keys.map(|key| view(&snapshot, key, now)).collect();
    Ok(no_store(&serde_json::json!({ "mode": request.mode, "dry_run": false, "keys": keys })))
}

/// The name of each line with the number of its next key.
async fn rotate_all(
    app: &App,
    algorithms: &[Algorithm],
    timing: Timing,
    event: &AuditEvent,
) -> Result<Vec<(&'static str, i64)>> {
    // All of them or none.
    plans(app, algorithms, timing)?;
    let mut numbers = Vec::new();
    for &alg in algorithms {
        let number = app.keys.rotate(alg, timing, event).await?.map_err(too_many)?;
        numbers.push((alg.as_str(), number));
    }
    Ok(numbers)
}

fn plans(app: &App, algorithms: &[Algorithm], timing: Timing) -> Result<Vec<serde_json::Value>> {
    let now = app.clock.now();
    let plan = |&alg: &Algorithm| {
        let step = app.keys.next_step(alg, timing).map_err(too_many)?;
        let line = app.keys.snapshot();
        let line = line.timeline(crate::keys::Line::Signing(alg));
        let activates_at = match step {
            Step::Make(plan) => Some(plan.activates_at),
            Step::Activate(_) => Some(now),
            Step::Wait(_) => line.announced_at(now).map(|key| key.activates_at),
        };
        Ok(serde_json::json!({ "alg": alg, "number": step.number(), "activates_at": activates_at }))
    };
    algorithms.iter().map(plan).collect()
}

fn too_many(TooManyKeys(alg): TooManyKeys) -> Error {
    Conflict.because(format!("{alg} has as many published keys as the JWKS may hold"))
}

#[derive(Serialize)]
struct Report {
    mode: Mode,
    dry_run: bool,
    #[serde(flatten)]
    impact: Impact,
}

async fn compromised(admin: &Admin<KeysRotate>, request: Request) -> Result<HttpResponse> {
    let Request { alg: None, kid: Some(kid), mode, dry_run, end_sessions } = request else {
        return Err(InvalidRequest.because("the mode compromised takes kid, and no alg"));
    };
    let compromise = Compromise { kid, dry_run, end_sessions };
    let (app, event) = (Arc::clone(&admin.app), admin.event("key.compromised"));
    let revoke = async move { app.keys.compromised(&compromise, &event).await };
    let impact = admin.app.to_the_end(revoke).await?;
    let impact = impact.ok_or_else(|| NotFound.because("no published key has that kid"))?;
    Ok(no_store(&Report { mode, dry_run, impact }))
}
