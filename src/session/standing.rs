//! Whether the tokens of a session hold, decided from one row.
use crate::{clock::Timestamp, store::SessionStanding};
use std::{cmp::Ordering, time::Duration};

/// Where the access token of one generation stands in its chain, for a client of which only the newest
/// pair holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pair {
    /// Tokens of a later refresh were used.
    Obsolete,
    /// Nothing later was used, and this or its like is known to have been.
    Newest,
    /// That it is used now makes those before it obsolete, which nobody has noted yet.
    FirstMet,
}

impl SessionStanding {
    /// Whether the session has not ended by any rule that a refresh would end by.
    pub fn is_live(&self, idle_lifetime: Duration, now: Timestamp) -> bool {
        self.ended_at.is_none() && self.disabled_at.is_none() && now < self.ends_at(idle_lifetime)
    }

    /// The end of its idle or its absolute lifetime, whichever comes first.
    pub fn ends_at(&self, idle_lifetime: Duration) -> Timestamp {
        self.expires_at.min(self.last_used_at + idle_lifetime)
    }

    pub fn pair(&self, generation: i64) -> Pair {
        match generation.cmp(&oldest_used(self.generation, self.seen_generation)) {
            Ordering::Less => Pair::Obsolete,
            Ordering::Equal => Pair::Newest,
            Ordering::Greater => Pair::FirstMet,
        }
    }
}

/// The newest generation known to be in use; access tokens of those before it are obsolete.
///
/// Pair *g* is the refresh token of generation *g* and the access tokens that were handed out with it.
/// A chain at *n* has handed out pair *n* and nothing later; it went there because the refresh token
/// of *n* − 1 was presented, so whoever did that had pair *n* − 1. Whether the answer with pair *n*
/// arrived is not known before its access token is met, which `seen` tells.
fn oldest_used(n: i64, seen: i64) -> i64 {
    (n - 1).max(seen)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::UserId;
    use proptest::prelude::*;

    const IDLE: Duration = Duration::from_secs(100);

    fn standing(generation: i64, seen_generation: i64) -> SessionStanding {
        SessionStanding {
            user_id: UserId::new(Timestamp(0)),
            username: "alice".parse().unwrap(),
            client_id: "app".parse().unwrap(),
            scope: "".parse().unwrap(),
            generation,
            seen_generation,
            last_used_at: Timestamp(50_000),
            expires_at: Timestamp(1_000_000),
            ended_at: None,
            disabled_at: None,
        }
    }

    #[test]
    fn a_session_lives_until_the_first_of_its_ends() {
        let live = standing(0, 0);
        assert!(live.is_live(IDLE, Timestamp(149_999)) && !live.is_live(IDLE, Timestamp(150_000)));
        let short = SessionStanding { expires_at: Timestamp(60_000), ..live.clone() };
        assert!(short.is_live(IDLE, Timestamp(59_999)) && !short.is_live(IDLE, Timestamp(60_000)));
        let ended = SessionStanding { ended_at: Some(Timestamp(55_000)), ..live.clone() };
        let disabled = SessionStanding { disabled_at: Some(Timestamp(55_000)), ..live };
        assert!(
            !ended.is_live(IDLE, Timestamp(56_000)) && !disabled.is_live(IDLE, Timestamp(56_000))
        );
    }

    #[test]
    fn a_pair_is_obsolete_once_its_successor_is_used() {
        let pair = |n, seen, generation| standing(n, seen).pair(generation);
        // After the login, and after a refresh whose answer may be lost.
        assert_eq!(pair(0, 0, 0), Pair::Newest);
        assert_eq!((pair(1, 0, 0), pair(1, 0, 1)), (Pair::Newest, Pair::FirstMet));
        // The access token that came with the refresh was met.
        assert_eq!((pair(1, 1, 0), pair(1, 1, 1)), (Pair::Obsolete, Pair::Newest));
        // The refresh token that came with it was presented, its access token never.
        assert_eq!((pair(2, 0, 0), pair(2, 0, 1)), (Pair::Obsolete, Pair::Newest));
        // A restored backup stands behind what it has handed out.
        assert_eq!(pair(3, 2, 7), Pair::FirstMet);
    }

    proptest! {
        /// A chain in any order of refreshes and uses: obsolete is what has a used successor, and
        /// nothing else.
        #[test]
        fn obsolete_is_what_has_a_used_successor(steps in prop::collection::vec(any::<(bool, u8)>(), 0..40)) {
            let (mut row, mut used) = (standing(0, 0), vec![false]);
            for (refresh, which) in steps {
                let newest = used.len() - 1;
                if refresh {
                    used[newest] = true;
                    used.push(false);
                    row.generation += 1;
                } else {
                    let met = usize::from(which) % used.len();
                    let generation = i64::try_from(met).unwrap();
                    let obsolete = used[met + 1..].contains(&true);
                    prop_assert_eq!(row.pair(generation) == Pair::Obsolete, obsolete);
                    if !obsolete {
                        used[met] = true;
                        if row.pair(generation) == Pair::FirstMet {
                            row.seen_generation = generation;
                        }
                    }
                }
            }
        }
    }
}
