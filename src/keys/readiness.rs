//! Whether those who fetch the JWKS have seen a key.
use super::{Jwks, Key, Snapshot};
use crate::{clock::Timestamp, config::KeySettings, store::Fetcher};
use serde::Serialize;
use std::{sync::Arc, time::Duration};

/// Those who fetch the JWKS, held against the JWKS of one moment.
pub struct Readers<'a> {
    /// Newest fetch first.
    pub fetchers: Vec<Fetcher>,
    pub snapshot: &'a Snapshot,
    pub now: Timestamp,
    jwks: Arc<Jwks>,
    spread: Duration,
}

/// How many have seen a key, and who has not.
#[derive(Debug, Serialize)]
pub struct Readiness<'a> {
    pub seen: usize,
    /// Newest fetch first.
    pub not_seen: Vec<Unaware<'a>>,
}

#[derive(Debug, Serialize)]
pub struct Unaware<'a> {
    pub user_agent: &'a str,
    pub address_prefix: &'a str,
    pub last_fetch_at: Timestamp,
}

impl<'a> Readers<'a> {
    pub fn new(
        fetchers: Vec<Fetcher>,
        snapshot: &'a Snapshot,
        settings: &KeySettings,
        now: Timestamp,
    ) -> Self {
        // A replica looks every poll_interval, and its clock may be ahead by the leeway.
        let spread = settings.poll_interval + settings.leeway;
        Self { fetchers, snapshot, jwks: snapshot.jwks(now), now, spread }
    }

    /// Whether it has the JWKS as it is now.
    pub fn is_current(&self, fetcher: &Fetcher) -> bool {
        fetcher.etag == self.jwks.etag
    }

    /// Who has seen a key; nobody has seen one that is yet to be made.
    pub fn readiness(&self, key: Option<&Key>) -> Readiness<'_> {
        let trace = key.map(|key| {
            let is_published = self.snapshot.state(key, self.now).is_published();
            Trace {
                etag: is_published.then_some(self.jwks.etag.as_str()),
                everywhere_at: key.instants.published_at + self.spread,
            }
        });
        let mut readiness = Readiness { seen: 0, not_seen: Vec::new() };
        for fetcher in &self.fetchers {
            if trace.as_ref().is_some_and(|trace| trace.was_seen_by(fetcher)) {
                readiness.seen += 1;
            } else {
                readiness.not_seen.push(Unaware {
                    user_agent: &fetcher.user_agent,
                    address_prefix: &fetcher.address_prefix,
                    last_fetch_at: fetcher.last_fetch_at,
                });
            }
        }
        readiness
    }
}

/// By what it shows that a key was seen.
struct Trace<'a> {
    /// Of the JWKS, if the key is in it.
    etag: Option<&'a str>,
    /// From when on every replica that reaches the database publishes it.
    everywhere_at: Timestamp,
}

impl Trace<'_> {
    /// In doubt it was not: earlier sets are known by their `ETag` alone.
    fn was_seen_by(&self, fetcher: &Fetcher) -> bool {
        self.etag == Some(fetcher.etag.as_str()) || fetcher.last_fetch_at >= self.everywhere_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fetcher(at: i64, etag: &str) -> Fetcher {
        let (user_agent, address_prefix) = Default::default();
        Fetcher { user_agent, address_prefix, last_fetch_at: Timestamp(at), etag: etag.into() }
    }

    #[test]
    fn who_has_the_set_of_now_has_seen_what_is_in_it() {
        let mut trace = Trace { etag: Some("now"), everywhere_at: Timestamp(100) };
        assert!(trace.was_seen_by(&fetcher(50, "now")));
        assert!(!trace.was_seen_by(&fetcher(50, "before")));
        trace.etag = None;
        assert!(!trace.was_seen_by(&fetcher(50, "now")), "the key is not in it");
    }

    #[test]
    fn who_came_when_every_replica_had_the_key_has_seen_it() {
        let trace = Trace { etag: Some("now"), everywhere_at: Timestamp(100) };
        assert!(!trace.was_seen_by(&fetcher(99, "another")));
        assert!(trace.was_seen_by(&fetcher(100, "another")));
    }
}
