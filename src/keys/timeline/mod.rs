//! When a key is announced, signs, verifies and is gone: pure functions of stored instants.
//!
//! ```text
//!  published_at            activates_at              superseded_at (the next activates)  unpublished_at
//!  ──┤ announced: in JWKS, ├── active: signs ────────┤ verifying: in JWKS, its private ├── gone
//!    │ not signing yet     │                         │ half erased                     │
//! ```
//! A line that is switched off has no next key; its last one is superseded when it is retired.
//! No timer switches anything, so replicas that see the same rows agree.
use crate::clock::Timestamp;
use serde::Serialize;
use std::time::Duration;

mod decisions;
pub use decisions::{Plan, Retirement, Start, Step, Timing, signing_order};

/// The stored instants of one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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
        if key.revoked_at.is_some() {
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

    /// Whether no replica needs the key to sign any more: it is superseded, and even a clock that is
    /// slow has seen that.
    pub fn is_spent(&self, key: &Instants, leeway: Duration, now: Timestamp) -> bool {
        match self.state(key, leeway, now) {
            State::Announced | State::Active => false,
            State::Verifying => {
                self.superseded_at(key).is_some_and(|superseded_at| superseded_at + leeway <= now)
            }
            State::Gone | State::Revoked => true,
        }
    }

    /// The key that signs at this instant.
    pub fn active_at(&self, now: Timestamp) -> Option<&'a Instants> {
        let before = |end: Option<Timestamp>| end.is_none_or(|end| now < end);
        let signs = |key: &&Instants| {
            key.activates_at <= now && key.revoked_at.is_none() && before(self.superseded_at(key))
        };
        self.0.iter().rev().find(signs)
    }

    /// The key that has been made and does not sign yet.
    pub fn announced_at(&self, now: Timestamp) -> Option<&'a Instants> {
        let waits = |key: &&Instants| {
            // One that was to be retired, and then was not, can have been overtaken.
            let overtaken = self.superseded_at(key).is_some_and(|at| at <= now);
            let revoked = key.revoked_at.is_some();
            key.activates_at > now && key.ever_activates() && !revoked && !overtaken
        };
        self.0.iter().find(waits)
    }

    /// The key that was to sign from the moment at which the one before it was revoked, where that
    /// moment has not come by the clock.
    fn stand_in_at(&self, now: Timestamp) -> Option<&'a Instants> {
        let activated = |key: &&Instants| key.activates_at <= now && key.ever_activates();
        let last = self.0.iter().rev().find(activated)?;
        last.revoked_at.and_then(|_| self.announced_at(now))
    }

    /// The key that signs at this instant if it is in this state.
    pub fn signing_at(&self, state: State, now: Timestamp) -> Option<&'a Instants> {
        match state {
            State::Active => self.active_at(now).or_else(|| self.stand_in_at(now)),
            State::Announced => self.announced_at(now),
            State::Verifying | State::Gone | State::Revoked => None,
        }
    }

    /// The next instant at which a key leaves the JWKS.
    pub fn next_unpublishing(&self, leeway: Duration, now: Timestamp) -> Option<Timestamp> {
        let instants = self.0.iter().filter_map(|key| self.unpublished_at(key, leeway));
        instants.filter(|&instant| instant > now).min()
    }
}

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;
