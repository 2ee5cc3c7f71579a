use super::{Conn, Result, sql};
use crate::{
    clock::Timestamp,
    model::{ClientId, SessionId, UserId},
    secret::random,
};
use serde::Serialize;
use sqlx::{QueryBuilder, types::Uuid};
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

    /// Where a restored backup has lost entries, the log still says what is to be done again. The detail
    /// of what concerns a person stays out of it: there are addresses and devices in it.
    fn log(&self) {
        let Self { action, actor, request_id, .. } = self;
        let impersonal = self.user_id.is_none() && self.session_id.is_none();
        tracing::info!(
            request_id,
            action,
            actor,
            client_id = self.client_id.as_ref().map(field::display),
            user_id = self.user_id.map(field::display),
            session_id = self.session_id.map(field::display),
            detail = (impersonal && !self.detail.is_null()).then(|| field::display(&self.detail)),
            "audit"
        );
    }
}

/// An entry as it was written.
#[derive(Debug, Serialize)]
pub struct AuditEntry {
    pub id: Uuid,
    pub at: Timestamp,
    pub action: String,
    pub actor: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_id: Option<ClientId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<UserId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_id: Option<SessionId>,
    #[serde(skip_serializing_if = "serde_json::Value::is_null")]
    pub detail: serde_json::Value,
}

#[derive(sqlx::FromRow)]
struct Row {
    id: Uuid,
    at: Timestamp,
    action: String,
    actor: String,
    request_id: Option<String>,
    client_id: Option<ClientId>,
    user_id: Option<UserId>,
    session_id: Option<SessionId>,
    detail: String,
}

impl From<Row> for AuditEntry {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            at: row.at,
            action: row.action,
            actor: row.actor,
            request_id: row.request_id,
            client_id: row.client_id,
            user_id: row.user_id,
            session_id: row.session_id,
            detail: serde_json::from_str(&row.detail).unwrap_or(row.detail.into()),
        }
    }
}

/// Which entries are meant; what is absent does not restrict.
#[derive(Debug, Clone, Default)]
pub struct AuditFilter {
    pub action: Option<String>,
    pub session_id: Option<SessionId>,
    pub user_id: Option<UserId>,
    pub client_id: Option<ClientId>,
    pub request_id: Option<String>,
}

/// How many entries one statement writes: more have more parameters than a database takes.
const ROWS: usize = 500;

/// One statement for any number of entries; not worth a place in the cache of prepared statements.
macro_rules! insert_all {
    ($conn:expr, $events:expr, $now:expr) => {{
        let mut insert = QueryBuilder::new(
            "INSERT INTO audit_events
                 (id, at, action, actor, request_id, client_id, user_id, session_id, detail) ",
        );
        insert.push_values($events, |mut row, event| {
            row.push_bind(new_id($now)).push_bind($now).push_bind(event.action);
            row.push_bind(&event.actor).push_bind(&event.request_id).push_bind(&event.client_id);
            row.push_bind(event.user_id).push_bind(event.session_id);
            row.push_bind(event.detail.to_string());
        });
        insert.build().persistent(false).execute(&mut **$conn).await?;
    }};
}

impl Conn {
    /// Writes an entry, to be committed with the change it tells of.
    pub async fn audit(&mut self, event: &AuditEvent, now: Timestamp) -> Result<()> {
        event.log();
        sql!(self, execute:
            "INSERT INTO audit_events
                 (id, at, action, actor, request_id, client_id, user_id, session_id, detail)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            new_id(now), now, event.action, &event.actor, &event.request_id, &event.client_id,
            event.user_id, event.session_id, event.detail.to_string())
        .map(drop)
    }

    /// Writes any number of entries.
    pub async fn audit_all(&mut self, events: &[AuditEvent], now: Timestamp) -> Result<()> {
        events.iter().for_each(AuditEvent::log);
        for events in events.chunks(ROWS) {
            match self {
                Self::Sqlite(c) => insert_all!(c, events, now),
                Self::Postgres(c) => insert_all!(c, events, now),
            }
        }
        Ok(())
    }

    /// Entries, newest first, of before the given one. Those of one session or one user are found by an
    /// index, all others by going through the log.
    pub async fn audit_entries(
        &mut self,
        filter: &AuditFilter,
        after: Option<Uuid>,
        limit: i64,
    ) -> Result<Vec<AuditEntry>> {
        let AuditFilter { action, session_id, user_id, client_id, request_id } = filter;
        let rows: Vec<Row> = match (session_id, user_id) {
            (Some(session_id), _) => sql!(self, fetch_all:
                "SELECT id, at, action, actor, request_id, client_id, user_id, session_id, detail
                 FROM audit_events
                 WHERE session_id = $1 AND ($2 IS NULL OR user_id = $2)
                   AND ($3 IS NULL OR action = $3) AND ($4 IS NULL OR client_id = $4)
                   AND ($5 IS NULL OR request_id = $5) AND ($6 IS NULL OR id < $6)
                 ORDER BY id DESC LIMIT $7",
                *session_id, user_id, action, client_id, request_id, after, limit)?,
            (None, Some(user_id)) => sql!(self, fetch_all:
                "SELECT id, at, action, actor, request_id, client_id, user_id, session_id, detail
                 FROM audit_events
                 WHERE user_id = $1 AND ($2 IS NULL OR action = $2)
                   AND ($3 IS NULL OR client_id = $3) AND ($4 IS NULL OR request_id = $4)
                   AND ($5 IS NULL OR id < $5)
                 ORDER BY id DESC LIMIT $6",
                *user_id, action, client_id, request_id, after, limit)?,
            (None, None) => sql!(self, fetch_all:
                "SELECT id, at, action, actor, request_id, client_id, user_id, session_id, detail
                 FROM audit_events
                 WHERE ($1 IS NULL OR action = $1) AND ($2 IS NULL OR client_id = $2)
                   AND ($3 IS NULL OR request_id = $3) AND ($4 IS NULL OR id < $4)
                 ORDER BY id DESC LIMIT $5",
                action, client_id, request_id, after, limit)?,
        };
        Ok(rows.into_iter().map(AuditEntry::from).collect())
    }
}

fn new_id(now: Timestamp) -> Uuid {
    let millis = u64::try_from(now.0).unwrap_or(0);
    uuid::Builder::from_unix_timestamp_millis(millis, &random::<10>()).into_uuid()
}
