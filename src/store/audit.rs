use super::{Conn, Result, sql};
use crate::{
    clock::Timestamp,
    model::{ClientId, SessionId, UserId},
    secret::random,
};
use serde::Serialize;
use sqlx::types::Uuid;
use tracing::field;

/// One entry of the audit log: who did what to whom. It never holds a secret.
#[derive(Debug, Clone, Serialize)]
pub struct AuditEvent {
    pub action: &'static str,
    /// `client:ID`, `user:ID`, `cli` or `server`.
    pub actor: String,
    pub request_id: Option<String>,
    pub client_id: Option<ClientId>,
    pub user_id: Option<UserId>,
    pub session_id: Option<SessionId>,
    pub detail: serde_json::Value,
}

impl AuditEvent {
    pub fn new(action: &'static str, actor: impl Into<String>) -> Self {
        Self {
            action,
            actor: actor.into(),
            request_id: None,
            client_id: None,
            user_id: None,
            session_id: None,
            detail: serde_json::Value::Null,
        }
    }

    /// All of it: where a restored backup has lost entries, the log still says what is to be done again.
    fn log(&self) {
        let Self { action, actor, request_id, .. } = self;
        tracing::info!(
            request_id,
            action,
            actor,
            client_id = self.client_id.as_ref().map(field::display),
            user_id = self.user_id.map(field::display),
            session_id = self.session_id.map(field::display),
            detail = (!self.detail.is_null()).then(|| field::display(&self.detail)),
            "audit"
        );
    }
}

impl Conn {
    /// Writes an entry, to be committed with the change it tells of.
    pub async fn audit(&mut self, event: &AuditEvent, now: Timestamp) -> Result<()> {
        let millis = u64::try_from(now.0).unwrap_or(0);
        let id: Uuid =
            uuid::Builder::from_unix_timestamp_millis(millis, &random::<10>()).into_uuid();
        event.log();
        sql!(self, execute:
            "INSERT INTO audit_events
                 (id, at, action, actor, request_id, client_id, user_id, session_id, detail)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            id, now, event.action, &event.actor, &event.request_id, &event.client_id,
            event.user_id, event.session_id, event.detail.to_string())
        .map(drop)
    }
}
