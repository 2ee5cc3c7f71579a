//! Everything a request can reach, wired once.
use crate::{
    clock::{Clock, Timestamp},
    config::Settings,
    keys::{self, Fetchers, KeyRing, MasterKeys},
    model::{Client, ClientId},
    offload::Offload,
    password::Passwords,
    session::{Pruning, Recent, TokenRef, status::Statuses},
    store::{self, Fetcher, GroupCommit, Notice, Standing, Store},
};
use moka::future::Cache;
use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{runtime::Handle, task::JoinSet, time::timeout};
use tracing::Instrument;

pub struct App {
    pub settings: Settings,
    pub clock: Clock,
    pub store: Store,
    pub rotations: GroupCommit,
    pub keys: KeyRing,
    pub fetchers: Fetchers,
    pub statuses: Statuses,
    pub passwords: Passwords,
    /// For signatures that take long.
    pub signing: Offload,
    /// How tokens stand; to be told of what changes that.
    pub recent: Recent,
    clients: Cache<ClientId, Arc<Client>>,
    draining: AtomicBool,
    runtime: Handle,
}

/// Signatures that may wait for a core; each takes less than a millisecond.
const SIGNING_QUEUE: usize = 4096;
const MOST_CACHED_CLIENTS: u64 = 10_000;
/// Who fetches the JWKS is worth a short wait: whoever asks about keys while the database is away wants
/// to hear of the keys.
const FETCHERS_WITHIN: Duration = Duration::from_secs(1);
/// Between one walk through the sessions and the next.
const PRUNE_PAUSE: Duration = Duration::from_mins(5);
/// A walk takes about a minute for each hundred thousand sessions.
const BATCH_PAUSE: Duration = Duration::from_millis(250);
/// Between one look at the connections to the database and the next.
const PROBE_PAUSE: Duration = Duration::from_secs(2);
const PAUSE_AFTER_ERROR: Duration = Duration::from_secs(1);

impl App {
    /// Opens the database and the keys. To be called on the runtime that is to do the work with the
    /// database.
    ///
    /// # Errors
    /// If the database or a key in it cannot be used; the message names which.
    pub async fn open(settings: Settings, clock: Clock) -> keys::Result<Arc<Self>> {
        let master = MasterKeys::load(&settings.master_key)?;
        let store = Store::open(&settings.database).await?;
        let keys = Box::pin(KeyRing::open(store.clone(), clock.clone(), master, &settings)).await?;
        Ok(Arc::new(Self {
            rotations: GroupCommit::start(store.clone(), &settings.database),
            fetchers: Fetchers::default(),
            statuses: Statuses::default(),
            passwords: Passwords::new(&settings.passwords),
            signing: Offload::new(0, SIGNING_QUEUE),
            clients: Cache::builder()
                .max_capacity(MOST_CACHED_CLIENTS)
                .time_to_live(settings.clients.cache_for)
                .build(),
            recent: Recent::new(settings.introspection.cache_for),
            draining: AtomicBool::new(false),
            runtime: Handle::current(),
            settings,
            clock,
            store,
            keys,
        }))
    }

    /// Runs work on the runtime that owns the database connections, to its end: a client that hangs
    /// up makes actix drop its handler, and a change must not stop half-way for that. Nobody waits
    /// longer than a statement may take: a database that hangs does not keep to its own timeouts.
    ///
    /// Not an `async fn`, as its future would hold the work a second time.
    pub fn to_the_end<T, E, W>(&self, work: W) -> impl Future<Output = Result<T, E>> + use<T, E, W>
    where
        T: Send + 'static,
        E: From<store::Error> + Send + 'static,
        W: Future<Output = Result<T, E>> + Send + 'static,
    {
        let done = self.runtime.spawn(work.in_current_span());
        let longest = self.settings.database.longest_wait();
        async move {
            match timeout(longest, done).await {
                Ok(done) => done.expect("the work does not panic"),
                Err(_) => Err(store::Error::TimedOut.into()),
            }
        }
    }

    /// A registered client, at most `clients.cache_for` old. That there is none is not remembered:
    /// a new client works at once.
    pub async fn client(&self, id: &ClientId) -> store::Result<Option<Arc<Client>>> {
        if let Some(client) = self.clients.get(id).await {
            return Ok(Some(client));
        }
        let (store, wanted) = (self.store.clone(), id.clone());
        let read = async move { store.read().await?.client(&wanted).await };
        let found = self.to_the_end(read).await?.map(Arc::new);
        if let Some(client) = &found {
            self.clients.insert(id.clone(), Arc::clone(client)).await;
        }
        Ok(found)
    }

    /// How a token stands, at most `introspection.cache_for` ago; as of now, if this replica has changed
    /// it. None if its session is not known.
    pub async fn recent_standing(&self, token: TokenRef) -> store::Result<Option<Arc<Standing>>> {
        let asked = token.clone();
        self.recent.get(token, &self.clock, || self.read_standing(asked)).await
    }

    /// How a token stands now.
    pub fn read_standing(
        &self,
        token: TokenRef,
    ) -> impl Future<Output = store::Result<Option<Standing>>> + use<> {
        let store = self.store.clone();
        self.to_the_end(async move {
            let mut conn = store.read().await?;
            conn.standing(token.session_id, token.jti.as_deref()).await
        })
    }

