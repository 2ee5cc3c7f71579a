//! Limits on SQLite: updates in a loop over its C API that does nothing else.
use rusqlite::{Connection, Transaction};
use std::{
    path::Path,
    time::{Duration, Instant},
};
use uuid::Uuid;

/// Updates in a commit.
const GROUP: u32 = 32;

/// Of the sessions that refresh updates.
pub struct Updates {
    file: Connection,
    /// In the order in which they have their turn, again and again.
    sessions: Vec<Uuid>,
    next: usize,
}

impl Updates {
    pub fn open(file: &Path, sessions: Vec<Uuid>) -> anyhow::Result<Self> {
        let file = Connection::open(file)?;
        file.pragma_update(None, "synchronous", "FULL")?;
        file.busy_timeout(Duration::from_secs(5))?;
        Ok(Self { file, sessions, next: 0 })
    }

    /// Updates per second.
    pub fn commit_for(&mut self, turn: Duration) -> anyhow::Result<f64> {
        commit_for(&mut self.file, turn, |transaction| {
            let mut update = transaction.prepare_cached(
                "UPDATE sessions
                 SET generation = generation, previous_generation = generation,
                     last_used_at = last_used_at + 1, user_agent = ?2, address = ?3
                 WHERE id = ?1 AND ended_at IS NULL AND expires_at > last_used_at
                 RETURNING user_id, client_id, scope, auth_time, generation",
            )?;
            for _ in 0..GROUP {
                let id = self.sessions[self.next].as_bytes();
                update.query_row((id, "load", "127.0.0.1"), |row| row.get::<_, i64>(4))?;
                self.next = (self.next + 1) % self.sessions.len();
            }
            Ok(())
        })
    }
}

/// Of a table as a service has it that finds its tokens by their hash: a row for each chain, and an
/// index of the hashes, which each use replaces.
pub struct TokenHashes {
    file: Connection,
    hashes: Vec<[u8; 32]>,
    next: usize,
}

/// Of so many chains in turn, which lie all over the table.
const USED: u32 = 160_000;

impl TokenHashes {
    pub fn make(file: &Path, tokens: u32) -> anyhow::Result<Self> {
        let file = Connection::open(file)?;
        file.pragma_update(None, "journal_mode", "WAL")?;
        file.execute_batch(&format!(
            "CREATE TABLE tokens (id INTEGER PRIMARY KEY, hash BLOB NOT NULL, previous_hash BLOB,
                 user_id BLOB NOT NULL, client_id TEXT NOT NULL, scope TEXT NOT NULL,
                 generation INTEGER NOT NULL, last_used_at INTEGER NOT NULL,
                 expires_at INTEGER NOT NULL, user_agent TEXT, address TEXT);
             WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers
                 WHERE n < {tokens})
             INSERT INTO tokens SELECT n, randomblob(32), NULL, randomblob(16), 'client',
                 'openid profile', 0, 0, 9000000000000, NULL, NULL FROM numbers;
             CREATE UNIQUE INDEX tokens_by_hash ON tokens (hash);
             PRAGMA wal_checkpoint(TRUNCATE)"
        ))?;
        file.pragma_update(None, "synchronous", "FULL")?;
        let step = (tokens / USED).max(1);
        let mut used = file.prepare("SELECT hash FROM tokens WHERE id % ?1 = 0")?;
        let hashes = used.query_map((step,), |row| row.get(0))?.collect::<Result<Vec<_>, _>>()?;
        drop(used);
        Ok(Self { file, hashes, next: 0 })
    }

    /// Updates per second.
    pub fn commit_for(&mut self, turn: Duration) -> anyhow::Result<f64> {
        commit_for(&mut self.file, turn, |transaction| {
            let mut update = transaction.prepare_cached(
                "UPDATE tokens
                 SET hash = ?2, previous_hash = hash, generation = generation + 1,
                     last_used_at = last_used_at + 1, user_agent = ?3, address = ?4
                 WHERE hash = ?1 AND expires_at > last_used_at
                 RETURNING user_id, client_id, scope, generation",
            )?;
            for _ in 0..GROUP {
                let (hash, successor) = (&mut self.hashes[self.next], random());
                update.query_row((*hash, successor, "load", "127.0.0.1"), |row| {
                    row.get::<_, i64>(3)
                })?;
                *hash = successor;
                self.next = (self.next + 1) % self.hashes.len();
            }
            Ok(())
        })
    }
}

/// Commits groups for a turn; updates per second.
fn commit_for(
    file: &mut Connection,
    turn: Duration,
    mut group: impl FnMut(&Transaction<'_>) -> rusqlite::Result<()>,
) -> anyhow::Result<f64> {
    let (start, mut groups) = (Instant::now(), 0_u32);
    while start.elapsed() < turn {
        let transaction = file.transaction()?;
        group(&transaction)?;
        transaction.commit()?;
        groups += 1;
    }
    Ok(f64::from(groups * GROUP) / start.elapsed().as_secs_f64())
}

fn random() -> [u8; 32] {
    let halves = [Uuid::new_v4(), Uuid::new_v4()].map(Uuid::into_bytes);
    halves.concat().try_into().expect("two halves of 16")
}
