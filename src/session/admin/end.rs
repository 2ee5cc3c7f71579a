//! Ending sessions.
use super::{Selection, Sessions};
use crate::{
    model::{ClientId, EndReason, SessionId, UserId},
    store::{AuditEvent, EndedSession, Result},
};

/// What came of ending several.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct EndAll {
    pub ended: usize,
}

const REASON: EndReason = EndReason::EndedByAdministrator;

impl Sessions<'_> {
    /// Ends one. False if there is no live session of that id.
    pub async fn end(&self, id: SessionId, event: &AuditEvent) -> Result<bool> {
        let mut conn = self.store.write().await?;
        let session = conn.session(id).await?;
        let ended = conn.end_session(id, REASON, self.now).await?;
        if let Some(session) = session.filter(|_| ended) {
            let event = event_of(event, id, session.user_id, session.client_id);
            conn.audit(&event, self.now).await?;
        }
        conn.commit().await?;
        Ok(ended)
    }

    /// Ends all that are meant; none if there is no such user. Many are ended in steps, so that nobody
    /// waits long for their rows: what was ended before an error stays ended.
    pub async fn end_all(
        &self,
        selection: &Selection,
        event: &AuditEvent,
    ) -> Result<Option<EndAll>> {
        let filter = selection.filter(&mut self.store.read().await?).await?;
        let Some(filter) = filter else { return Ok(None) };
        let (mut all, mut after) = (0, None);
        loop {
            let mut conn = self.store.write().await?;
            let batch = conn.end_batch(&filter, after, REASON, self.now).await?;
            let events =
                batch.ended.into_iter().map(|EndedSession { id, user_id, client_id, .. }| {
                    event_of(event, id, user_id, client_id)
                });
            let events: Vec<_> = events.collect();
            conn.audit_all(&events, self.now).await?;
            conn.commit().await?;
            all += events.len();
            after = batch.last;
            if after.is_none() {
                return Ok(Some(EndAll { ended: all }));
            }
        }
    }
}

fn event_of(event: &AuditEvent, id: SessionId, user_id: UserId, client_id: ClientId) -> AuditEvent {
    AuditEvent {
        session_id: Some(id),
        user_id: Some(user_id),
        client_id: Some(client_id),
        ..event.clone()
    }
}