    /// Who has fetched the JWKS lately, newest fetch first. While the database is away, those whom this
    /// replica remembers.
    pub async fn known_fetchers(&self) -> Vec<Fetcher> {
        let (store, now) = (self.store.clone(), self.clock.now());
        let read = self.to_the_end(async move { Fetchers::stored(&store, now).await });
        let read = timeout(FETCHERS_WITHIN, read).await.unwrap_or(Err(store::Error::TimedOut));
        let stored = read.unwrap_or_else(|error| {
            tracing::warn!(%error, "those who fetch the JWKS could not be read");
            Vec::new()
        });
        self.fetchers.with(stored, now)
    }

    /// Tells the database who has fetched the JWKS, before the service stops.
    pub async fn flush_fetchers(self: &Arc<Self>) {
        let app = Arc::clone(self);
        let flush = async move { app.fetchers.flush_all(&app.store, app.clock.now()).await };
        note_unflushed(self.to_the_end(flush).await);
    }

    /// Keeps the keys up to date, rotates them on schedule, tells the database who fetches the JWKS and
    /// listens to other replicas, until the set of tasks is dropped.
    #[must_use]
    pub fn keep_up(self: &Arc<Self>) -> JoinSet<()> {
        let mut tasks = JoinSet::new();
        let app = Arc::clone(self);
        tasks.spawn_on(async move { app.maintain_keys().await }, &self.runtime);
        let app = Arc::clone(self);
        tasks.spawn_on(async move { app.prune_again_and_again().await }, &self.runtime);
        let app = Arc::clone(self);
        let listen = async move {
            while let Err(error) = app.listen().await {
                tracing::warn!(%error, "notices of other replicas are interrupted");
                tokio::time::sleep(PAUSE_AFTER_ERROR).await;
            }
        };
        tasks.spawn_on(listen, &self.runtime);
        let app = Arc::clone(self);
        tasks.spawn_on(async move { app.probe_connections().await }, &self.runtime);
        tasks
    }

    async fn maintain_keys(&self) {
        loop {
            tokio::time::sleep(self.settings.keys.poll_interval).await;
            if let Err(error) = self.keys.maintain().await {
                tracing::error!(%error, "the keys could not be brought up to date");
            }
            note_unflushed(self.fetchers.flush(&self.store, self.clock.now()).await);
        }
    }

    async fn probe_connections(&self) {
        loop {
            tokio::time::sleep(PROBE_PAUSE).await;
            // That there is none to be had is felt by whoever needs one, and passes.
            drop(self.store.probe(self.settings.database.longest_wait()).await);
        }
    }

    async fn prune_again_and_again(&self) {
        loop {
            tokio::time::sleep(PRUNE_PAUSE).await;
            if let Err(error) = self.prune().await {
                tracing::warn!(%error, "sessions that are over could not be removed");
            }
        }
    }

    /// Goes through all sessions, ends those whose lifetime is over and removes those that ended long
    /// ago, in small steps with pauses between them: logins and refreshes come first. Then the same
    /// with revoked tokens that have expired, and with places of sessions that ended.
    pub async fn prune(&self) -> store::Result<()> {
        let mut after = None;
        loop {
            after = self.pruning().batch(&self.store, after).await?;
            if after.is_none() {
                break;
            }
            tokio::time::sleep(BATCH_PAUSE).await;
        }
        while self.pruning().denied_batch(&self.store).await? {
            tokio::time::sleep(BATCH_PAUSE).await;
        }
        // A slow clock may still want them.
        let before = self.ended_since(self.clock.now()) - self.settings.keys.leeway;
        self.store.autocommit().await?.forget_ended_statuses(before).await
    }

    fn pruning(&self) -> Pruning<'_> {
        let (sessions, keys) = (&self.settings.sessions, &self.settings.keys);
        Pruning { sessions, keys, now: self.clock.now() }
    }

    /// Sessions that ended before this have no access token that anybody still accepts: their clocks may
    /// be behind ours, and ours behind that of the replica that made the token.
    pub fn ended_since(&self, now: Timestamp) -> Timestamp {
        let longest = self.keys.snapshot().longest_access_token(now).unwrap_or_default();
        now - longest.max(self.settings.tokens.access_token_lifetime)
            - self.settings.keys.leeway * 2
    }

    /// Takes in what other replicas change, as soon as they say so. Returns at once where the
    /// database has no notices.
    async fn listen(&self) -> keys::Result<()> {
        let Some(mut notices) = self.store.notices().await? else { return Ok(()) };
        // What was said before is missed, so nothing that is remembered can be relied on.
        self.forget().await?;
        loop {
            match notices.next().await? {
                Some(Notice::Keys) => self.keys.reload().await?,
                Some(Notice::Clients) => self.clients.invalidate_all(),
                None => self.forget().await?,
            }
        }
    }

    /// Lets go of what may be out of date, once there is something newer to be had: clients that are
    /// known go on getting tokens while the database is away.
    async fn forget(&self) -> keys::Result<()> {
        self.keys.reload().await?;
        self.clients.invalidate_all();
        Ok(())
    }

    /// From now on readiness says no, so that load balancers send new requests elsewhere.
    pub fn drain(&self) {
        self.draining.store(true, Ordering::Relaxed);
    }

    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }
}

/// Nothing is lost but by a crash: what memory holds is told later.
fn note_unflushed(flushed: store::Result<()>) {
    if let Err(error) = flushed {
        tracing::warn!(%error, "the database could not be told who fetched the JWKS");
    }
}
