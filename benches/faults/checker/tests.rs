//! The checker is fed a history that breaks one rule, for each rule, and that rule has to object.
use super::{Evidence, Look, RULES, Terms, check, forced_logins};
use crate::{
    database::{AuditRow, SessionRow},
    history::{Act, Event, Outcome},
    process::Usage,
};
use std::{collections::HashSet, time::Duration};
use uuid::Uuid;

const SECOND: u64 = 1_000_000;
const SESSION: Uuid = Uuid::from_u128(1);

fn event(begin: u64, act: Act, outcome: Outcome) -> Event {
    Event { chain: 1, patient: false, act, replica: 0, begin, end: begin + 10, outcome }
}

fn refresh(begin: u64, token: u32, outcome: Outcome) -> Event {
    event(begin, Act::Refresh { token }, outcome)
}

fn refused() -> Outcome {
    Outcome::Refused("obsolete_refresh_token".to_owned())
}

fn entry(action: &str) -> AuditRow {
    AuditRow { action: action.to_owned(), session: Some(SESSION) }
}

fn row(generation: i64, end_reason: Option<&str>) -> SessionRow {
    SessionRow { id: SESSION, generation, end_reason: end_reason.map(str::to_owned) }
}

/// A login, two refreshes of which one is repeated after its answer was lost, and a thief.
fn good() -> Evidence {
    Evidence {
        events: vec![
            event(0, Act::Login { replaces: None }, Outcome::Granted(0)),
            refresh(100, 0, Outcome::Lost),
            refresh(200, 0, Outcome::Granted(1)),
            refresh(300, 1, Outcome::Granted(2)),
            refresh(400, 0, refused()),
            refresh(500, 2, Outcome::Refused("session_ended".to_owned())),
        ],
        sessions: [(1, SESSION)].into(),
        rows: vec![row(2, Some("reuse_detected"))],
        audit: vec![entry("session.started"), entry("session.reuse_detected")],
        ..Evidence::default()
    }
}

/// The same without the thief.
fn live() -> Evidence {
    let mut evidence = good();
    evidence.events.truncate(4);
    evidence.rows = vec![row(2, None)];
    evidence.audit.truncate(1);
    evidence
}

fn with(mut evidence: Evidence, change: impl FnOnce(&mut Evidence)) -> Evidence {
    change(&mut evidence);
    evidence
}

/// For each rule, by its name, histories that break it.
fn bad() -> Vec<(&'static str, Evidence)> {
    [reality(), stored(), failures()].into_iter().flatten().collect()
}

fn reality() -> Vec<(&'static str, Evidence)> {
    vec![
        (
            "one successor",
            with(live(), |all| all.events.insert(3, refresh(250, 0, Outcome::Granted(9)))),
        ),
        (
            "one successor",
            with(live(), |all| all.events.push(refresh(400, 2, Outcome::Granted(1)))),
        ),
        (
            "spent stays spent",
            with(live(), |all| all.events.push(refresh(400, 0, Outcome::Granted(1)))),
        ),
        (
            "ended stays ended",
            with(live(), |all| {
                all.events.push(event(400, Act::Revoke, Outcome::Done));
                all.events.push(refresh(500, 2, Outcome::Granted(3)));
                all.rows = vec![row(3, Some("revoked"))];
                all.audit.push(entry("session.revoked"));
            }),
        ),
        (
            "ended stays ended",
            with(live(), |all| {
                let login = Act::Login { replaces: Some(1) };
                all.events.push(Event { chain: 2, ..event(400, login, Outcome::Granted(7)) });
                all.events.push(refresh(500, 2, Outcome::Granted(3)));
                all.rows = vec![row(3, Some("replaced"))];
            }),
        ),
        ("what was granted holds", with(live(), |all| all.events.push(refresh(400, 2, refused())))),
        (
            "a retry in time needs no login",
            with(live(), |all| {
                all.events.push(refresh(400, 2, Outcome::Unavailable));
                all.events.push(refresh(20 * SECOND, 2, refused()));
            }),
        ),
    ]
}

