//! Ending live sessions, for logins and for administration.
use super::{Conn, Result, sql};
use crate::{
    clock::Timestamp,
    model::{ClientId, EndReason, SessionId, StatusIndex, UserId},
};

/// Which sessions are meant; what is absent does not restrict.
#[derive(Debug, Clone, Default)]
pub struct SessionFilter {
    pub user_id: Option<UserId>,
    pub client_id: Option<ClientId>,
    pub device_id: Option<String>,
    pub group: Option<String>,
}

/// A session that has just ended.
#[derive(Debug, sqlx::FromRow)]
pub struct EndedSession {
    pub id: SessionId,
    pub user_id: UserId,
    pub client_id: ClientId,
    pub(super) status_index: Option<StatusIndex>,
}

/// What came of one batch.
#[derive(Debug, Default)]
pub struct EndedBatch {
    pub ended: Vec<EndedSession>,
    /// Where to go on; none if there is nothing left.
    pub last: Option<SessionId>,
}

/// How many sessions one statement ends.
const BATCH: i64 = 500;

impl Conn {
    /// How many live sessions of each client were last used in a span of time. Looks at every
    /// session: for emergencies.
    pub async fn clients_with_sessions_used(
        &mut self,
        from: Timestamp,
        until: Timestamp,
    ) -> Result<Vec<(ClientId, i64)>> {
        sql!(self, fetch_all:
            "SELECT client_id, COUNT(*) FROM sessions
             WHERE ended_at IS NULL AND expires_at > $2 AND last_used_at BETWEEN $1 AND $2
             GROUP BY client_id ORDER BY client_id", from, until)
    }

    /// Ends the live sessions of a client that were last used in a span of time.
    pub async fn end_sessions_used(
        &mut self,
        client_id: &ClientId,
        (from, until): (Timestamp, Timestamp),
        reason: EndReason,
        now: Timestamp,
    ) -> Result<u64> {
        let ended = sql!(self, execute:
            "UPDATE sessions SET ended_at = $4, end_reason = $5
             WHERE client_id = $1 AND ended_at IS NULL AND last_used_at BETWEEN $2 AND $3",
            client_id, from, until, now, reason)?;
        self.publish_ends(client_id, now).await?;
        sql!(self, execute:
            "DELETE FROM user_sessions WHERE client_id = $1 AND session_id IN
                 (SELECT id FROM sessions WHERE client_id = $1 AND ended_at = $2)", client_id, now)?;
        Ok(ended)
    }

    /// The ids of live sessions, oldest first, after the given one. Every statement begins with a column
    /// of an index, as logins use it too.
    pub async fn live_sessions(
        &mut self,
        filter: &SessionFilter,
        after: Option<SessionId>,
        most: i64,
    ) -> Result<Vec<SessionId>> {
        let rows: Vec<(SessionId,)> = match filter.user_id {
            Some(user_id) => sql!(self, fetch_all:
                "SELECT session_id FROM user_sessions
                 WHERE user_id = $1 AND ($2 IS NULL OR client_id = $2)
                   AND ($3 IS NULL OR device_id = $3) AND ($4 IS NULL OR session_id > $4)
                 ORDER BY session_id LIMIT $5",
                user_id, &filter.client_id, &filter.device_id, after, most)?,
            None => sql!(self, fetch_all:
                "SELECT session_id FROM user_sessions
                 WHERE ($1 IS NULL OR client_id = $1) AND ($2 IS NULL OR device_id = $2)
                   AND ($3 IS NULL OR session_id > $3)
                 ORDER BY session_id LIMIT $4",
                &filter.client_id, &filter.device_id, after, most)?,
        };
        Ok(rows.into_iter().map(|(id,)| id).collect())
    }

    /// Ends all that the filter means and says which they were.
    pub async fn end_sessions(
        &mut self,
        filter: &SessionFilter,
        reason: EndReason,
        now: Timestamp,
    ) -> Result<Vec<EndedSession>> {
        let (mut ended, mut after) = (Vec::new(), None);
        loop {
            let batch = self.end_batch(filter, after, reason, now).await?;
            ended.extend(batch.ended);
            after = batch.last;
            if after.is_none() {
                return Ok(ended);
            }
        }
    }

    /// Ends those of the filter that come next after a session, a bounded number. As everywhere, rows of
    /// `sessions` are taken before those of `user_sessions`.
    pub async fn end_batch(
        &mut self,
        filter: &SessionFilter,
        after: Option<SessionId>,
        reason: EndReason,
        now: Timestamp,
    ) -> Result<EndedBatch> {
        let seen = self.live_sessions(filter, after, BATCH).await?;
        let Some(&last) = seen.last() else { return Ok(EndedBatch::default()) };
        let ended = self.mark_ended(filter, (after, last), reason, now).await?;
        for session in &ended {
            self.publish_end(session.status_index, now).await?;
        }
        self.delete_ended(filter, last).await?;
        let full = i64::try_from(seen.len()).is_ok_and(|seen| seen == BATCH);
        Ok(EndedBatch { ended, last: full.then_some(last) })
    }

    async fn mark_ended(
        &mut self,
        filter: &SessionFilter,
        (after, last): (Option<SessionId>, SessionId),
        reason: EndReason,
        now: Timestamp,
    ) -> Result<Vec<EndedSession>> {
        let SessionFilter { user_id, client_id, device_id, group } = filter;
        match user_id {
            Some(user_id) => sql!(self, fetch_all:
                "UPDATE sessions SET ended_at = $1, end_reason = $2
                 WHERE ended_at IS NULL AND ($3 IS NULL OR session_group = $3)
                   AND id IN (SELECT session_id FROM user_sessions
                              WHERE user_id = $4 AND ($5 IS NULL OR client_id = $5)
                                AND ($6 IS NULL OR device_id = $6)
                                AND ($7 IS NULL OR session_id > $7) AND session_id <= $8)
                 RETURNING id, user_id, client_id, status_index",
                now, reason, group, *user_id, client_id, device_id, after, last),
            None => sql!(self, fetch_all:
                "UPDATE sessions SET ended_at = $1, end_reason = $2
                 WHERE ended_at IS NULL AND ($3 IS NULL OR session_group = $3)
                   AND id IN (SELECT session_id FROM user_sessions
                              WHERE ($4 IS NULL OR client_id = $4)
                                AND ($5 IS NULL OR device_id = $5)
                                AND ($6 IS NULL OR session_id > $6) AND session_id <= $7)
                 RETURNING id, user_id, client_id, status_index",
                now, reason, group, client_id, device_id, after, last),
        }
    }

    /// Takes what has ended out of the live sessions, up to one.
    async fn delete_ended(&mut self, filter: &SessionFilter, last: SessionId) -> Result<()> {
        let SessionFilter { user_id, client_id, .. } = filter;
        match user_id {
            Some(user_id) => sql!(self, execute:
                "DELETE FROM user_sessions
                 WHERE user_id = $1 AND ($2 IS NULL OR client_id = $2) AND session_id <= $3
                   AND EXISTS (SELECT 1 FROM sessions
                               WHERE id = user_sessions.session_id AND ended_at IS NOT NULL)",
                *user_id, client_id, last),
            None => sql!(self, execute:
                "DELETE FROM user_sessions
                 WHERE ($1 IS NULL OR client_id = $1) AND session_id <= $2
                   AND EXISTS (SELECT 1 FROM sessions
                               WHERE id = user_sessions.session_id AND ended_at IS NOT NULL)",
                client_id, last),
        }
        .map(drop)
    }
}
