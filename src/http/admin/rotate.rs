//! `POST /admin/v1/keys/rotate`.
use super::{
    super::extract::{Admin, Json, KeysRotate},
    keys::{answer, no_store},
};
use crate::{
    keys::{Compromise, Mode, Readers, TooManyKeys, timeline::Timing},
    model::Algorithm,
    oauth::{
        Code::{Conflict, InvalidRequest, NotFound},
        Error, Result,
    },
};
use actix_web::HttpResponse;
use serde::Deserialize;
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
        let steps = admin.app.keys.next_steps(&chosen, timing).map_err(too_many)?;
        let planned = |readers: &Readers<'_>| no_store(&readers.planned(request.mode, &steps));
        return Ok(answer(&admin.app, planned).await);
    }
    let (app, event) = (Arc::clone(&admin.app), admin.event(timing.action()));
    let rotated = async move { app.keys.rotate_all(&chosen, timing, &event).await };
    let numbers = admin.app.to_the_end(rotated).await?.map_err(too_many)?;
    let rotated = |readers: &Readers<'_>| no_store(&readers.rotated(request.mode, &numbers));
    Ok(answer(&admin.app, rotated).await)
}

#[expect(clippy::needless_pass_by_value, reason = "for map_err")]
fn too_many(full: TooManyKeys) -> Error {
    Conflict.because(full.to_string())
}

async fn compromised(admin: &Admin<KeysRotate>, request: Request) -> Result<HttpResponse> {
    let Request { alg: None, kid: Some(kid), mode: _, dry_run, end_sessions } = request else {
        return Err(InvalidRequest.because("the mode compromised takes kid, and no alg"));
    };
    let compromise = Compromise { kid, dry_run, end_sessions };
    let (app, event) = (Arc::clone(&admin.app), admin.event("key.compromised"));
    let revoke = async move {
        let impact = app.keys.compromised(&compromise, &event).await;
        app.recent.all_changed();
        impact
    };
    let impact = admin.app.to_the_end(revoke).await?;
    let impact = impact.ok_or_else(|| NotFound.because("no published key has that kid"))?;
    let report = |readers: &Readers<'_>| no_store(&readers.compromised(dry_run, &impact));
    Ok(answer(&admin.app, report).await)
}
