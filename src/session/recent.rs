//! What was read of tokens a moment ago, so that a resource server that asks again and again does not
//! send each question to the database.
use crate::{
    clock::{Clock, Timestamp},
    model::SessionId,
    store::{Result, Standing},
};
use moka::future::Cache;
use std::{
    hash::{BuildHasher, RandomState},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering::SeqCst},
    },
    time::Duration,
};

/// What a token is, to the database.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TokenRef {
    pub session_id: Option<SessionId>,
    /// None for a refresh token.
    pub jti: Option<String>,
}

/// Bounded in age and number. What this replica changes itself is never answered from before the
/// change.
pub struct Recent {
    entries: Cache<TokenRef, Entry>,
    /// How often something was changed, by the hash of what: so an entry that was read before a change
    /// is known, even one that is stored after it. What shares a place costs each other a reading.
    changes: Box<[AtomicU64]>,
    hasher: RandomState,
    max_age: Duration,
}

#[derive(Clone)]
struct Entry {
    standing: Arc<Standing>,
    read_at: Timestamp,
    changes: u64,
}

const MOST: u64 = 50_000;
const PLACES: u64 = 4096;

impl Recent {
    pub fn new(max_age: Duration) -> Self {
        Self {
            // Its own clock is the monotonic one: an entry does not live on when the system's is set
            // back.
            entries: Cache::builder().max_capacity(MOST).time_to_live(max_age).build(),
            changes: (0..PLACES).map(|_| AtomicU64::new(0)).collect(),
            hasher: RandomState::new(),
            max_age,
        }
    }

    /// What is known, or what is read now. That there is no such session is not remembered.
    pub async fn get<F>(
        &self,
        token: TokenRef,
        clock: &Clock,
        read: impl FnOnce() -> F,
    ) -> Result<Option<Arc<Standing>>>
    where
        F: Future<Output = Result<Option<Standing>>>,
    {
        let (changes, now) = (self.place(&token).load(SeqCst), clock.now());
        if let Some(known) = self.entries.get(&token).await
            && known.changes == changes
            && (known.read_at..known.read_at + self.max_age).contains(&now)
        {
            return Ok(Some(known.standing));
        }
        let Some(standing) = read().await?.map(Arc::new) else { return Ok(None) };
        let entry = Entry { standing: Arc::clone(&standing), read_at: now, changes };
        self.entries.insert(token, entry).await;
        Ok(Some(standing))
    }

    /// To be called after a change of the session or its tokens has been committed.
    pub fn session_changed(&self, id: SessionId) {
        self.changed(&TokenRef { session_id: Some(id), jti: None });
    }

    /// The same for the token alone, or for its session if it has one.
    pub fn changed(&self, token: &TokenRef) {
        self.place(token).fetch_add(1, SeqCst);
    }

    /// The same where it is not known which sessions were changed.
    pub fn all_changed(&self) {
        for place in &self.changes {
            place.fetch_add(1, SeqCst);
        }
    }

    #[expect(
        clippy::indexing_slicing,
        reason = "a remainder of the number of places is one of them"
    )]
    fn place(&self, token: &TokenRef) -> &AtomicU64 {
        let hash = match token.session_id {
            Some(session_id) => self.hasher.hash_one(session_id),
            None => self.hasher.hash_one(&token.jti),
        };
        let place = usize::try_from(hash % PLACES).unwrap_or(0);
        &self.changes[place]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AGE: Duration = Duration::from_mins(1);

    struct Told {
        recent: Recent,
        clock: Clock,
    }

    impl Told {
        fn new() -> Self {
            Self { recent: Recent::new(AGE), clock: Clock::manual() }
        }

        /// Whether the token is denied, when the database says so.
        async fn ask(&self, token: &TokenRef, database: bool) -> bool {
            let read = || async move { Ok(Some(Standing { session: None, denied: database })) };
            let found = self.recent.get(token.clone(), &self.clock, read).await;
            found.unwrap().unwrap().denied
        }
    }

    fn token(jti: &str) -> TokenRef {
        TokenRef { session_id: None, jti: Some(jti.to_owned()) }
    }

    fn of_session(session_id: SessionId, jti: Option<&str>) -> TokenRef {
        TokenRef { session_id: Some(session_id), jti: jti.map(str::to_owned) }
    }

    #[tokio::test]
    async fn what_is_remembered_is_younger_than_its_bound() {
        let told = Told::new();
        assert!(!told.ask(&token("a"), false).await);
        told.clock.advance(Duration::from_millis(59_999));
        assert!(!told.ask(&token("a"), true).await);
        told.clock.advance(Duration::from_millis(1));
        assert!(told.ask(&token("a"), true).await);
        let nothing = Told { recent: Recent::new(Duration::ZERO), clock: Clock::manual() };
        assert!(!nothing.ask(&token("a"), false).await && nothing.ask(&token("a"), true).await);
    }

    #[tokio::test]
    async fn a_change_is_answered_at_once_for_all_tokens_of_the_session() {
        let told = Told::new();
        let session = SessionId::new(told.clock.now());
        let tokens = [
            of_session(session, Some("a")),
            of_session(session, Some("b")),
            of_session(session, None),
        ];
        for token in &tokens {
            assert!(!told.ask(token, false).await && !told.ask(token, true).await);
        }
        told.recent.session_changed(session);
        for token in &tokens {
            assert!(told.ask(token, true).await);
        }
        told.recent.changed(&tokens[0]);
        assert!(!told.ask(&tokens[1], false).await);
        assert!(!told.ask(&token("c"), false).await);
        told.recent.changed(&token("c"));
        assert!(told.ask(&token("c"), true).await);
        told.recent.all_changed();
        assert!(!told.ask(&token("c"), false).await);
    }

    /// The reading began before the change, and is done after it.
    #[tokio::test]
    async fn what_was_read_before_a_change_is_not_remembered_after_it() {
        let told = Told::new();
        let read = || async {
            told.recent.changed(&token("a"));
            Ok(Some(Standing { session: None, denied: false }))
        };
        told.recent.get(token("a"), &told.clock, read).await.unwrap();
        assert!(told.ask(&token("a"), true).await);
    }

    #[tokio::test]
    async fn that_something_is_not_there_is_not_remembered() {
        let told = Told::new();
        let read = || async { Ok(None) };
        assert!(told.recent.get(token("a"), &told.clock, read).await.unwrap().is_none());
        assert!(told.ask(&token("a"), true).await);
    }
}
