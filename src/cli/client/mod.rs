//! `mintmark client …`
mod create;

use super::{
    output::{print_json, print_table},
    settings::Common,
};
use crate::{
    clock::Timestamp,
    model::{Client, ClientId, ClientMetadata, ClientType, EndReason},
    secret::{Secret, SecretHash},
    store::{AuditEvent, Conn, Notice, SessionFilter},
};
use anyhow::{Context, bail};
use std::time::Duration;

#[derive(Debug, clap::Subcommand)]
pub enum ClientCommand {
    /// Register a client. The secret is shown once.
    Create(create::Create),
    /// List the clients.
    List(Common),
    /// Show one client.
    Show(One),
    /// Delete a client and end its sessions.
    Delete(One),
    /// Make another secret; the one before works for a while longer.
    NewSecret(NewSecret),
}

#[derive(Debug, clap::Args)]
pub struct One {
    /// The identifier of the client.
    #[arg(value_name = "CLIENT_ID")]
    id: ClientId,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, clap::Args)]
pub struct NewSecret {
    /// The identifier of the client.
    #[arg(value_name = "CLIENT_ID")]
    id: ClientId,
    /// How long the secret before it still works.
    #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = duration)]
    overlap: Duration,
    #[command(flatten)]
    common: Common,
}

fn duration(text: &str) -> Result<Duration, String> {
    humantime_serde::re::humantime::parse_duration(text).map_err(|error| error.to_string())
}

impl ClientCommand {
    pub async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Create(create) => create.run().await,
            Self::List(common) => list(&common).await,
            Self::Show(one) => one.show().await,
            Self::Delete(one) => one.delete().await,
            Self::NewSecret(new) => new.run().await,
        }
    }
}

pub async fn add_secret(
    conn: &mut Conn,
    id: &ClientId,
    now: Timestamp,
    overlap_until: Timestamp,
) -> anyhow::Result<Secret> {
    let secret = Secret::generate_client_secret();
    let hash = SecretHash::of(secret.reveal());
    conn.insert_client_secret(id, &hash, now, overlap_until).await?;
    Ok(secret)
}

async fn record(
    conn: &mut Conn,
    action: &'static str,
    id: &ClientId,
    now: Timestamp,
) -> anyhow::Result<()> {
    let client_id = Some(id.clone());
    conn.audit(&AuditEvent { client_id, ..AuditEvent::new(action, "cli") }, now).await?;
    Ok(conn.notify(Notice::Clients).await?)
}

fn show_secret(id: &ClientId, secret: Option<&Secret>, json: bool) -> anyhow::Result<()> {
    let secret = secret.map(Secret::reveal);
    if json {
        return print_json(&match secret {
            Some(secret) => serde_json::json!({ "client_id": id, "client_secret": secret }),
            None => serde_json::json!({ "client_id": id }),
        });
    }
    println!("client_id      {id}");
    if let Some(secret) = secret {
        println!("client_secret  {secret}");
        println!("The secret is not shown again.");
    }
    Ok(())
}

async fn list(common: &Common) -> anyhow::Result<()> {
    let (store, _) = common.location.store().await?;
    let clients = store.read().await?.clients(None, i64::MAX).await?;
    if common.json {
        let items: Vec<_> =
            clients.iter().map(|(id, metadata, at)| view(id, metadata, *at)).collect();
        return print_json(&items);
    }
    let rows: Vec<_> = clients
        .into_iter()
        .map(|(id, metadata, created_at)| {
            let client_type = match metadata.client_type {
                ClientType::Confidential => "confidential",
                ClientType::Public => "public",
            };
            let grants = metadata.grant_types.join(" ");
            [id.to_string(), client_type.to_owned(), grants, created_at.to_string()]
        })
        .collect();
    print_table(["CLIENT_ID", "TYPE", "GRANTS", "CREATED"], &rows);
    Ok(())
}

fn view(id: &ClientId, metadata: &ClientMetadata, created_at: Timestamp) -> serde_json::Value {
    let mut view = serde_json::json!({ "client_id": id });
    let members = serde_json::to_value(metadata).unwrap_or_default();
    if let (Some(view), serde_json::Value::Object(members)) = (view.as_object_mut(), members) {
        view.extend(members);
        view.insert("created_at".to_owned(), created_at.to_string().into());
    }
    view
}

impl One {
    async fn show(self) -> anyhow::Result<()> {
        let (store, _) = self.common.location.store().await?;
        let client = store.read().await?.client(&self.id).await?;
        let Client { id, metadata, created_at, .. } = client.with_context(|| unknown(&self.id))?;
        let view = view(&id, &metadata, created_at);
        if self.common.json {
            return print_json(&view);
        }
        println!("{}", serde_json::to_string_pretty(&view)?);
        Ok(())
    }

    async fn delete(self) -> anyhow::Result<()> {
        let (store, clock) = self.common.location.store().await?;
        let (mut conn, now) = (store.write().await?, clock.now());
        if !conn.delete_client(&self.id).await? {
            bail!(unknown(&self.id));
        }
        let sessions =
            SessionFilter { client_id: Some(self.id.clone()), ..SessionFilter::default() };
        let ended = conn.end_sessions(&sessions, EndReason::ClientDeleted, now).await?.len();
        record(&mut conn, "client.deleted", &self.id, now).await?;
        conn.commit().await?;
        if self.common.json {
            return print_json(
                &serde_json::json!({ "client_id": self.id, "sessions_ended": ended }),
            );
        }
        println!("Deleted {}; sessions ended: {ended}.", self.id);
        Ok(())
    }
}

impl NewSecret {
    async fn run(self) -> anyhow::Result<()> {
        let (store, clock) = self.common.location.store().await?;
        let (mut conn, now) = (store.write().await?, clock.now());
        let client = conn.client(&self.id).await?.with_context(|| unknown(&self.id))?;
        if client.is_public() {
            bail!("client {} is public: it has no secret", self.id);
        }
        let secret = add_secret(&mut conn, &self.id, now, now + self.overlap).await?;
        record(&mut conn, "client.secret_added", &self.id, now).await?;
        conn.commit().await?;
        show_secret(&self.id, Some(&secret), self.common.json)
    }
}

fn unknown(id: &ClientId) -> String {
    format!("there is no client {id}; `mintmark client list` shows those there are")
}
