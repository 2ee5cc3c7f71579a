//! `mintmark audit …`
use super::{
    keys::second,
    output::{print_json, print_table},
    settings::Common,
};
use crate::{
    model::{ClientId, SessionId},
    session::admin::AuditRequest,
    store::AuditEntry,
};
use anyhow::Context;
use uuid::Uuid;

#[derive(Debug, clap::Subcommand)]
pub enum AuditCommand {
    /// List the entries of the audit log, newest first.
    List(List),
}

#[derive(Debug, clap::Args)]
pub struct List {
    /// Only what was done under this name, such as `session.reuse_detected`.
    #[arg(long, value_name = "ACTION")]
    action: Option<String>,
    /// Only what happened to a session.
    #[arg(long, value_name = "SESSION_ID")]
    session: Option<SessionId>,
    /// Only what happened to a user, by name or id.
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    /// Only what happened to a client or its sessions.
    #[arg(long, value_name = "CLIENT_ID")]
    client: Option<ClientId>,
    /// Only what a request did: the X-Request-Id of its answer.
    #[arg(long, value_name = "REQUEST_ID")]
    request: Option<String>,
    /// How many at most; 50 if not given, never more than 500.
    #[arg(long, value_name = "NUMBER")]
    limit: Option<i64>,
    /// Go on after this entry, the last of the page before.
    #[arg(long, value_name = "ENTRY_ID")]
    after: Option<Uuid>,
    #[command(flatten)]
    common: Common,
}

impl AuditCommand {
    pub async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::List(list) => list.run().await,
        }
    }
}

impl List {
    async fn run(self) -> anyhow::Result<()> {
        let (store, _) = self.common.location.store().await?;
        let Self { action, session, user, client, request, limit, after, common } = self;
        let named = user.clone().unwrap_or_default();
        let request = AuditRequest { action, session, user, client, request, after, limit };
        let page = request.list(&store).await?;
        let page = page.with_context(|| format!("there is no user {named}"))?;
        if common.json {
            return print_json(&page);
        }
        show(&page.items);
        if let Some(next) = page.next {
            println!("There may be more; --after {next} shows them.");
        }
        Ok(())
    }
}

pub fn show(entries: &[AuditEntry]) {
    let heading = ["AT", "ACTION", "ACTOR", "SESSION_ID", "REQUEST_ID", "DETAIL"];
    let rows: Vec<_> = entries.iter().map(row).collect();
    print_table(heading, &rows);
}

fn row(entry: &AuditEntry) -> [String; 6] {
    let session = entry.session_id.map(|id| id.to_string());
    [
        second(entry.at).to_string(),
        entry.action.clone(),
        entry.actor.clone(),
        session.unwrap_or_default(),
        entry.request_id.clone().unwrap_or_default(),
        detail(&entry.detail),
    ]
}

/// `name=value` of what is known; values as JSON, so that nothing in them can move the cursor.
fn detail(detail: &serde_json::Value) -> String {
    let members = detail.as_object().into_iter().flatten();
    let known = members.filter(|(_, value)| !value.is_null());
    let told = known.map(|(name, value)| format!("{name}={}", value.to_string().escape_default()));
    told.collect::<Vec<_>>().join(" ").replace("\\\"", "\"")
}
