//! What the answers to rotations say: the next keys, and who has not seen them.
use super::{
    keys::{KeyView, no_store, view},
    rotate::Mode,
};
use crate::{
    app::App,
    clock::Timestamp,
    keys::{Impact, Key, Line, Readers, Readiness, Snapshot, timeline::Step},
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
    keys: Vec<KeyView<'a>>,
}

#[derive(Serialize)]
struct Plan<'a> {
    planned: Vec<Planned<'a>>,
}

#[derive(Serialize)]
struct Planned<'a> {
    alg: Algorithm,
    number: i64,
    activates_at: Option<Timestamp>,
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
    let keys = numbers.iter().filter_map(|&(alg, number)| numbered(&snapshot, alg, number));
    let next = |key| {
        let mut view = view(&readers, key);
        view.readiness = Some(readers.readiness(Some(key)));
        view
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
        let key = numbered(&snapshot, alg, step.number());
        let activates_at = match step {
            Step::Make(plan) => Some(plan.activates_at),
            Step::Activate(_) => Some(now),
            Step::Wait(_) => key.map(|key| key.instants.activates_at),
        };
        Planned { alg, number: step.number(), activates_at, readiness: readers.readiness(key) }
    };
    let planned: Vec<_> = steps.iter().map(plan).collect();
    let warning = warning(mode, planned.iter().map(|planned| &planned.readiness));
    no_store(&Answer { mode, dry_run: true, outcome: Plan { planned }, warning })
}

/// After a key was taken out of use, or before.
pub async fn compromised(app: &App, mode: Mode, dry_run: bool, impact: Impact) -> HttpResponse {
    let (fetchers, snapshot) = (app.known_fetchers().await, app.keys.snapshot());
    let readers = Readers::new(fetchers, &snapshot, &app.settings.keys, app.clock.now());
    let successor = |number| readers.readiness(numbered(&snapshot, impact.alg, number));
    let readiness = impact.successor.map(successor);
    let warning = warning(mode, readiness.iter());
    no_store(&Answer { mode, dry_run, outcome: Report { impact, readiness }, warning })
}

fn numbered(snapshot: &Snapshot, alg: Algorithm, number: i64) -> Option<&Key> {
    let keys = snapshot.keys(Line::Signing(alg));
    keys.iter().find(|key| key.instants.number == number)
}

/// If the key signs at once and somebody does not expect it.
fn warning<'a>(
    mode: Mode,
    mut keys: impl Iterator<Item = &'a Readiness<'a>>,
) -> Option<&'static str> {
    let at_once = matches!(mode, Mode::Immediate | Mode::Compromised);
    (at_once && keys.any(|readiness| !readiness.not_seen.is_empty())).then_some(SURPRISE)
}
