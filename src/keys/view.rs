//! Keys as an operator sees them, over HTTP and on the command line.
use super::{
    Key, Line, Snapshot,
    timeline::{State, Step},
};
use crate::{clock::Timestamp, config::KeySettings, model::Algorithm, store::Origin};
use serde::Serialize;

/// What is told of a key. An instant that is not known yet is none.
#[derive(Debug, Clone, Serialize)]
pub struct KeyView {
    pub kid: String,
    pub alg: &'static str,
    pub number: i64,
    pub state: State,
    pub published_at: Timestamp,
    pub activates_at: Timestamp,
    pub superseded_at: Option<Timestamp>,
    pub unpublished_at: Option<Timestamp>,
    pub revoked_at: Option<Timestamp>,
    pub origin: Origin,
}

/// What a rotation would come to.
#[derive(Debug, Clone, Serialize)]
pub struct PlannedKey {
    pub alg: Algorithm,
    pub number: i64,
    pub activates_at: Option<Timestamp>,
}

/// The settings that keys rotate by, in seconds.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Schedule {
    rotate_every: u64,
    announce_for: u64,
    jwks_max_age: u64,
}

impl Schedule {
    pub const fn new(settings: &KeySettings) -> Self {
        Self {
            rotate_every: settings.rotate_every.as_secs(),
            announce_for: settings.announce_for.as_secs(),
            jwks_max_age: settings.jwks_max_age.as_secs(),
        }
    }
}

impl Snapshot {
    pub fn view(&self, key: &Key, now: Timestamp) -> KeyView {
        let instants = key.instants;
        KeyView {
            kid: key.kid.clone(),
            alg: key.line.as_str(),
            number: instants.number,
            state: self.state(key, now),
            published_at: instants.published_at,
            activates_at: instants.activates_at,
            superseded_at: self.timeline(key.line).superseded_at(&instants),
            unpublished_at: self.unpublished_at(key),
            revoked_at: instants.revoked_at,
            origin: key.origin,
        }
    }

    /// Every signing key, also those that are gone, by algorithm and number.
    pub fn views(&self, now: Timestamp) -> Vec<KeyView> {
        self.signing_keys().map(|key| self.view(key, now)).collect()
    }

    /// What a step of the algorithm's line would come to.
    pub fn planned(&self, alg: Algorithm, step: Step, now: Timestamp) -> PlannedKey {
        let announced = self.timeline(Line::Signing(alg)).announced_at(now);
        let activates_at = match step {
            Step::Make(plan) => Some(plan.activates_at),
            Step::Activate(_) => Some(now),
            Step::Wait(_) => announced.map(|key| key.activates_at),
        };
        PlannedKey { alg, number: step.number(), activates_at }
    }

    /// The signing key of that number.
    pub fn numbered(&self, alg: Algorithm, number: i64) -> Option<&Key> {
        self.keys(Line::Signing(alg)).iter().find(|key| key.instants.number == number)
    }
}
