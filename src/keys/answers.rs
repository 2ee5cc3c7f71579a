//! What is answered about keys, over HTTP and on the command line alike.
use super::{
    Impact, KeyView, PlannedKey, Readers, Readiness, Schedule,
    timeline::{State, Step, Timing},
};
use crate::{clock::Timestamp, config::KeySettings, model::Algorithm};
use serde::{Deserialize, Serialize};

/// What is to happen with keys.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    #[default]
    Graceful,
    Immediate,
    /// Somebody else may have one.
    Compromised,
}

impl From<Timing> for Mode {
    fn from(timing: Timing) -> Self {
        match timing {
            Timing::Graceful => Self::Graceful,
            Timing::Immediate => Self::Immediate,
        }
    }
}

/// Every key, with who fetches the JWKS.
#[derive(Debug, Serialize)]
pub struct KeyList<'a> {
    pub keys: Vec<KnownKey<'a>>,
    schedule: Schedule,
    fetchers: Vec<FetcherView<'a>>,
}

/// A key, and who has seen it as long as that matters.
#[derive(Debug, Serialize)]
pub struct KnownKey<'a> {
    #[serde(flatten)]
    pub key: KeyView,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub readiness: Option<Readiness<'a>>,
}

#[derive(Debug, Serialize)]
struct FetcherView<'a> {
    user_agent: &'a str,
    address_prefix: &'a str,
    last_fetch_at: Timestamp,
    etag: &'a str,
    current: bool,
}

/// What came of a change, or would come of it.
#[derive(Debug, Serialize)]
pub struct Answer<T> {
    mode: Mode,
    dry_run: bool,
    #[serde(flatten)]
    pub outcome: T,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warning: Option<&'static str>,
}

/// The next key of each line.
#[derive(Debug, Serialize)]
pub struct Rotated<'a> {
    pub keys: Vec<KnownKey<'a>>,
}

#[derive(Debug, Serialize)]
pub struct Planned<'a> {
    pub planned: Vec<ReadyKey<'a>>,
}

/// A key to come, and who has seen it.
#[derive(Debug, Serialize)]
pub struct ReadyKey<'a> {
    #[serde(flatten)]
    pub key: PlannedKey,
    readiness: Readiness<'a>,
}

#[derive(Debug, Serialize)]
pub struct Report<'a> {
    #[serde(flatten)]
    pub impact: &'a Impact,
    /// Of the successor.
    #[serde(skip_serializing_if = "Option::is_none")]
    readiness: Option<Readiness<'a>>,
}

const SURPRISE: &str = "not all who fetch the JWKS have seen the key that signs at once: those under \
                        not_seen refuse its tokens until they fetch again";

impl Readers<'_> {
    pub fn list(&self, settings: &KeySettings) -> KeyList<'_> {
        let view = |key| {
            let key = self.snapshot.view(key, self.now);
            let readiness = (key.state == State::Announced)
                .then(|| self.readiness(self.snapshot.key(&key.kid)));
            KnownKey { key, readiness }
        };
        let fetchers = self.fetchers.iter().map(|fetcher| FetcherView {
            user_agent: &fetcher.user_agent,
            address_prefix: &fetcher.address_prefix,
            last_fetch_at: fetcher.last_fetch_at,
            etag: &fetcher.etag,
            current: self.is_current(fetcher),
        });
        KeyList {
            keys: self.snapshot.signing_keys().map(view).collect(),
            schedule: Schedule::new(settings),
            fetchers: fetchers.collect(),
        }
    }

    /// After a rotation: the key of that number of each line.
    pub fn rotated(&self, mode: Mode, numbers: &[(Algorithm, i64)]) -> Answer<Rotated<'_>> {
        let keys = numbers.iter().filter_map(|&(alg, number)| self.snapshot.numbered(alg, number));
        let next = |key| KnownKey {
            key: self.snapshot.view(key, self.now),
            readiness: Some(self.readiness(Some(key))),
        };
        let keys: Vec<_> = keys.map(next).collect();
        let warning = warning(mode, keys.iter().filter_map(|key| key.readiness.as_ref()));
        Answer { mode, dry_run: false, outcome: Rotated { keys }, warning }
    }

    /// Before one.
    pub fn planned(&self, mode: Mode, steps: &[(Algorithm, Step)]) -> Answer<Planned<'_>> {
        let plan = |&(alg, step): &(Algorithm, Step)| ReadyKey {
            key: self.snapshot.planned(alg, step, self.now),
            readiness: self.readiness(self.snapshot.numbered(alg, step.number())),
        };
        let planned: Vec<_> = steps.iter().map(plan).collect();
        let warning = warning(mode, planned.iter().map(|planned| &planned.readiness));
        Answer { mode, dry_run: true, outcome: Planned { planned }, warning }
    }

    /// After a key was taken out of use, or before.
    pub fn compromised<'a>(&'a self, dry_run: bool, impact: &'a Impact) -> Answer<Report<'a>> {
        let mode = Mode::Compromised;
        let successor = |number| self.readiness(self.snapshot.numbered(impact.alg, number));
        let readiness = impact.successor.map(successor);
        let warning = warning(mode, readiness.iter());
        Answer { mode, dry_run, outcome: Report { impact, readiness }, warning }
    }
}

/// If the key signs at once and somebody does not expect it.
fn warning<'a>(
    mode: Mode,
    mut keys: impl Iterator<Item = &'a Readiness<'a>>,
) -> Option<&'static str> {
    let at_once = matches!(mode, Mode::Immediate | Mode::Compromised);
    (at_once && keys.any(|readiness| !readiness.not_seen.is_empty())).then_some(SURPRISE)
}
