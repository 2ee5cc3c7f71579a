//! When a key is announced, signs, verifies and is gone: pure functions of stored instants.
//!
//! ```text
//!  published_at            activates_at              superseded_at (the next activates)  unpublished_at
//!  ──┤ announced: in JWKS, ├── active: signs ────────┤ verifying: in JWKS, its private ├── gone
//!    │ not signing yet     │                         │ half erased                     │
//! ```
//! A line that is switched off has no next key; its last one is superseded when it is retired.
//! No timer switches anything, so replicas that see the same rows agree.
use crate::{clock::Timestamp, config::KeySettings};
use serde::Serialize;
use std::time::Duration;

/// The stored instants of one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Instants {
    pub number: i64,
    pub published_at: Timestamp,
    pub activates_at: Timestamp,
    /// When it stops signing although no other key of its line takes over: the line was switched off.
    pub retired_at: Option<Timestamp>,
    /// The longest lifetime of a token made with it.
    pub longest_token: Duration,
    pub revoked_at: Option<Timestamp>,
}

impl Instants {
    /// Whether there is an instant from which it signs.
    fn ever_activates(&self) -> bool {
        let after = |end: Option<Timestamp>| end.is_none_or(|end| end > self.activates_at);
        after(self.revoked_at) && after(self.retired_at)
    }

    /// When the key that follows this one on schedule is announced.
    pub fn successor_announced_at(&self, settings: &KeySettings) -> Timestamp {
        self.activates_at + settings.rotate_every - settings.announce_for
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Announced,
    Active,
    Verifying,
    Gone,
    Revoked,
}

impl State {
    /// Whether the JWKS holds a key in this state.
    pub const fn is_published(self) -> bool {
        matches!(self, Self::Announced | Self::Active | Self::Verifying)
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Announced => "announced",
            Self::Active => "active",
            Self::Verifying => "verifying",
            Self::Gone => "gone",
            Self::Revoked => "revoked",
        }
    }

    /// Whether a key in this state signs, or will.
    pub const fn needs_secret(self) -> bool {
        matches!(self, Self::Announced | Self::Active)
    }
}

/// A new key to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plan {
    pub number: i64,
    pub published_at: Timestamp,
    pub activates_at: Timestamp,
    pub retired_at: Option<Timestamp>,
}

/// How a line begins that has no key to sign with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// No line has one: a service without tokens is worse than verifiers that have to fetch the JWKS.
    AtOnce,
    /// Other lines sign meanwhile, so verifiers are given the time to learn of it.
    Announced,
}

/// How soon the next key of a line is to sign.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Timing {
    /// After it has been announced: no verifier notices.
    #[default]
    Graceful,
    /// At once: verifiers fetch the JWKS again when they meet its `kid`.
    Immediate,
}

/// What a rotation comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The key of this number is announced already, and signs in its time.
    Wait(i64),
    /// The key of this number is announced already, and signs from now on.
    Activate(i64),
    Make(Plan),
}

impl Step {
    /// Of the key that comes next.
    pub const fn number(self) -> i64 {
        match self {
            Self::Wait(number) | Self::Activate(number) => number,
            Self::Make(plan) => plan.number,
        }
    }
}

/// One line of keys, in order of their numbers.
#[derive(Debug, Clone, Copy)]
pub struct Timeline<'a>(pub &'a [Instants]);

impl<'a> Timeline<'a> {
    /// When it stops signing, if that is known: a later key activates, or the line is switched off. A
    /// key that was revoked before it activated supersedes nothing.
    pub fn superseded_at(&self, key: &Instants) -> Option<Timestamp> {
        let later = self.0.iter().rev().take_while(|later| later.number > key.number);
        let activations = later.filter(|later| later.ever_activates());
        activations.map(|later| later.activates_at).chain(key.retired_at).min()
    }

    /// When the last token that the key can have signed has expired everywhere.
    pub fn unpublished_at(&self, key: &Instants, leeway: Duration) -> Option<Timestamp> {
        match key.revoked_at {
            Some(revoked_at) => Some(revoked_at),
            None => Some(self.superseded_at(key)? + key.longest_token + leeway),
        }
    }

