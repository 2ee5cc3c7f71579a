//! Who fetches the JWKS. A fetch is noted in memory, and the database is told of many at a time, so
//! that the JWKS stays as fast as memory.
mod memory;
mod prefix;

use crate::{
    clock::Timestamp,
    store::{Fetcher, FetcherBounds, Result, Store},
};
use memory::Memory;
use prefix::AddressPrefix;
use std::{
    collections::HashMap,
    hash::{BuildHasher, RandomState},
    net::IpAddr,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// More kinds of resource servers than one service has. Anybody may fetch the JWKS, so that there has
/// to be an end.
const MOST: usize = 1000;
/// More kinds of programs than one network runs. A network that makes up user agents must not push the
/// others out.
const MOST_PER_PREFIX: usize = 20;
/// As long as a key signs by default: who has not come for so long has no use for the next one.
const FORGOTTEN_AFTER: Duration = Duration::from_hours(30 * 24);
/// How often the database is told of one that comes again and again for the same set.
const FLUSH_PAUSE: Duration = Duration::from_mins(1);
/// How often the table is brought back into its bounds when there is nothing to be told.
const TRIM_PAUSE: Duration = Duration::from_hours(1);

/// This replica's memory of those who fetched the JWKS from it.
#[derive(Default)]
pub struct Fetchers {
    /// Held for a look-up, while the JWKS is answered.
    memory: Mutex<Memory>,
    /// With keys of its own, so that nobody can aim at another's place.
    hasher: RandomState,
}

impl Fetchers {
    /// Notes who has just been given the keys of the set with that `ETag`, or has them.
    pub fn record(
        &self,
        user_agent: Option<&str>,
        address: Option<IpAddr>,
        etag: &str,
        now: Timestamp,
    ) {
        let (user_agent, prefix) = (user_agent.unwrap_or_default(), AddressPrefix::of(address));
        let id = self.hasher.hash_one((user_agent, prefix));
        let mut memory = self.memory();
        if !memory.renew(id, etag, now) {
            let fetcher = Fetcher {
                user_agent: user_agent.to_owned(),
                address_prefix: prefix.to_string(),
                last_fetch_at: now,
                etag: etag.to_owned(),
            };
            memory.add(id, prefix, fetcher);
        }
    }

    /// Tells the database what is new, and forgets there what is old or too much.
    ///
    /// # Errors
    /// If the database cannot be told; then it is told the next time.
    pub async fn flush(&self, store: &Store, now: Timestamp) -> Result<()> {
        self.flush_after(FLUSH_PAUSE, store, now).await
    }

    /// The same without a pause, for the last time.
    pub async fn flush_all(&self, store: &Store, now: Timestamp) -> Result<()> {
        self.flush_after(Duration::ZERO, store, now).await
    }

    async fn flush_after(&self, pause: Duration, store: &Store, now: Timestamp) -> Result<()> {
        let bounds = bounds(now);
        let (batch, trimmed_at) = {
            let mut memory = self.memory();
            memory.forget_before(bounds.since);
            (memory.due(now, pause), memory.trimmed_at)
        };
        let is_trimmed = trimmed_at.is_some_and(|trimmed_at| now < trimmed_at + TRIM_PAUSE);
        if batch.1.is_empty() && is_trimmed {
            return Ok(());
        }
        let mut conn = store.autocommit().await?;
        if !batch.1.is_empty() {
            conn.remember_fetchers(&batch.1).await?;
            self.memory().flushed(batch, now);
        }
        conn.forget_fetchers(bounds).await?;
        self.memory().trimmed_at = Some(now);
        Ok(())
    }

    /// Those whom the database knows.
    pub async fn stored(store: &Store, now: Timestamp) -> Result<Vec<Fetcher>> {
        let bounds = bounds(now);
        store.read().await?.fetchers(bounds.since, bounds.most).await
    }

    /// Those of the database and those of this replica, newest fetch first.
    pub fn with(&self, stored: Vec<Fetcher>, now: Timestamp) -> Vec<Fetcher> {
        merged(stored, self.memory().fetchers(bounds(now).since))
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn bounds(now: Timestamp) -> FetcherBounds {
    let count = |most: usize| i64::try_from(most).unwrap_or(i64::MAX);
    FetcherBounds {
        since: now - FORGOTTEN_AFTER,
        most_per_prefix: count(MOST_PER_PREFIX),
        most: count(MOST),
    }
}

/// Of a fetcher in both, the later fetch counts.
fn merged(stored: Vec<Fetcher>, remembered: Vec<Fetcher>) -> Vec<Fetcher> {
    let mut newest: HashMap<_, Fetcher> = HashMap::new();
    for fetcher in stored.into_iter().chain(remembered) {
        let who = (fetcher.user_agent.clone(), fetcher.address_prefix.clone());
        let known = newest.get(&who);
        if known.is_none_or(|known| known.last_fetch_at <= fetcher.last_fetch_at) {
            newest.insert(who, fetcher);
        }
    }
    let mut all: Vec<_> = newest.into_values().collect();
    all.sort_by(|a, b| {
        let order = b.last_fetch_at.cmp(&a.last_fetch_at);
        let order = order.then_with(|| a.user_agent.cmp(&b.user_agent));
        order.then_with(|| a.address_prefix.cmp(&b.address_prefix))
    });
    all.truncate(MOST);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fetcher(user_agent: &str, at: i64, etag: &str) -> Fetcher {
        Fetcher {
            user_agent: user_agent.into(),
            address_prefix: "192.0.2.0/24".into(),
            last_fetch_at: Timestamp(at),
            etag: etag.into(),
        }
    }

    #[test]
    fn of_database_and_memory_the_later_fetch_counts() {
        let stored = vec![fetcher("a", 5, "new"), fetcher("b", 1, "old"), fetcher("c", 3, "c")];
        let remembered = vec![fetcher("a", 4, "old"), fetcher("b", 2, "new"), fetcher("d", 3, "d")];
        let expected = [
            fetcher("a", 5, "new"),
            fetcher("c", 3, "c"),
            fetcher("d", 3, "d"),
            fetcher("b", 2, "new"),
        ];
        assert_eq!(merged(stored, remembered), expected);
    }

    #[test]
    fn a_fetcher_is_a_user_agent_in_a_network() {
        let (fetchers, now) = (Fetchers::default(), Timestamp(1));
        let fetch = |agent: Option<&str>, address: &str| {
            fetchers.record(agent, address.parse().ok(), "etag", now);
            fetchers.with(Vec::new(), now).len()
        };
        assert_eq!(fetch(Some("a"), "192.0.2.1"), 1);
        assert_eq!(fetch(Some("a"), "192.0.2.2"), 1, "the same network");
        assert_eq!(fetch(Some("a"), "::ffff:192.0.2.3"), 1, "the same network");
        assert_eq!(fetch(Some("b"), "192.0.2.1"), 2);
        assert_eq!(fetch(Some("a"), "192.0.3.1"), 3);
        assert_eq!(fetch(None, "192.0.3.1"), 4);
        assert_eq!(fetch(None, "an unknown address"), 5);
    }
}
