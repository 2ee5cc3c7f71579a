//! A bounded memory of last fetches, and of what of it the database has.
use super::{AddressPrefix, MOST, MOST_PER_PREFIX};
use crate::{clock::Timestamp, store::Fetcher};
use std::{collections::HashMap, time::Duration};

#[derive(Default)]
pub struct Memory {
    /// By a hash of user agent and prefix. Two of so few never have the same 64 bits.
    entries: HashMap<u64, Entry>,
    /// When the database was last brought back into its bounds.
    pub trimmed_at: Option<Timestamp>,
}

struct Entry {
    prefix: AddressPrefix,
    fetcher: Fetcher,
    flushed: Option<Flushed>,
}

/// The fetch that the database knows, and when it was told.
struct Flushed {
    at: Timestamp,
    last_fetch_at: Timestamp,
    etag: String,
}

/// Fetchers with the hashes that they lie under.
pub type Batch = (Vec<u64>, Vec<Fetcher>);

impl Memory {
    /// Notes a fetch of one that is known; false if it is not. Makes no new text.
    pub fn renew(&mut self, id: u64, etag: &str, now: Timestamp) -> bool {
        let Some(Entry { fetcher, .. }) = self.entries.get_mut(&id) else { return false };
        // Of two requests at once, the one that looked at the clock last may come first.
        if fetcher.last_fetch_at <= now {
            fetcher.last_fetch_at = now;
            if fetcher.etag != etag {
                etag.clone_into(&mut fetcher.etag);
            }
        }
        true
    }

    /// Notes one that is new, in place of another if there are too many.
    pub fn add(&mut self, id: u64, prefix: AddressPrefix, fetcher: Fetcher) {
        let own = self.entries.iter().filter(|(_, entry)| entry.prefix == prefix);
        let oldest = if own.clone().count() >= MOST_PER_PREFIX {
            oldest(own)
        } else if self.entries.len() >= MOST {
            oldest(self.entries.iter())
        } else {
            None
        };
        if let Some(oldest) = oldest {
            self.entries.remove(&oldest);
        }
        self.entries.insert(id, Entry { prefix, fetcher, flushed: None });
    }

    pub fn forget_before(&mut self, since: Timestamp) {
        self.entries.retain(|_, entry| entry.fetcher.last_fetch_at >= since);
    }

    pub fn fetchers(&self, since: Timestamp) -> Vec<Fetcher> {
        let fetchers = self.entries.values().map(|entry| &entry.fetcher);
        fetchers.filter(|fetcher| fetcher.last_fetch_at >= since).cloned().collect()
    }

    /// What the database is to be told now.
    pub fn due(&self, now: Timestamp, pause: Duration) -> Batch {
        let due = self.entries.iter().filter(|(_, entry)| entry.is_due(now, pause));
        due.map(|(&id, entry)| (id, entry.fetcher.clone())).unzip()
    }

    /// The database has been told.
    pub fn flushed(&mut self, (ids, fetchers): Batch, now: Timestamp) {
        for (id, Fetcher { last_fetch_at, etag, .. }) in ids.into_iter().zip(fetchers) {
            if let Some(entry) = self.entries.get_mut(&id) {
                entry.flushed = Some(Flushed { at: now, last_fetch_at, etag });
            }
        }
    }
}

impl Entry {
    fn is_due(&self, now: Timestamp, pause: Duration) -> bool {
        let Some(flushed) = &self.flushed else { return true };
        flushed.etag != self.fetcher.etag
            || (flushed.last_fetch_at != self.fetcher.last_fetch_at && flushed.at + pause <= now)
    }
}

