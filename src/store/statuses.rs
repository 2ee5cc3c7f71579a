//! Places in the status lists, and which of them are taken by sessions that have ended.
//!
//! What ends a session notes it here in the same transaction. So a list is read by a range of a small
//! table, and `sessions` needs no index on when they ended, which every login would pay for.
use super::{Conn, Error, Result, sql};
use crate::{
    clock::Timestamp,
    model::{ClientId, StatusIndex},
};
use sqlx::types::Uuid;

/// A place for a new session: in a block that one process made up, and that the database numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct StatusSlot {
    pub block: Uuid,
    /// From 0 to [`StatusIndex::PER_BLOCK`] − 1, each once.
    pub slot: i64,
}

/// How many logins at once may each want another number for their block.
const ATTEMPTS: usize = 100;

impl Conn {
    /// The place in the lists that a slot stands for. To be asked in the transaction that uses it: a
    /// failover may have lost the block since it was last used, and its number then is another's.
    pub async fn status_index(&mut self, slot: StatusSlot) -> Result<StatusIndex> {
        for _ in 0..ATTEMPTS {
            let known: Option<(i64,)> = sql!(self, fetch_optional:
                "SELECT number FROM status_blocks WHERE id = $1", slot.block)?;
            if let Some((number,)) = known {
                return Ok(StatusIndex::new(number, slot.slot));
            }
            // Of those that want the same number, one gets it, and the others look again.
            sql!(self, execute:
                "INSERT INTO status_blocks (id, number)
                 SELECT $1, COALESCE(MAX(number) + 1, 0) FROM status_blocks WHERE TRUE
                 ON CONFLICT DO NOTHING", slot.block)?;
        }
        Err(Error::Contended)
    }

    /// The number of the newest list; none if there is no list yet.
    pub async fn newest_status_list(&mut self) -> Result<Option<i64>> {
        let (newest,): (Option<i64>,) = sql!(self, fetch_one:
            "SELECT MAX(number) FROM status_blocks")?;
        Ok(newest.map(|number| StatusIndex::new(number, 0).list()))
    }

    /// Those of a list whose sessions have ended since, in order.
    pub async fn ended_statuses(
        &mut self,
        list: i64,
        since: Timestamp,
    ) -> Result<Vec<StatusIndex>> {
        let (first, next) = (StatusIndex::first_of(list), StatusIndex::first_of(list + 1));
        let rows: Vec<(StatusIndex,)> = sql!(self, fetch_all:
            "SELECT status_index FROM ended_statuses
             WHERE status_index >= $1 AND status_index < $2 AND ended_at >= $3
             ORDER BY status_index", first, next, since)?;
        Ok(rows.into_iter().map(|(index,)| index).collect())
    }

    /// Forgets sessions that ended before.
    pub async fn forget_ended_statuses(&mut self, before: Timestamp) -> Result<()> {
        sql!(self, execute: "DELETE FROM ended_statuses WHERE ended_at < $1", before).map(drop)
    }

    /// Sets the bit of a session that ends, if it has one. A restored backup may have had the place
    /// given twice; the later end counts.
    pub(super) async fn publish_end(
        &mut self,
        index: Option<StatusIndex>,
        now: Timestamp,
    ) -> Result<()> {
        let Some(index) = index else { return Ok(()) };
        sql!(self, execute:
            "INSERT INTO ended_statuses (status_index, ended_at) VALUES ($1, $2)
             ON CONFLICT (status_index) DO UPDATE SET ended_at = excluded.ended_at", index, now)
        .map(drop)
    }

    /// The same for all sessions of a client that have ended at this instant.
    pub(super) async fn publish_ends(
        &mut self,
        client_id: &ClientId,
        now: Timestamp,
    ) -> Result<()> {
        sql!(self, execute:
            "INSERT INTO ended_statuses (status_index, ended_at)
             SELECT DISTINCT status_index, ended_at FROM sessions
             WHERE client_id = $1 AND ended_at = $2 AND status_index IS NOT NULL
             ON CONFLICT (status_index) DO UPDATE SET ended_at = excluded.ended_at", client_id, now)
        .map(drop)
    }
}
