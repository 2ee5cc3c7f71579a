//! `mintmark device …`
use super::{
    keys::second,
    output::{print_json, print_table},
    settings::{Common, Location},
};
use crate::{
    clock::Clock,
    config::Settings,
    model::{ClientId, Page, SessionId},
    session::admin::{EndAll, ListRequest, Selection, SessionView, Sessions, Wanted},
    store::{AuditEvent, Store},
};
use anyhow::{Context, bail, ensure};

#[derive(Debug, clap::Subcommand)]
pub enum DeviceCommand {
    /// List sessions: who is logged in where, oldest first.
    List(List),
    /// End one session, or all of a user, a client, a device or a group.
    Revoke(Revoke),
}

#[derive(Debug, clap::Args)]
pub struct Which {
    /// The name or the id of a user.
    #[arg(long, value_name = "USER")]
    user: Option<String>,
    /// The identifier of a client.
    #[arg(long, value_name = "CLIENT_ID")]
    client: Option<ClientId>,
    /// The device that the login named.
    #[arg(long, value_name = "DEVICE_ID")]
    device_id: Option<String>,
    /// The group that the login named; each user has groups of their own.
    #[arg(long, value_name = "GROUP")]
    group: Option<String>,
}

#[derive(Debug, clap::Args)]
pub struct List {
    #[command(flatten)]
    which: Which,
    /// Which sessions to show: live, ended or all.
    #[arg(long, value_name = "STATE", default_value = "live")]
    state: Wanted,
    /// How many at most; 50 if not given, never more than 500.
    #[arg(long, value_name = "NUMBER")]
    limit: Option<i64>,
    /// Go on after this session, the last of the page before.
    #[arg(long, value_name = "SESSION_ID")]
    after: Option<SessionId>,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, clap::Args)]
pub struct Revoke {
    /// The one session to end; instead of the options.
    #[arg(value_name = "SESSION_ID")]
    id: Option<SessionId>,
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    common: Common,
}

impl DeviceCommand {
    pub async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::List(list) => list.run().await,
            Self::Revoke(revoke) => Box::pin(revoke.run()).await,
        }
    }
}

impl From<Which> for Selection {
    fn from(which: Which) -> Self {
        let Which { user, client, device_id, group } = which;
        Self { user, client, device_id, group }
    }
}

impl List {
    async fn run(self) -> anyhow::Result<()> {
        let opened = Opened::open(&self.common.location).await?;
        let request = ListRequest {
            selection: self.which.into(),
            wanted: self.state,
            after: self.after,
            limit: self.limit,
        };
        let page = opened.sessions().list(&request).await?;
        let page = page.with_context(|| unknown(&request.selection))?;
        if self.common.json {
            return print_json(&page);
        }
        show(&page);
        Ok(())
    }
}

fn show(page: &Page<SessionView, SessionId>) {
    let heading = ["SESSION_ID", "USERNAME", "CLIENT", "DEVICE", "LAST_USED", "ADDRESS", "STATE"];
    let rows: Vec<_> = page.items.iter().map(row).collect();
    print_table(heading, &rows);
    if let Some(next) = page.next {
        println!("There may be more; --after {next} shows them.");
    }
}

fn row(view: &SessionView) -> [String; 7] {
    let (session, device) = (&view.session, &view.session.device);
    let username = view.username.as_ref().map(ToString::to_string);
    let named = device.name.as_ref().or(device.id.as_ref());
    [
        session.id.to_string(),
        username.unwrap_or_else(|| session.user_id.to_string()),
        session.client_id.to_string(),
        named.cloned().unwrap_or_default(),
        second(session.last_used_at).to_string(),
        device.address.clone().unwrap_or_default(),
        state(view),
    ]
}

/// `live`, or when and why it ended.
pub fn state(view: &SessionView) -> String {
    match view.session.ended {
        None => view.state.as_str().to_owned(),
        Some(ended) => format!("{} {} {}", view.state.as_str(), second(ended.at), ended.reason),
    }
}

impl Revoke {
    async fn run(self) -> anyhow::Result<()> {
        let selection = Selection::from(self.which);
        let wide = selection.check_narrow();
        ensure!(
            self.id.is_none() || selection == Selection::default(),
            "give either the id of a session, or options that say which sessions are meant"
        );
        if let (None, Err(wide)) = (self.id, wide) {
            bail!("{wide}; give the id of a session, --user or --client");
        }
        let opened = Opened::open(&self.common.location).await?;
        let event = AuditEvent::new("session.ended", "cli");
        let all = if let Some(id) = self.id {
            ensure!(opened.sessions().end(id, &event).await?, "there is no live session {id}");
            EndAll { ended: 1 }
        } else {
            let all = opened.sessions().end_all(&selection, &event).await?;
            all.with_context(|| unknown(&selection))?
        };
        if self.common.json {
            return print_json(&all);
        }
        println!("Sessions ended: {}.", all.ended);
        Ok(())
    }
}

/// The database and the settings that say when sessions are over.
pub struct Opened {
    pub store: Store,
    pub settings: Settings,
}

impl Opened {
    pub async fn open(location: &Location) -> anyhow::Result<Self> {
        let settings = location.settings()?;
        Ok(Self { store: Store::open(&settings.database).await?, settings })
    }

    pub fn sessions(&self) -> Sessions<'_> {
        let now = Clock::System.now();
        Sessions { store: &self.store, settings: &self.settings.sessions, now }
    }
}

fn unknown(selection: &Selection) -> String {
    let user = selection.user.as_deref().unwrap_or_default();
    format!("there is no user {user}; `mintmark user list` shows those there are")
}
