//! Work for the CPU that would stall an async thread: on threads of its own, a bounded number at once.
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use tokio::sync::Semaphore;

#[derive(Debug)]
pub struct Offload {
    permits: Arc<Semaphore>,
    waiting: AtomicUsize,
    queue: usize,
}

/// So much work waits already that more would only wait in vain.
#[derive(Debug, thiserror::Error)]
#[error("too much work waits already")]
pub struct Busy;

impl Offload {
    /// `concurrency` at once (0: one per core), and `queue` more that wait.
    pub fn new(concurrency: usize, queue: usize) -> Self {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let permits = if concurrency == 0 { cores } else { concurrency };
        Self { permits: Arc::new(Semaphore::new(permits)), waiting: AtomicUsize::new(0), queue }
    }

    /// Runs the work when it is its turn. Work that has begun runs to its end and keeps its place
    /// even if the caller is gone.
    ///
    /// # Errors
    /// [`Busy`] if the queue is full.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Busy> {
        let free = Arc::clone(&self.permits).try_acquire_owned();
        let permit = if let Ok(permit) = free {
            permit
        } else {
            let _place = self.queue_up()?;
            let permit = Arc::clone(&self.permits).acquire_owned().await;
            permit.expect("the semaphore is never closed")
        };
        let done = tokio::task::spawn_blocking(move || {
            let _permit = permit;
            work()
        });
        Ok(done.await.expect("the work does not panic"))
    }

    fn queue_up(&self) -> Result<Place<'_>, Busy> {
        let place = Place(&self.waiting);
        if self.waiting.fetch_add(1, Ordering::Relaxed) < self.queue {
            Ok(place)
        } else {
            Err(Busy)
        }
    }
}

/// A place in the queue, given up when dropped: also by a caller who hangs up.
struct Place<'a>(&'a AtomicUsize);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

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