fn oldest<'a>(entries: impl Iterator<Item = (&'a u64, &'a Entry)>) -> Option<u64> {
    entries.min_by_key(|(_, entry)| entry.fetcher.last_fetch_at).map(|(&id, _)| id)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{IpAddr, Ipv4Addr};

    const MINUTE: Duration = Duration::from_mins(1);

    /// A fetch by user agent `n` of network `network` at that millisecond.
    fn fetch(memory: &mut Memory, network: u16, n: u64, at: i64) {
        let id = u64::from(network) << 32 | n;
        if memory.renew(id, "new", Timestamp(at)) {
            return;
        }
        let address = Ipv4Addr::from_bits(u32::from(network) << 8 | 7);
        let prefix = AddressPrefix::of(Some(IpAddr::V4(address)));
        let fetcher = Fetcher {
            user_agent: n.to_string(),
            address_prefix: prefix.to_string(),
            last_fetch_at: Timestamp(at),
            etag: "old".into(),
        };
        memory.add(id, prefix, fetcher);
    }

    /// The user agents, oldest fetch first.
    fn user_agents(memory: &Memory) -> Vec<String> {
        let mut fetchers = memory.fetchers(Timestamp(0));
        fetchers.sort_by_key(|fetcher| fetcher.last_fetch_at);
        fetchers.into_iter().map(|fetcher| fetcher.user_agent).collect()
    }

    #[test]
    fn one_network_pushes_out_its_own_oldest_and_nobody_else() {
        let mut memory = Memory::default();
        fetch(&mut memory, 1, 999, 0);
        for n in 0..100 {
            fetch(&mut memory, 2, n, 1 + i64::try_from(n).unwrap());
        }
        let expected: Vec<_> = [999].into_iter().chain(80..100).map(|n| n.to_string()).collect();
        assert_eq!(user_agents(&memory), expected);
    }

    #[test]
    fn there_are_a_thousand_at_most_and_the_oldest_fetch_goes_first() {
        let mut memory = Memory::default();
        for n in 0..1000 {
            fetch(&mut memory, n, u64::from(n), i64::from(n));
        }
        fetch(&mut memory, 0, 0, 1000);
        fetch(&mut memory, 1000, 1000, 1001);
        let agents = user_agents(&memory);
        assert_eq!(agents.len(), 1000);
        assert_eq!(agents[0], "2", "0 has come back, and 1 made room");
        assert_eq!(agents[998..], ["0", "1000"]);
    }

    #[test]
    fn a_fetch_never_moves_backwards() {
        let mut memory = Memory::default();
        fetch(&mut memory, 1, 1, 5);
        fetch(&mut memory, 1, 1, 4);
        let [fetcher] = memory.fetchers(Timestamp(0)).try_into().unwrap();
        assert_eq!((fetcher.last_fetch_at, fetcher.etag.as_str()), (Timestamp(5), "old"));
        fetch(&mut memory, 1, 1, 6);
        let [fetcher] = memory.fetchers(Timestamp(0)).try_into().unwrap();
        assert_eq!((fetcher.last_fetch_at, fetcher.etag.as_str()), (Timestamp(6), "new"));
    }

    #[test]
    fn what_is_forgotten_is_gone() {
        let mut memory = Memory::default();
        fetch(&mut memory, 1, 1, 5);
        fetch(&mut memory, 1, 2, 6);
        assert_eq!(memory.fetchers(Timestamp(6)).len(), 1);
        memory.forget_before(Timestamp(6));
        assert_eq!(user_agents(&memory), ["2"]);
    }

    #[test]
    fn the_database_is_told_once_a_minute_or_of_another_set() {
        let mut memory = Memory::default();
        let due = |memory: &Memory, at: i64| memory.due(Timestamp(at), MINUTE);
        fetch(&mut memory, 1, 1, 0);
        let first = due(&memory, 0);
        assert_eq!(first.1.len(), 1);
        // It comes back while the database is being told.
        fetch(&mut memory, 1, 1, 1);
        memory.flushed(first, Timestamp(1));
        let second = due(&memory, 2);
        assert_eq!(second.1[0].etag, "new", "another set is told at once");
        memory.flushed(second, Timestamp(2));
        assert!(due(&memory, 600_000).1.is_empty(), "nothing has changed");
        fetch(&mut memory, 1, 1, 3);
        assert!(due(&memory, 60_001).1.is_empty());
        assert_eq!(due(&memory, 60_002).1.len(), 1);
        assert_eq!(memory.due(Timestamp(4), Duration::ZERO).1.len(), 1, "at the end, no pause");
    }
}
