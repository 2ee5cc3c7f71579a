//! What the answers to rotations say: the next keys, and who has not seen them.
use super::{
    keys::{Told, no_store, tell},
    rotate::Mode,
};
use crate::{
    app::App,
    keys::{Impact, PlannedKey, Readers, Readiness, timeline::Step},
    model::Algorithm,
};
use actix_web::HttpResponse;
use serde::Serialize;

#[derive(Serialize)]
struct Answer<T> {
    mode: Mode,
    dry_run: bool,
    #[serde(flatten)]
    outcome: T,
    #[serde(skip_serializing_if = "Option::is_none")]
    warning: Option<&'static str>,
}

#[derive(Serialize)]
struct Rotated<'a> {
    keys: Vec<Told<'a>>,
}

#[derive(Serialize)]
struct Plan<'a> {
    planned: Vec<Planned<'a>>,
}

#[derive(Serialize)]
struct Planned<'a> {
    #[serde(flatten)]
    key: PlannedKey,
    readiness: Readiness<'a>,
}

#[derive(Serialize)]
struct Report<'a> {
    #[serde(flatten)]
    impact: Impact,
    /// Of the successor.
    #[serde(skip_serializing_if = "Option::is_none")]
    readiness: Option<Readiness<'a>>,
}

const SURPRISE: &str = "not all who fetch the JWKS have seen the key that signs at once: those under \
                        not_seen refuse its tokens until they fetch again";

/// After a rotation: the key of that number of each line.
pub async fn rotated(app: &App, mode: Mode, numbers: &[(Algorithm, i64)]) -> HttpResponse {
    let (fetchers, snapshot) = (app.known_fetchers().await, app.keys.snapshot());
    let readers = Readers::new(fetchers, &snapshot, &app.settings.keys, app.clock.now());
    let keys = numbers.iter().filter_map(|&(alg, number)| snapshot.numbered(alg, number));
    let next = |key| {
        let mut told = tell(&readers, key);
        told.readiness = Some(readers.readiness(Some(key)));
        told
    };
    let keys: Vec<_> = keys.map(next).collect();
    let warning = warning(mode, keys.iter().filter_map(|key| key.readiness.as_ref()));
    no_store(&Answer { mode, dry_run: false, outcome: Rotated { keys }, warning })
}

/// Before one.
pub async fn planned(app: &App, mode: Mode, steps: &[(Algorithm, Step)]) -> HttpResponse {
    let (fetchers, snapshot) = (app.known_fetchers().await, app.keys.snapshot());
    let now = app.clock.now();
    let readers = Readers::new(fetchers, &snapshot, &app.settings.keys, now);
    let plan = |&(alg, step): &(Algorithm, Step)| {
        let key = snapshot.numbered(alg, step.number());
        Planned { key: snapshot.planned(alg, step, now), readiness: readers.readiness(key) }
    };
    let planned: Vec<_> = steps.iter().map(plan).collect();
    let warning = warning(mode, planned.iter().map(|planned| &planned.readiness));
    no_store(&Answer { mode, dry_run: true, outcome: Plan { planned }, warning })
}

/// After a key was taken out of use, or before.
pub async fn compromised(app: &App, mode: Mode, dry_run: bool, impact: Impact) -> HttpResponse {
    let (fetchers, snapshot) = (app.known_fetchers().await, app.keys.snapshot());
    let readers = Readers::new(fetchers, &snapshot, &app.settings.keys, app.clock.now());
    let successor = |number| readers.readiness(snapshot.numbered(impact.alg, number));
    let readiness = impact.successor.map(successor);
    let warning = warning(mode, readiness.iter());
    no_store(&Answer { mode, dry_run, outcome: Report { impact, readiness }, warning })
}

/// If the key signs at once and somebody does not expect it.
fn warning<'a>(
    mode: Mode,
    mut keys: impl Iterator<Item = &'a Readiness<'a>>,
) -> Option<&'static str> {
    let at_once = matches!(mode, Mode::Immediate | Mode::Compromised);
    (at_once && keys.any(|readiness| !readiness.not_seen.is_empty())).then_some(SURPRISE)
}
