//! `POST /admin/v1/keys/rotate`.
use super::{
    super::extract::{Admin, Json, KeysRotate},
    rotated,
};
use crate::{
    app::App,
    keys::{
        Compromise, TooManyKeys,
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
pub enum Mode {
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
        let steps = next_steps(&admin.app, &chosen, timing)?;
        return Ok(rotated::planned(&admin.app, request.mode, &steps).await);
    }
    let event = admin.event(match timing {
        Timing::Graceful => "key.rotated_gracefully",
        Timing::Immediate => "key.rotated_immediately",
    });
    let app = Arc::clone(&admin.app);
    let rotated = async move { rotate_all(&app, &chosen, timing, &event).await };
    let numbers = admin.app.to_the_end(rotated).await?;
    Ok(rotated::rotated(&admin.app, request.mode, &numbers).await)
}

/// The number of each line's next key.
async fn rotate_all(
    app: &App,
    algorithms: &[Algorithm],
    timing: Timing,
    event: &AuditEvent,
) -> Result<Vec<(Algorithm, i64)>> {
    // All of them or none.
    next_steps(app, algorithms, timing)?;
    let mut numbers = Vec::new();
    for &alg in algorithms {
        let number = app.keys.rotate(alg, timing, event).await?.map_err(too_many)?;
        numbers.push((alg, number));
    }
    Ok(numbers)
}

fn next_steps(
    app: &App,
    algorithms: &[Algorithm],
    timing: Timing,
) -> Result<Vec<(Algorithm, Step)>> {
    let step = |&alg: &Algorithm| Ok((alg, app.keys.next_step(alg, timing).map_err(too_many)?));
    algorithms.iter().map(step).collect()
}

fn too_many(TooManyKeys(alg): TooManyKeys) -> Error {
    Conflict.because(format!("{alg} has as many published keys as the JWKS may hold"))
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
    Ok(rotated::compromised(&admin.app, mode, dry_run, impact).await)
}
