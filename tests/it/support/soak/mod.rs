//! Replicas whose keys rotate all the time, clients that get tokens of them, and verifiers that check
//! each. The test moves the time, so it does not matter how fast the machine is.
mod client;
mod worker;

use super::{Database, Library, Random, SECRET, Server, Verifier, shifted};
use client::Client;
use futures_util::future::join_all;
use mintmark::{
    clock::Clock,
    config::Settings,
    keys::Line,
    model::{Algorithm, ClientMetadata, ClientType},
};
use serde_json::json;
use std::{
    sync::{Arc, Mutex, atomic::AtomicU64},
    time::Duration,
};
use tokio::sync::{Semaphore, mpsc};
use worker::{Worker, verify};

pub struct Soak {
    replicas: Arc<Vec<Server>>,
    /// The clock of the verifiers.
    clock: Clock,
    random: Random,
    failures: Arc<Mutex<Vec<String>>>,
    /// How many requests each client may make; closed when there are to be no more.
    allowed: Vec<Arc<Semaphore>>,
    clients: Vec<Worker<()>>,
    verifiers: Vec<Worker<Verifier>>,
}

/// The longest that passes between two rounds of upkeep.
pub const STEP: Duration = Duration::from_secs(30);
/// What the clocks of the replicas are ahead of those of the verifiers, in seconds. The first is the
/// slowest, as what it adds must not be of the others' future.
const OFFSETS: [i64; 3] = [-30, 0, 30];
const CLIENTS: usize = 3;
/// How many requests each makes in a step: the last is under way when the clocks move.
const REQUESTS: usize = 2;
/// How many tokens a verifier may be behind, so that few expire before it looks at them.
const BEHIND: usize = 4;

impl Soak {
    pub async fn start(database: Database, change: impl Fn(&mut Settings)) -> Self {
        let clock = Clock::manual();
        let [slow, right, fast] = OFFSETS.map(|offset| shifted(&clock, offset));
        let first = Server::with_clock(database, slow, &change).await;
        let metadata =
            ClientMetadata::new(ClientType::Confidential, vec!["client_credentials".into()]);
        let metadata = ClientMetadata { access_token_alg: Some(Algorithm::Rs256), ..metadata };
        first.add_client("rsa", metadata, Some(SECRET)).await;
        let second = first.replica_at(right, &change).await;
        let third = first.replica_at(fast, &change).await;
        let mut soak = Self {
            // The owner of the database is dropped last.
            replicas: Arc::new(vec![third, second, first]),
            clock,
            random: Random::new(),
            failures: Arc::default(),
            allowed: Vec::new(),
            clients: Vec::new(),
            verifiers: Vec::new(),
        };
        soak.let_them_work();
        soak
    }

    fn let_them_work(&mut self) {
        let mut outputs = Vec::new();
        for (n, library) in [Library::Ring, Library::Josekit, Library::Ring].into_iter().enumerate()
        {
            let mut urls: Vec<_> = self.replicas.iter().map(|server| server.url.clone()).collect();
            urls.rotate_left(n);
            let verifier = Verifier::new(library, self.clock.clone(), urls);
            let (output, tokens) = mpsc::channel(BEHIND);
            outputs.push(output);
            let done = Arc::<AtomicU64>::default();
            let failures = Arc::clone(&self.failures);
            let work = verify(verifier, self.clock.clone(), tokens, failures, Arc::clone(&done));
            self.verifiers.push(Worker { task: tokio::spawn(work), done });
        }
        for _ in 0..CLIENTS {
            let (allowed, done) = (Arc::new(Semaphore::new(0)), Arc::<AtomicU64>::default());
            self.allowed.push(Arc::clone(&allowed));
            let client = Client {
                replicas: Arc::clone(&self.replicas),
                clock: self.clock.clone(),
                random: self.random.fork(),
                outputs: outputs.clone(),
                allowed,
                done: Arc::clone(&done),
                failures: Arc::clone(&self.failures),
                session: None,
            };
            self.clients.push(Worker { task: tokio::spawn(client.work()), done });
        }
    }

    /// Lets time pass until that many keys of the line have been superseded.
    pub async fn supersede(&mut self, alg: Algorithm, keys: i64) {
        while self.active(alg) <= keys {
            self.step().await;
        }
    }

    /// The number of the key that signs.
    fn active(&self, alg: Algorithm) -> i64 {
        let (keys, now) = (&self.replicas[0].app.keys, self.replicas[0].clock.now());
        keys.snapshot().timeline(Line::Signing(alg)).active_at(now).unwrap().number
    }

    async fn step(&mut self) {
        let part = Duration::from_secs(1 + self.random.below(STEP.as_secs()));
        let step = if self.random.once_in(4) { part } else { STEP };
        // The verifiers first: no replica is further ahead of them than it should be.
        self.clock.advance(step);
        for replica in &*self.replicas {
            replica.clock.advance(step);
        }
        let (clients, verifiers) = (&self.clients, &self.verifiers);
        let before: Vec<_> = clients.iter().map(Worker::done).collect();
        let checked: Vec<_> = verifiers.iter().map(Worker::done).collect();
        self.allowed.iter().for_each(|allowed| allowed.add_permits(REQUESTS));
        join_all(clients.iter().zip(before).map(|(one, before)| one.goes_on(before))).await;
        join_all(verifiers.iter().zip(checked).map(|(one, before)| one.goes_on(before))).await;
        // Last, so that verifiers have met replicas that do not know what others made since the last.
        for kept in join_all(self.replicas.iter().map(|one| one.app.keys.maintain())).await {
            kept.unwrap();
        }
        if self.random.once_in(3) {
            self.rotate().await;
        }
    }

    /// A graceful rotation, asked for at one replica or at two at the same moment. Most often at the
    /// slowest: its keys are announced in what is the past of the others, and sign soonest.
    async fn rotate(&mut self) {
        let slowest = self.replicas.len() - 1;
        let any = self.random.index(self.replicas.len());
        let first = if self.random.once_in(2) { slowest } else { any };
        let asked = 1 + self.random.index(2);
        let chosen = self.replicas.iter().cycle().skip(first).take(asked);
        for answer in join_all(chosen.map(|replica| replica.rotate(json!({})))).await {
            answer.expect(200);
        }
    }

    /// What failed, and the verifiers with what they have seen.
    pub async fn finish(self) -> (Vec<String>, Vec<Verifier>) {
        self.allowed.iter().for_each(|allowed| allowed.close());
        for client in self.clients {
            client.task.await.unwrap();
        }
        let mut verifiers = Vec::new();
        for verifier in self.verifiers {
            verifiers.push(verifier.task.await.unwrap());
        }
        (std::mem::take(&mut *self.failures.lock().unwrap()), verifiers)
    }
}