    pub fn state(&self, key: &Instants, leeway: Duration, now: Timestamp) -> State {
        let passed = |instant: Option<Timestamp>| instant.is_some_and(|instant| instant <= now);
        if passed(key.revoked_at) {
            State::Revoked
        } else if passed(self.unpublished_at(key, leeway)) {
            State::Gone
        } else if passed(self.superseded_at(key)) {
            State::Verifying
        } else if now < key.activates_at {
            State::Announced
        } else {
            State::Active
        }
    }

    /// The key that signs at this instant.
    pub fn active_at(&self, now: Timestamp) -> Option<&'a Instants> {
        let before = |end: Option<Timestamp>| end.is_none_or(|end| now < end);
        let signs = |key: &&Instants| {
            key.activates_at <= now && before(key.revoked_at) && before(self.superseded_at(key))
        };
        self.0.iter().rev().find(signs)
    }

    /// The key that has been made and does not sign yet.
    pub fn announced_at(&self, now: Timestamp) -> Option<&'a Instants> {
        let waits = |key: &&Instants| {
            // One that was to be retired, and then was not, can have been overtaken.
            let overtaken = self.superseded_at(key).is_some_and(|at| at <= now);
            key.activates_at > now && key.ever_activates() && !overtaken
        };
        self.0.iter().find(waits)
    }

    /// What is to be done now so that the line signs and rotates on schedule, if anything is.
    pub fn due(&self, settings: &KeySettings, start: Start, now: Timestamp) -> Option<Step> {
        let (active, announced) = (self.active_at(now), self.announced_at(now));
        match (active, announced, start) {
            (None, None, Start::AtOnce) => Some(Step::Make(self.immediate(now))),
            (None, None, Start::Announced) => Some(Step::Make(self.graceful(settings, now))),
            (None, Some(announced), Start::AtOnce) => Some(Step::Activate(announced.number)),
            (Some(active), None, _) => self.next(active, settings, now).map(Step::Make),
            (_, Some(_), _) => None,
        }
    }

    /// The successor of the key that signs, if it is time to announce it.
    fn next(&self, active: &Instants, settings: &KeySettings, now: Timestamp) -> Option<Plan> {
        let activates_at = active.activates_at + settings.rotate_every;
        if now < active.successor_announced_at(settings) || active.retired_at.is_some() {
            return None;
        }
        // A service that was stopped for long is late: the announcement is never cut short.
        let graceful = self.graceful(settings, now);
        Some(Plan { activates_at: activates_at.max(graceful.activates_at), ..graceful })
    }

    /// What a rotation on demand comes to. A key that is announced already is the next one.
    pub fn on_demand(&self, timing: Timing, settings: &KeySettings, now: Timestamp) -> Step {
        match (self.announced_at(now), timing) {
            (Some(announced), Timing::Graceful) => Step::Wait(announced.number),
            (Some(announced), Timing::Immediate) => Step::Activate(announced.number),
            (None, Timing::Graceful) => Step::Make(self.graceful(settings, now)),
            (None, Timing::Immediate) => Step::Make(self.immediate(now)),
        }
    }

    /// The key to be made for a rotation on demand that no verifier notices.
    pub fn graceful(&self, settings: &KeySettings, now: Timestamp) -> Plan {
        Plan { activates_at: now + settings.announce_for, ..self.immediate(now) }
    }

    /// The key to be made for one that takes effect at once.
    pub fn immediate(&self, now: Timestamp) -> Plan {
        let number = self.0.last().map_or(1, |key| key.number + 1);
        // A line that is to end ends, whatever comes in between.
        let retired_at = self.active_at(now).and_then(|active| active.retired_at);
        Plan { number, published_at: now, activates_at: now, retired_at }
    }

    /// The next instant at which a key leaves the JWKS.
    pub fn next_unpublishing(&self, leeway: Duration, now: Timestamp) -> Option<Timestamp> {
        let instants = self.0.iter().filter_map(|key| self.unpublished_at(key, leeway));
        instants.filter(|&instant| instant > now).min()
    }
}

#[cfg(test)]
mod tests;
