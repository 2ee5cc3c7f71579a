//! The limit on SQLite: updates of sessions in a loop over its C API that does nothing else.
use rusqlite::Connection;
use std::{
    path::Path,
    time::{Duration, Instant},
};
use uuid::Uuid;

/// Updates in a commit.
const GROUP: usize = 32;

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
        let (start, mut updates) = (Instant::now(), 0_u32);
        while start.elapsed() < turn {
            let transaction = self.file.transaction()?;
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
                updates += 1;
            }
            drop(update);
            transaction.commit()?;
        }
        Ok(f64::from(updates) / start.elapsed().as_secs_f64())
    }
}
