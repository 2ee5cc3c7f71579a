use crate::{
    checker::Look,
    database::{Database, Pool},
};
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicI64, Ordering},
    },
    time::{Duration, Instant},
};
use tokio::task::JoinHandle;

/// Looks at what does not depend on the faults, ten times a second.
pub struct Watch {
    seen: Arc<Seen>,
    task: JoinHandle<()>,
}

#[derive(Default)]
struct Seen {
    over: AtomicBool,
    looks: Mutex<Vec<Look>>,
    open_transactions: AtomicI64,
}

pub const PATHS: [&str; 2] = ["/.well-known/jwks.json", "/.well-known/openid-configuration"];
const BETWEEN: Duration = Duration::from_millis(100);
const PATIENCE: Duration = Duration::from_secs(1);
/// How long a transaction may be seen to be idle, once it has been for five seconds.
const OPEN_FOR: Duration = Duration::from_secs(2);
/// Ours hold locks on purpose.
const OPEN: &str = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database()
    AND state LIKE 'idle in transaction%' AND state_change < now() - interval '5 seconds'
    AND application_name <> 'faults'";

impl Watch {
    /// Servers that live through everything, and the database.
    pub async fn start(urls: Vec<String>, database: &Database) -> anyhow::Result<Self> {
        let pool = database.pool().await?;
        let http = reqwest::Client::builder().timeout(Duration::from_secs(20)).build()?;
        let seen = Arc::new(Seen::default());
        let shared = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            let mut since = None;
            while !shared.over.load(Ordering::SeqCst) {
                for url in &urls {
                    for path in PATHS {
                        let look = look(&http, url, path).await;
                        shared.looks.lock().expect("no panic").push(look);
                    }
                }
                if let Pool::Postgres(_) = pool {
                    since = open_since(&pool, since).await;
                }
                if since.is_some_and(|since| since.elapsed() > OPEN_FOR) {
                    shared.open_transactions.fetch_max(1, Ordering::SeqCst);
                }
                tokio::time::sleep(BETWEEN).await;
            }
            pool.close().await;
        });
        Ok(Self { seen, task })
    }

    /// Adds what it saw to the looks there are; and the most backends that were idle in a transaction.
    pub async fn stop(self, mut looks: Vec<Look>) -> anyhow::Result<(Vec<Look>, i64)> {
        self.seen.over.store(true, Ordering::SeqCst);
        self.task.await?;
        looks.append(&mut self.seen.looks.lock().expect("no panic"));
        Ok((looks, self.seen.open_transactions.load(Ordering::SeqCst)))
    }
}

/// Since when we have seen backends in long transactions, at every look. A single look says little: after
/// a stop of all processes, everything is old.
async fn open_since(pool: &Pool, since: Option<Instant>) -> Option<Instant> {
    let asked = tokio::time::timeout(PATIENCE, pool.number(OPEN)).await;
    match asked {
        Ok(Ok(1..)) => since.or_else(|| Some(Instant::now())),
        Ok(_) | Err(_) => None,
    }
}

pub async fn look(http: &reqwest::Client, url: &str, path: &'static str) -> Look {
    let begin = Instant::now();
    let answer = http.get(format!("{url}{path}")).send().await;
    let status = answer.ok().map(|answer| answer.status().as_u16());
    Look { path, status, took: begin.elapsed() }
}
