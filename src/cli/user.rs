//! `mintmark user …`
use super::{
    output::{print_json, print_table, read_password},
    settings::Common,
};
use crate::{
    clock::Timestamp,
    model::{EndReason, User, UserClaims, UserId, Username},
    password,
    store::{AuditEvent, Conn, SessionFilter},
};
use anyhow::{Context, bail};

#[derive(Debug, clap::Subcommand)]
pub enum UserCommand {
    /// Create a user.
    Create(Create),
    /// List the users.
    List(Common),
    /// Set a new password and end the user's sessions.
    SetPassword(SetPassword),
    /// Disable a user and end their sessions.
    Disable(Disable),
}

#[derive(Debug, clap::Args)]
pub struct Create {
    /// What the user types to log in; capitals make no difference.
    #[arg(long)]
    username: Username,
    /// Read the password from standard input instead of asking for it.
    #[arg(long)]
    password_stdin: bool,
    /// An address for their tokens to tell.
    #[arg(long)]
    email: Option<String>,
    /// A role; can be repeated.
    #[arg(long = "role", value_name = "ROLE")]
    roles: Vec<String>,
    /// A group; can be repeated.
    #[arg(long = "group", value_name = "GROUP")]
    groups: Vec<String>,
    /// A permission; can be repeated.
    #[arg(long = "permission", value_name = "PERMISSION")]
    permissions: Vec<String>,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, clap::Args)]
pub struct SetPassword {
    /// The name of the user.
    username: Username,
    /// Read the password from standard input instead of asking for it.
    #[arg(long)]
    password_stdin: bool,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, clap::Args)]
pub struct Disable {
    /// The name of the user.
    username: Username,
    #[command(flatten)]
    common: Common,
}

impl UserCommand {
    pub async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Create(create) => create.run().await,
            Self::List(common) => list(&common).await,
            Self::SetPassword(set) => set.run().await,
            Self::Disable(disable) => disable.run().await,
        }
    }
}

impl Create {
    async fn run(self) -> anyhow::Result<()> {
        let password_hash = password::hash(&read_password(self.password_stdin)?)?;
        let (store, clock) = self.common.location.store().await?;
        let now = clock.now();
        let user = User {
            id: UserId::new(now),
            username: self.username,
            password_hash,
            claims: UserClaims {
                email: self.email,
                roles: self.roles,
                groups: self.groups,
                permissions: self.permissions,
            },
            created_at: now,
            disabled_at: None,
        };
        let mut conn = store.write().await?;
        if !conn.insert_user(&user).await? {
            bail!("there is a user {} already", user.username);
        }
        record(&mut conn, "user.created", user.id, now).await?;
        conn.commit().await?;
        if self.common.json {
            return print_json(
                &serde_json::json!({ "user_id": user.id, "username": user.username }),
            );
        }
        println!("Created {} with the id {}.", user.username, user.id);
        Ok(())
    }
}

async fn record(
    conn: &mut Conn,
    action: &'static str,
    id: UserId,
    now: Timestamp,
) -> anyhow::Result<()> {
    let event = AuditEvent { user_id: Some(id), ..AuditEvent::new(action, "cli") };
    Ok(conn.audit(&event, now).await?)
}

async fn list(common: &Common) -> anyhow::Result<()> {
    let (store, _) = common.location.store().await?;
    let users = store.read().await?.users(None, i64::MAX).await?;
    if common.json {
        let view = |user: &(UserId, Username, UserClaims, Timestamp, Option<Timestamp>)| {
            let (user_id, username, claims, created_at, disabled_at) = user;
            serde_json::json!({
                "user_id": user_id, "username": username, "claims": claims,
                "created_at": created_at, "disabled_at": disabled_at,
            })
        };
        return print_json(&users.iter().map(view).collect::<Vec<_>>());
    }
    let rows: Vec<_> = users
        .into_iter()
        .map(|(id, username, claims, created_at, disabled_at)| {
            let disabled = disabled_at.map_or_else(String::new, |at| at.to_string());
            let roles = claims.roles.join(" ");
            [username.to_string(), id.to_string(), roles, created_at.to_string(), disabled]
        })
        .collect();
    print_table(["USERNAME", "USER_ID", "ROLES", "CREATED", "DISABLED"], &rows);
    Ok(())
}

impl SetPassword {
    async fn run(self) -> anyhow::Result<()> {
        let hash = password::hash(&read_password(self.password_stdin)?)?;
        let (store, clock) = self.common.location.store().await?;
        let (mut conn, now) = (store.write().await?, clock.now());
        let id = conn.set_password(&self.username, &hash).await?;
        let id = id.with_context(|| unknown(&self.username))?;
        let ended = end_sessions(&mut conn, id, EndReason::PasswordChanged, now).await?;
        record(&mut conn, "user.password_set", id, now).await?;
        conn.commit().await?;
        tell(&format!("Set the password of {}", self.username), id, ended, self.common.json)
    }
}

impl Disable {
    async fn run(self) -> anyhow::Result<()> {
        let (store, clock) = self.common.location.store().await?;
        let (mut conn, now) = (store.write().await?, clock.now());
        let id = conn.disable_user(&self.username, now).await?;
        let id = id.with_context(|| unknown(&self.username))?;
        let ended = end_sessions(&mut conn, id, EndReason::UserDisabled, now).await?;
        record(&mut conn, "user.disabled", id, now).await?;
        conn.commit().await?;
        tell(&format!("Disabled {}", self.username), id, ended, self.common.json)
    }
}

async fn end_sessions(
    conn: &mut Conn,
    id: UserId,
    reason: EndReason,
    now: Timestamp,
) -> anyhow::Result<usize> {
    let sessions = SessionFilter { user_id: Some(id), ..SessionFilter::default() };
    Ok(conn.end_sessions(&sessions, reason, now).await?.len())
}

fn tell(what: &str, id: UserId, ended: usize, json: bool) -> anyhow::Result<()> {
    if json {
        return print_json(&serde_json::json!({ "user_id": id, "sessions_ended": ended }));
    }
    println!("{what}; sessions ended: {ended}.");
    Ok(())
}

fn unknown(username: &Username) -> String {
    format!("there is no user {username}; `mintmark user list` shows those there are")
}
