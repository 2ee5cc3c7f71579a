//! `mintmark dev`: everything on an embedded database, ready to try.
use super::{
    demo::{self, Demo},
    output::print_json,
    serve::{listen, run},
    settings::{open_app, path_text, sqlite_in},
};
use crate::{config::Settings, keys::MasterKeys};
use anyhow::Context;
use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

#[derive(Debug, clap::Args)]
pub struct Dev {
    /// Where to listen, on loopback; port 0 picks a free one.
    #[arg(long, default_value = "127.0.0.1:8080", value_name = "ADDRESS")]
    listen: SocketAddr,
    /// The folder for the database, the master key and the demo credentials.
    #[arg(long, default_value = "./data", value_name = "DIR")]
    data: PathBuf,
    /// Another database: sqlite:PATH or postgres://…
    #[arg(long, value_name = "URL")]
    database: Option<String>,
    /// Print the issuer and the credentials as one JSON object on one line.
    #[arg(long)]
    json: bool,
}

impl Dev {
    pub async fn run(self) -> anyhow::Result<()> {
        anyhow::ensure!(
            self.listen.ip().is_loopback(),
            "dev has well-known users and listens on loopback only; use `mintmark serve` for {}",
            self.listen
        );
        let listener = listen(self.listen)?;
        let issuer = format!("http://{}", listener.local_addr()?);
        let app = open_app(self.settings(&issuer)?).await?;
        let demo = Demo::prepare(&app, &self.data.join("dev.json")).await?;
        if self.json {
            print_json(&demo.view(&issuer))?;
        } else {
            print!("{}", demo.guide(&issuer));
        }
        run(app, listener).await
    }

    fn settings(&self, issuer: &str) -> anyhow::Result<Settings> {
        let mut settings = Settings::load(None, std::env::vars().collect())?;
        let master_key = self.data.join("master.key");
        create_dir(&self.data)?;
        MasterKeys::create_file(&master_key)
            .with_context(|| format!("cannot write {}", master_key.display()))?;
        settings.master_key.file = path_text(&master_key)?;
        settings.database.url =
            self.database.clone().unwrap_or_else(|| sqlite_in(&self.data)).into();
        issuer.clone_into(&mut settings.issuer);
        settings.session_api.first_party_client = Some(demo::PUBLIC_CLIENT.parse()?);
        Ok(settings)
    }
}

/// For nobody else to look into.
fn create_dir(dir: &Path) -> anyhow::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir);
    made.with_context(|| format!("cannot make the folder {}", dir.display()))
}
