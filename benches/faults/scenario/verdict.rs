use crate::{
    checker::{Evidence, Violation, check, forced_logins},
    history::Outcome,
};
use std::time::Duration;

/// What a scenario came to.
#[derive(Debug)]
pub struct Verdict {
    pub injected: u64,
    pub operations: usize,
    pub granted: usize,
    pub unavailable: usize,
    pub lost: usize,
    pub forced_logins: usize,
    pub slowest: Duration,
    pub slowest_look: Duration,
    pub slowest_recovery: Duration,
    pub took: Duration,
    pub violations: Vec<Violation>,
    /// Why nothing was injected.
    pub not_run: Option<String>,
}

impl Verdict {
    pub fn on(evidence: &Evidence, injected: u64, took: Duration) -> Self {
        let events = &evidence.events;
        let count =
            |is: fn(&Outcome) -> bool| events.iter().filter(|event| is(&event.outcome)).count();
        let slowest = events.iter().map(|event| event.end - event.begin).max();
        Self {
            injected,
            operations: events.len(),
            granted: count(|outcome| matches!(outcome, Outcome::Granted(_))),
            unavailable: count(|outcome| *outcome == Outcome::Unavailable),
            lost: count(|outcome| *outcome == Outcome::Lost),
            forced_logins: forced_logins(evidence),
            slowest: Duration::from_micros(slowest.unwrap_or_default()),
            slowest_look: evidence.looks.iter().map(|look| look.took).max().unwrap_or_default(),
            slowest_recovery: evidence.recoveries.iter().max().copied().unwrap_or_default(),
            took,
            violations: check(evidence),
            not_run: None,
        }
    }

    pub fn not_run(why: impl Into<String>) -> Self {
        let nothing = Self::on(&Evidence::default(), 0, Duration::ZERO);
        Self { not_run: Some(why.into()), ..nothing }
    }
}
