use super::{super::part_of, STEP, Verifier};
use mintmark::clock::Clock;
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{sync::mpsc, task::JoinHandle};

/// Somebody at work beside the test.
pub struct Worker<T> {
    pub task: JoinHandle<T>,
    /// How many tokens it has got or checked.
    pub done: Arc<AtomicU64>,
}

impl<T> Worker<T> {
    pub fn done(&self) -> u64 {
        self.done.load(Ordering::SeqCst)
    }

    /// Waits until it has done more than that.
    pub async fn goes_on(&self, before: u64) {
        while self.done() == before {
            assert!(!self.task.is_finished(), "it panicked");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}

/// Checks each token when it comes, and again when it is about to expire.
pub async fn verify(
    mut verifier: Verifier,
    clock: Clock,
    mut tokens: mpsc::Receiver<Arc<str>>,
    failures: Arc<Mutex<Vec<String>>>,
    done: Arc<AtomicU64>,
) -> Verifier {
    let mut kept: Vec<(i64, Arc<str>)> = Vec::new();
    while let Some(token) = tokens.recv().await {
        let expires_at = part_of(&token, 1)["exp"].as_i64().unwrap();
        kept.push((expires_at, Arc::clone(&token)));
        let soon = (clock.now() + STEP).seconds();
        let expiring = kept.extract_if(.., |(expires_at, _)| *expires_at <= soon);
        let due: Vec<_> = std::iter::once(token).chain(expiring.map(|(_, old)| old)).collect();
        for token in due {
            if let Err(failure) = verifier.check(&token).await {
                failures.lock().unwrap().push(failure);
            }
        }
        done.fetch_add(1, Ordering::SeqCst);
    }
    verifier
}
