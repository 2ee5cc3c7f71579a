//! The key ring: the current snapshot, and how it is kept up to date.
use super::{MasterKeys, Result, Snapshot, line::Policy};
use crate::{
    clock::{Clock, Timestamp},
    config::Settings,
    store::Store,
};
use arc_swap::{ArcSwap, Guard};
use std::{sync::Arc, time::Duration};
use tokio::{sync::Mutex, time::Instant};

/// The keys of this replica. Reading them never waits.
pub struct KeyRing {
    pub(super) store: Store,
    pub(super) clock: Clock,
    pub(super) master: MasterKeys,
    pub(super) policy: Policy,
    current: ArcSwap<Snapshot>,
    cache_control: String,
    /// When the last reading of the rows began; held while they are read.
    read_at: Mutex<Instant>,
}

/// How often unknown `kid`s may send this replica to the database.
const UNKNOWN_KID_PAUSE: Duration = Duration::from_millis(200);

impl KeyRing {
    /// Opens every key that is in use and makes those that are due.
    ///
    /// # Errors
    /// [`Error::Row`](super::Error::Row) names a row that does not open with the configured master
    /// keys. Nothing is changed then.
    pub async fn open(
        store: Store,
        clock: Clock,
        master: MasterKeys,
        settings: &Settings,
    ) -> Result<Self> {
        let ring = Self::visit(store, clock, master, settings).await?;
        ring.maintain().await?;
        ring.retire_lines().await?;
        ring.keep_lines().await?;
        Ok(ring)
    }

    /// Opens every key that is in use and leaves them as they are: for a change that is not the
    /// service's own. Its settings may be others, and must not switch lines on or off.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub async fn visit(
        store: Store,
        clock: Clock,
        master: MasterKeys,
        settings: &Settings,
    ) -> Result<Self> {
        let policy = Policy::new(settings);
        let rows = store.keys().await?;
        let snapshot = Snapshot::build(rows, None, &master, &policy, clock.now())?;
        Ok(Self {
            store,
            clock,
            master,
            cache_control: format!("public, max-age={}", policy.keys.jwks_max_age.as_secs()),
            policy,
            current: ArcSwap::from_pointee(snapshot),
            read_at: Mutex::new(Instant::now()),
        })
    }

    /// The keys as they are known now.
    pub fn snapshot(&self) -> Guard<Arc<Snapshot>> {
        self.current.load()
    }

    /// How long the JWKS may be cached, as a `Cache-Control` header says it.
    pub fn cache_control(&self) -> &str {
        &self.cache_control
    }

    /// Reads the rows anew.
    ///
    /// # Errors
    /// If they cannot be read or used; the keys known so far stay in use.
    pub async fn reload(&self) -> Result<()> {
        let mut read_at = self.read_at.lock().await;
        self.read(&mut read_at).await
    }

    /// Reads the rows anew for a `kid` that is not known, which another replica may have made, or
    /// anybody may have made up. All that ask at about the same time share one look, soon after the
    /// one before: a look that began earlier may have missed a key that was made since.
    pub async fn reload_for_unknown_kid(&self) -> Result<()> {
        let asked_at = Instant::now();
        let next_look = *self.read_at.lock().await + UNKNOWN_KID_PAUSE;
        tokio::time::sleep_until(next_look).await;
        let mut read_at = self.read_at.lock().await;
        if *read_at > asked_at {
            return Ok(());
        }
        self.read(&mut read_at).await
    }

    async fn read(&self, read_at: &mut Instant) -> Result<()> {
        let began_at = Instant::now();
        let rows = self.store.keys().await?;
        let current = self.current.load_full();
        let now = self.clock.now();
        if !current.is_of(&rows) || current.holds_spent_secrets(now) {
            let next = Snapshot::build(rows, Some(&current), &self.master, &self.policy, now)?;
            self.current.store(Arc::new(next));
        }
        *read_at = began_at;
        Ok(())
    }

    /// The instant of the ring's clock.
    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }
}