fn stored() -> Vec<(&'static str, Evidence)> {
    vec![
        ("what was acknowledged is stored", with(live(), |all| all.rows[0].generation = 1)),
        ("what was acknowledged is stored", with(live(), |all| all.rows.clear())),
        (
            "what was acknowledged is stored",
            with(live(), |all| all.events.push(event(400, Act::End, Outcome::Done))),
        ),
        ("a token moves its chain once", with(live(), |all| all.rows[0].generation = 3)),
        ("each change has its audit entry", with(good(), |all| drop(all.audit.pop()))),
        ("each change has its audit entry", with(live(), |all| all.audit.clear())),
        (
            "each change has its audit entry",
            with(live(), |all| all.audit.push(entry("session.revoked"))),
        ),
        (
            "nothing was rolled back",
            with(live(), |all| all.audit.push(entry("session.generation_ahead"))),
        ),
        ("the file is sound", with(live(), |all| all.damage.push("row 1 missing".to_owned()))),
    ]
}

fn failures() -> Vec<(&'static str, Evidence)> {
    let wrong = Outcome::Wrong("500".to_owned());
    let usage = |kb, descriptors| Usage { resident_kb: kb, peak_kb: kb, descriptors, threads: 9 };
    let look = Look { path: "/", status: Some(503), took: Duration::ZERO };
    vec![
        ("errors have their shape", with(live(), |all| all.events.push(refresh(400, 2, wrong)))),
        ("errors have their shape", with(live(), |all| all.terms.answers_may_be_lost = false)),
        ("nothing hangs", with(live(), |all| all.events[3].end += 11 * SECOND)),
        ("reading goes on", with(live(), |all| all.looks.push(look))),
        ("it recovers in time", with(live(), |all| all.recoveries.push(Duration::from_secs(6)))),
        ("no transaction is left open", with(live(), |all| all.open_transactions = 1)),
        (
            "nothing leaks",
            with(live(), |all| all.usage.push((usage(50_000, 50), usage(50_000, 100)))),
        ),
        (
            "nothing leaks",
            with(live(), |all| all.usage.push((usage(50_000, 50), usage(90_000, 50)))),
        ),
        ("nothing panics", with(live(), |all| all.panics.push("panicked at".to_owned()))),
    ]
}

fn good_histories_pass() {
    for evidence in [good(), live(), Evidence::default()] {
        assert_eq!(check(&evidence), []);
        assert_eq!(forced_logins(&evidence), 0);
    }
}

fn each_bad_history_is_told_by_its_rule() {
    for (rule, evidence) in bad() {
        let violations = check(&evidence);
        let told = violations.iter().any(|violation| violation.rule == rule);
        assert!(told, "{rule} did not object: {violations:?}");
    }
}

fn every_rule_has_a_bad_history() {
    let rules: HashSet<_> = RULES.iter().map(|(rule, _)| *rule).collect();
    assert_eq!(bad().into_iter().map(|(rule, _)| rule).collect::<HashSet<_>>(), rules);
}

/// Whoever retries later than the window cannot be told from a thief. A client that authenticates can.
fn a_late_retry_is_a_forced_login_and_no_violation() {
    let late = with(live(), |all| {
        all.events.push(refresh(400, 2, Outcome::Lost));
        all.events.push(refresh(31 * SECOND, 2, refused()));
    });
    assert_eq!(check(&late), []);
    assert_eq!(forced_logins(&late), 1);
    let patient = with(late, |all| all.events.iter_mut().for_each(|event| event.patient = true));
    assert_eq!(check(&patient)[0].rule, "a retry in time needs no login");
    let short = Terms { window: Duration::from_micros(50), ..Terms::default() };
    let short = with(live(), |all| {
        all.terms = short;
        all.events[2] = refresh(200, 0, refused());
        all.events.truncate(3);
        all.rows[0].generation = 1;
    });
    assert_eq!((check(&short), forced_logins(&short)), (vec![], 1));
}

/// What may have ended a session explains a refusal even if it was never answered.
fn an_end_that_was_asked_for_explains_a_refusal() {
    for act in [Act::Revoke, Act::End, Act::Refresh { token: 0 }] {
        let ended = with(live(), |all| {
            all.events.push(event(400, act, Outcome::Lost));
            all.events.push(refresh(500, 2, refused()));
        });
        assert_eq!(check(&ended), []);
    }
}

pub const ALL: &[(&str, fn())] = &[
    ("good_histories_pass", good_histories_pass),
    ("each_bad_history_is_told_by_its_rule", each_bad_history_is_told_by_its_rule),
    ("every_rule_has_a_bad_history", every_rule_has_a_bad_history),
    (
        "a_late_retry_is_a_forced_login_and_no_violation",
        a_late_retry_is_a_forced_login_and_no_violation,
    ),
    ("an_end_that_was_asked_for_explains_a_refusal", an_end_that_was_asked_for_explains_a_refusal),
];
