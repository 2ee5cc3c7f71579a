//! What is let happen in one run, and in which units: one unit of time is a second.
use crate::{
    clock::Timestamp,
    config::{KeySettings, Settings},
    keys::timeline::Timing,
    model::Algorithm,
};
use std::{collections::HashMap, time::Duration};

#[derive(Debug, Clone)]
pub struct Scenario {
    pub settings: KeySettings,
    /// How long tokens live, and how long the rows say that they do.
    pub token: i64,
    pub longest_token: Duration,
    /// By how much two clocks differ at most.
    pub skew: i64,
    /// Whether a clock gains and loses; otherwise it differs from the others by the same all the time.
    pub drift: bool,
    /// How long a replica goes without reading the rows.
    pub poll: i64,
    pub horizon: i64,
    /// Whether the service has run for a while already.
    pub settled: bool,
    /// The lines that are on before and after the settings change, the default one first.
    pub lines: Vec<Vec<Algorithm>>,
    pub crashes: u8,
    /// How many rotations are asked for, and which.
    pub demands: u8,
    pub timings: Vec<Timing>,
    /// Whether a key is stolen: one, as a second needs upkeep to be done in between.
    pub compromises: bool,
}

impl Scenario {
    /// A service that rotates on schedule, with replicas that start, crash and start again, and the
    /// smallest numbers that keep the rules: leeway covers skew and poll together.
    pub fn schedule() -> Self {
        let mut settings = Settings::load(None, HashMap::new()).unwrap().keys;
        settings.leeway = units(2);
        settings.jwks_max_age = units(1);
        settings.announce_for = units(3);
        settings.rotate_every = units(6);
        settings.poll_interval = units(1);
        Self {
            settings,
            token: 2,
            longest_token: units(2),
            skew: 1,
            drift: true,
            poll: 1,
            horizon: 10,
            settled: false,
            lines: vec![vec![Algorithm::Es256]],
            crashes: 1,
            demands: 0,
            timings: vec![],
            compromises: false,
        }
    }

    /// One that has rotated before, and does once more.
    pub fn settled() -> Self {
        Self { settled: true, crashes: 0, horizon: 7, ..Self::schedule() }
    }

    pub fn graceful() -> Self {
        Self { demands: 1, timings: vec![Timing::Graceful], ..Self::settled() }
    }

    /// Leeway covers skew twice: a replica that has not heard yet signs with the old key, and may be
    /// ahead by one skew of the one that rotated, which may be behind by one those who verify.
    pub fn immediate() -> Self {
        let mut settings = Self::schedule().settings;
        settings.leeway = units(3);
        settings.announce_for = units(4);
        settings.rotate_every = units(8);
        let timings = vec![Timing::Graceful, Timing::Immediate];
        Self { settings, demands: 2, timings, horizon: 5, ..Self::settled() }
    }

    pub fn compromised() -> Self {
        Self { demands: 1, compromises: true, crashes: 1, horizon: 4, ..Self::settled() }
    }

    /// Also one that is announced, or that has been just before.
    pub fn compromised_when_announced() -> Self {
        Self { demands: 2, crashes: 0, timings: vec![Timing::Graceful], ..Self::compromised() }
    }

    /// A line is replaced by another, and maybe back again.
    pub fn lines() -> Self {
        let lines = vec![vec![Algorithm::Es256], vec![Algorithm::Rs256]];
        Self { lines, crashes: 2, drift: false, horizon: 5, ..Self::settled() }
    }

    pub fn max_age(&self) -> i64 {
        i64::try_from(self.settings.jwks_max_age.as_secs()).unwrap()
    }

    pub fn on(&self, which: usize) -> &[Algorithm] {
        &self.lines[which]
    }
}

pub const fn units(units: u64) -> Duration {
    Duration::from_secs(units)
}

pub const fn at(units: i64) -> Timestamp {
    Timestamp(units * 1000)
}
