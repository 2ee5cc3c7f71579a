//! Group commit: rotations that wait while another commit runs share the next statement and commit.
use super::{Error, Result, Rotated, Rotation, Store};
use crate::{config::DatabaseSettings, model::SessionId};
use std::{
    collections::{HashMap, HashSet},
    mem, thread,
    time::{Duration, Instant},
};
use tokio::{
    runtime::Handle,
    sync::{mpsc, oneshot},
    task::spawn_blocking,
    time::timeout,
};

/// Uses that may wait to be taken; others wait to be let in.
const QUEUE: usize = 1024;

/// From a commit that takes so long on, it pays to wait for company.
const SLOW: Duration = Duration::from_millis(1);

/// Of what the last commit took, how much at most is waited for company; and how long at most.
const SHARE: u32 = 3;
const LONGEST_GATHERING: Duration = Duration::from_millis(50);

/// More would not all come back in time, and half of them fill a commit well.
const LARGEST_COMPANY: usize = 32;

/// A queue of rotations, and a task that commits them, one group at a time. It ends when this is dropped.
#[derive(Debug)]
pub struct GroupCommit {
    store: Store,
    runtime: Handle,
    /// None if each rotation has a commit of its own.
    queue: Option<mpsc::Sender<Waiting>>,
}

#[derive(Debug)]
struct Waiting {
    rotation: Rotation,
    /// Closed without an answer if the group failed.
    answer: oneshot::Sender<Option<Rotated>>,
}

impl GroupCommit {
    pub fn start(store: Store, settings: &DatabaseSettings) -> Self {
        let largest = settings.rotations_per_commit;
        let longest = settings.longest_wait();
        let queue = (largest > 1).then(|| {
            let (sender, queue) = mpsc::channel(QUEUE);
            tokio::spawn(Worker { store: store.clone(), largest, longest, queue }.run());
            sender
        });
        Self { store, runtime: Handle::current(), queue }
    }

    /// Moves the chain on as [`super::Conn::rotate`] does, and returns when that is durable. Who
    /// comes alone waits for no company.
    ///
    /// None if the chain was not moved, or not surely: a group may fail for one's sake.
    ///
    /// # Errors
    /// Those of a rotation that has a commit of its own.
    pub async fn rotate(&self, rotation: Rotation) -> Result<Option<Rotated>> {
        let Some(queue) = &self.queue else { return self.alone(rotation).await };
        let (answer, answered) = oneshot::channel();
        if queue.send(Waiting { rotation, answer }).await.is_err() {
            return Ok(None);
        }
        Ok(answered.await.ok().flatten())
    }

    /// As a task too, as whoever asks may go away.
    async fn alone(&self, rotation: Rotation) -> Result<Option<Rotated>> {
        let store = self.store.clone();
        let rotate = async move { store.autocommit().await?.rotate(&[rotation]).await };
        Ok(self.runtime.spawn(rotate).await.expect("the work does not panic")?.pop())
    }
}

struct Worker {
    store: Store,
    largest: usize,
    longest: Duration,
    queue: mpsc::Receiver<Waiting>,
}

/// Who may come, and until when they are waited for.
struct Company {
    size: usize,
    until: Instant,
}

impl Worker {
    async fn run(mut self) {
        let mut waiting = Vec::new();
        let mut company = Company { size: 0, until: Instant::now() };
        loop {
            if waiting.is_empty() && self.queue.recv_many(&mut waiting, self.largest).await == 0 {
                return;
            }
            self.gather(&mut waiting, &company).await;
            let later = take_twins(&mut waiting);
            let group = mem::replace(&mut waiting, later);
            let (size, began) = (group.len(), Instant::now());
            if let Err(error) = self.commit(group).await {
                tracing::warn!(%error, "a group of rotations failed; each is tried alone");
            }
            company = self.company(size + waiting.len(), began);
        }
    }

    /// On a slow disk, those who were just answered: were the next commit to begin without them, half of
    /// them would make one while the other half waits, by turns.
    fn company(&self, known: usize, began: Instant) -> Company {
        let (took, size) = (began.elapsed(), known + self.queue.len());
        let pays = took >= SLOW && size <= LARGEST_COMPANY.min(self.largest);
        let patience = if pays { LONGEST_GATHERING.min(took / SHARE) } else { Duration::ZERO };
        Company { size, until: Instant::now() + patience }
    }

    async fn gather(&mut self, waiting: &mut Vec<Waiting>, company: &Company) {
        let nap = nap_until(company.until);
        tokio::pin!(nap);
        while waiting.len() < company.size {
            let room = self.largest - waiting.len();
            tokio::select! {
                biased;
                taken = self.queue.recv_many(waiting, room) => if taken == 0 { return },
                () = &mut nap => return,
            }
        }
    }

    async fn commit(&self, mut group: Vec<Waiting>) -> Result<()> {
        // Two replicas that lock the same rows in the same order do not wait for each other in a ring.
        group.sort_unstable_by_key(|one| one.rotation.session_id);
        let (uses, answers): (Vec<_>, Vec<_>) =
            group.into_iter().map(|one| (one.rotation, one.answer)).unzip();
        // Before each is tried alone, and meets the next connection that is broken.
        let mut moved = self.rotate(&uses).await.inspect_err(|error| self.store.doubt(error))?;
        for (used, answer) in uses.iter().zip(answers) {
            // Who hung up gets the same successor when they come again.
            drop(answer.send(moved.remove(&used.session_id)));
        }
        Ok(())
    }

    async fn rotate(&self, uses: &[Rotation]) -> Result<HashMap<SessionId, Rotated>> {
        let mut conn = self.store.autocommit().await?;
        let Ok(rotated) = timeout(self.longest, conn.rotate(uses)).await else {
            conn.discard();
            return Err(Error::TimedOut);
        };
        Ok(rotated?.into_iter().map(|rotated| (rotated.session_id, rotated)).collect())
    }
}

/// The runtime's own timers count whole milliseconds.
async fn nap_until(until: Instant) {
    let left = until.saturating_duration_since(Instant::now());
    if !left.is_zero() {
        drop(spawn_blocking(move || thread::sleep(left)).await);
    }
}

/// One statement updates a row once, so a second use of the same session goes into the next.
fn take_twins(waiting: &mut Vec<Waiting>) -> Vec<Waiting> {
    let mut seen = HashSet::with_capacity(waiting.len());
    waiting.extract_if(.., |one| !seen.insert(one.rotation.session_id)).collect()
}
