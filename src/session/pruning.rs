//! Sessions that are over: ended when their lifetime is, and forgotten a while later.
use crate::{
    clock::Timestamp,
    config::{KeySettings, SessionSettings},
    model::{EndReason, SessionId},
    store::{Lifetime, Result, Store},
};

/// How many sessions are looked at in one go. What is to be done with them is one short transaction.
const BATCH: i64 = 500;

/// When sessions are over and may be forgotten.
#[derive(Debug, Clone, Copy)]
pub struct Pruning<'a> {
    pub sessions: &'a SessionSettings,
    pub keys: &'a KeySettings,
    pub now: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fate {
    Stays,
    Ends(EndReason),
    IsForgotten,
}

impl Pruning<'_> {
    /// Looks at the sessions that come after one, and says where to go on; none at the end of the table.
    ///
    /// # Errors
    /// If the database refuses; nothing of the batch is changed then.
    pub async fn batch(
        &self,
        store: &Store,
        after: Option<SessionId>,
    ) -> Result<Option<SessionId>> {
        let seen = store.read().await?.lifetimes(after, BATCH).await?;
        let fates = seen.iter().map(|seen| (seen, self.fate(seen)));
        let over: Vec<_> = fates.filter(|(_, fate)| *fate != Fate::Stays).collect();
        if !over.is_empty() {
            let mut conn = store.write().await?;
            for (seen, fate) in over {
                match fate {
                    Fate::Stays => {}
                    Fate::Ends(reason) => {
                        conn.expire_session(seen, reason, self.now).await?;
                    }
                    Fate::IsForgotten => {
                        conn.forget_session(seen.id).await?;
                    }
                }
            }
            conn.commit().await?;
        }
        let full = i64::try_from(seen.len()).is_ok_and(|seen| seen == BATCH);
        Ok(seen.last().filter(|_| full).map(|last| last.id))
    }

    /// Shortens the deny list by the oldest tokens that have expired, also for a replica with a slow
    /// clock. False once none is left.
    pub async fn denied_batch(&self, store: &Store) -> Result<bool> {
        let expired = self.now - self.keys.leeway;
        let forgotten = store.autocommit().await?.forget_denied_tokens(expired, BATCH).await?;
        Ok(i64::try_from(forgotten).is_ok_and(|forgotten| forgotten == BATCH))
    }

    /// A replica with a slow clock may still let a session live that is over here, so there is some
    /// leeway. Clients can only shorten their lifetimes: theirs are refused earlier and end here.
    fn fate(&self, seen: &Lifetime) -> Fate {
        let now = self.now - self.keys.leeway;
        match seen.ended_at {
            Some(ended_at) if ended_at + self.sessions.forget_after <= now => Fate::IsForgotten,
            None if seen.expires_at <= now => Fate::Ends(EndReason::Expired),
            None if seen.last_used_at + self.sessions.idle_lifetime <= now => {
                Fate::Ends(EndReason::Idle)
            }
            Some(_) | None => Fate::Stays,
        }
    }
}
