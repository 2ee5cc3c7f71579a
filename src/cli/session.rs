//! `mintmark session …`
use super::{
    audit,
    device::{Opened, state},
    output::print_json,
    settings::Common,
};
use crate::{
    clock::Clock,
    keys::{KeyRing, MasterKeys},
    secret::Secret,
    session::admin::{SessionView, Why},
};
use anyhow::Context;
use std::io::Read;
use zeroize::Zeroizing;

#[derive(Debug, clap::Subcommand)]
pub enum SessionCommand {
    /// Tell what became of a refresh token or an access token, and why its session ended.
    Why(WhyCommand),
}

#[derive(Debug, clap::Args)]
pub struct WhyCommand {
    /// The token; with -, it is read from standard input and stays out of the shell's history.
    #[arg(value_name = "HANDLE", value_parser = secret, allow_hyphen_values = true)]
    token: Secret,
    #[command(flatten)]
    common: Common,
}

#[expect(clippy::unnecessary_wraps, reason = "clap wants a Result")]
fn secret(text: &str) -> Result<Secret, std::convert::Infallible> {
    Ok(Secret::new(text))
}

impl SessionCommand {
    pub async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::Why(why) => why.run().await,
        }
    }
}

impl WhyCommand {
    async fn run(self) -> anyhow::Result<()> {
        let token = if self.token.reveal() == "-" { read_token()? } else { self.token };
        let opened = Opened::open(&self.common.location).await?;
        let master = MasterKeys::load(&opened.settings.master_key)
            .context("this command needs the master key of the service")?;
        let ring = KeyRing::visit(opened.store.clone(), Clock::System, master, &opened.settings);
        let keys = Box::pin(ring).await?.snapshot().clone();
        let why = opened.sessions().why(&token, &keys).await?;
        if self.common.json {
            return print_json(&why);
        }
        tell(&why);
        Ok(())
    }
}

fn read_token() -> anyhow::Result<Secret> {
    let mut text = Zeroizing::new(String::new());
    std::io::stdin().read_to_string(&mut text).context("cannot read the token")?;
    Ok(Secret::new(text.trim()))
}

fn tell(why: &Why) {
    for sentence in &why.explanation {
        println!("{sentence}");
    }
    if let Some(view) = &why.session {
        println!();
        for (name, value) in members(view) {
            println!("{name:<12}{value}");
        }
    }
    if !why.events.is_empty() {
        println!("\nThe audit log of the session, newest first:");
        audit::show(&why.events);
    }
}

/// The session as a person wants it, with what is known.
fn members(view: &SessionView) -> Vec<(&'static str, String)> {
    let (session, device) = (&view.session, &view.session.device);
    let username = view.username.as_ref().map(|name| format!("{name} "));
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let members = [
        ("session", session.id.to_string()),
        ("user", format!("{}({})", username.unwrap_or_default(), session.user_id)),
        ("client", session.client_id.to_string()),
        ("device", [text(&device.name), text(&device.id)].join(" ").trim().to_owned()),
        ("group", text(&session.group)),
        ("state", state(view)),
        ("created", session.created_at.to_string()),
        ("last used", session.last_used_at.to_string()),
        ("address", text(&device.address)),
        ("user agent", text(&device.user_agent)),
        ("generation", session.generation.to_string()),
    ];
    members.into_iter().filter(|(_, value)| !value.is_empty()).collect()
}
