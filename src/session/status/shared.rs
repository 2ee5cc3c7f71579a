//! A look at the database that all share who want one at about the same time.
use std::time::Duration;
use tokio::{sync::Mutex, time::Instant};

/// What the last look found, and when it began.
#[derive(Debug)]
pub struct Shared<T>(Mutex<Option<(Instant, T)>>);

/// So often at most the database is looked at, however many ask.
const PAUSE: Duration = Duration::from_millis(100);

impl<T> Default for Shared<T> {
    fn default() -> Self {
        Self(Mutex::new(None))
    }
}

impl<T: Clone> Shared<T> {
    /// What a look finds that began after this was asked for: nothing that was committed before can be
    /// missing. Looks are given what the one before found.
    ///
    /// # Errors
    /// Those of the look; the next who asks looks anew.
    pub async fn get<E>(&self, look: impl AsyncFnOnce(Option<T>) -> Result<T, E>) -> Result<T, E> {
        let asked_at = Instant::now();
        let mut last = self.0.lock().await;
        if let Some((began_at, found)) = &*last {
            if *began_at >= asked_at {
                return Ok(found.clone());
            }
            tokio::time::sleep_until(*began_at + PAUSE).await;
        }
        let began_at = Instant::now();
        let found = look(last.as_ref().map(|(_, found)| found.clone())).await?;
        *last = Some((began_at, found.clone()));
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::future::join_all;
    use std::{
        convert::Infallible,
        sync::atomic::{AtomicUsize, Ordering},
    };
    use tokio::sync::Notify;

    #[tokio::test]
    async fn many_share_a_look_that_began_after_they_asked() {
        let (shared, looks) = (Shared::default(), AtomicUsize::new(0));
        let (began, may_end) = (Notify::new(), Notify::new());
        let get = || {
            shared.get(async |before| {
                let number = looks.fetch_add(1, Ordering::Relaxed) + 1;
                assert_eq!(before.unwrap_or(0), number - 1);
                began.notify_one();
                if number == 1 {
                    may_end.notified().await;
                }
                Ok::<_, Infallible>(number)
            })
        };
        let late = async {
            began.notified().await;
            let release = async { may_end.notify_one() };
            tokio::join!(join_all((0..50).map(|_| get())), release).0
        };
        let (first, late) = tokio::join!(get(), late);
        assert_eq!(first, Ok(1));
        assert_eq!(late, vec![Ok(2); 50], "the look that was under way may have missed something");
    }

    #[tokio::test]
    async fn a_look_that_failed_is_nobody_elses() {
        let shared = Shared::default();
        assert_eq!(shared.get(async |_| Err("away")).await, Err::<i32, _>("away"));
        assert_eq!(shared.get(async |_| Ok::<_, &str>(1)).await, Ok(1));
    }
}
