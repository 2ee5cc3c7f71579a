//! Work for the CPU that would stall an async thread: on threads of its own, with a bounded queue.
use std::{
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    thread,
};
use tokio::sync::oneshot;

type Work = Box<dyn FnOnce() + Send>;

#[derive(Debug)]
pub struct Offload {
    threads: mpsc::Sender<Work>,
    /// Work that has not ended.
    pending: Arc<AtomicUsize>,
    most_pending: usize,
}

/// So much work waits already that more would only wait in vain.
#[derive(Debug, thiserror::Error)]
#[error("too much work waits already")]
pub struct Busy;

impl Offload {
    /// `concurrency` threads (0: one per core), and a queue for so much work beside what they do.
    pub fn new(concurrency: usize, queue: usize) -> Self {
        let cores = thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let concurrency = if concurrency == 0 { cores } else { concurrency };
        let (threads, queued) = mpsc::channel();
        let queued = Arc::new(Mutex::new(queued));
        for _ in 0..concurrency {
            let queued = Arc::clone(&queued);
            thread::spawn(move || work_through(&queued));
        }
        let pending = Arc::new(AtomicUsize::new(0));
        Self { threads, pending, most_pending: concurrency + queue }
    }

    /// Runs the work when it is its turn. It runs to its end even if the caller is gone.
    ///
    /// # Errors
    /// [`Busy`] if the queue is full.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Busy> {
        let place = Place::take(&self.pending, self.most_pending)?;
        let (done, result) = oneshot::channel();
        let work = move || {
            let outcome = work();
            drop(place);
            // Whoever wanted to know may be gone.
            drop(done.send(outcome));
        };
        self.threads.send(Box::new(work)).expect("the threads live as long as this");
        Ok(result.await.expect("the work does not panic"))
    }
}

/// Ends when nobody can send work any more.
fn work_through(queue: &Mutex<mpsc::Receiver<Work>>) {
    loop {
        let next = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(work) = next else { return };
        // Work that panics has told its caller by dropping the channel; the thread goes on.
        drop(std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)));
    }
}

/// A place among what is pending, given up when dropped.
struct Place(Arc<AtomicUsize>);

impl Place {
    fn take(pending: &Arc<AtomicUsize>, most: usize) -> Result<Self, Busy> {
        let place = Self(Arc::clone(pending));
        if pending.fetch_add(1, Ordering::Relaxed) < most { Ok(place) } else { Err(Busy) }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_beyond_the_queue_is_refused() {
        let offload = Arc::new(Offload::new(1, 1));
        let (release, held) = mpsc::channel::<()>();
        let spawn = |work: Box<dyn FnOnce() + Send>| {
            let offload = Arc::clone(&offload);
            tokio::spawn(async move { offload.run(work).await })
        };
        let running = spawn(Box::new(move || held.recv().unwrap()));
        tokio::task::yield_now().await;
        let queued = spawn(Box::new(|| ()));
        tokio::task::yield_now().await;
        assert!(offload.run(|| ()).await.is_err());
        release.send(()).unwrap();
        assert!(running.await.unwrap().is_ok() && queued.await.unwrap().is_ok());
        assert!(offload.run(|| ()).await.is_ok());
    }
}
