//! Reading the audit log.
use super::{LONGEST_PAGE, USUAL_PAGE, selection::named};
use crate::{
    model::{ClientId, Page, SessionId},
    store::{AuditEntry, AuditFilter, Result, Store},
};
use uuid::Uuid;

/// Which entries are wanted; what is absent does not restrict.
#[derive(Debug, Clone, Default)]
pub struct AuditRequest {
    pub action: Option<String>,
    pub session: Option<SessionId>,
    /// A name or an id.
    pub user: Option<String>,
    pub client: Option<ClientId>,
    /// The `X-Request-Id` of an answer.
    pub request: Option<String>,
    /// The last one of the page before.
    pub after: Option<Uuid>,
    pub limit: Option<i64>,
}

impl AuditRequest {
    /// Entries, newest first; none if there is no such user.
    pub async fn list(self, store: &Store) -> Result<Option<Page<AuditEntry, Uuid>>> {
        let mut conn = store.read().await?;
        let user_id = match &self.user {
            None => None,
            Some(user) => match named(&mut conn, user).await? {
                None => return Ok(None),
                known => known,
            },
        };
        let filter = AuditFilter {
            action: self.action,
            session_id: self.session,
            user_id,
            client_id: self.client,
            request_id: self.request,
        };
        let limit = self.limit.unwrap_or(USUAL_PAGE).clamp(1, LONGEST_PAGE);
        let entries = conn.audit_entries(&filter, self.after, limit).await?;
        Ok(Some(Page::new(entries, limit, |entry| entry.id)))
    }
}
