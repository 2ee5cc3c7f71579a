//! The arguments that every command shares.
use crate::{app::App, clock::Clock, config::Settings, store::Store};
use anyhow::Context;
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Args)]
pub struct Location {
    /// The settings file, in TOML; variables such as `MINTMARK__ISSUER` override it.
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// The folder of the embedded database, and of its master key if none is configured.
    #[arg(long, value_name = "DIR")]
    pub data: Option<PathBuf>,
    /// Another database: sqlite:PATH or postgres://…
    #[arg(long, value_name = "URL")]
    pub database: Option<String>,
}

/// What every command that administers the database takes.
#[derive(Debug, clap::Args)]
pub struct Common {
    /// Print JSON, on one line.
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub location: Location,
}

impl Location {
    pub fn settings(&self) -> anyhow::Result<Settings> {
        let mut settings = Settings::load(self.config.as_deref(), std::env::vars().collect())?;
        if let Some(dir) = &self.data {
            settings.database.url = sqlite_in(dir).into();
            // Where `dev` keeps it.
            let master_key = dir.join("master.key");
            if settings.master_key.is_default() && master_key.exists() {
                settings.master_key.file = path_text(&master_key)?;
            }
        }
        if let Some(url) = &self.database {
            settings.database.url = url.clone().into();
        }
        Ok(settings)
    }

    /// The database alone, for administration.
    pub async fn store(&self) -> anyhow::Result<(Store, Clock)> {
        let settings = self.settings()?;
        let store = Store::open(&settings.database).await?;
        Ok((store, Clock::System))
    }
}

pub fn sqlite_in(dir: &Path) -> String {
    format!("sqlite:{}", dir.join("mintmark.db").display())
}

pub fn path_text(path: &Path) -> anyhow::Result<String> {
    Ok(path.to_str().context("the path of --data has to be UTF-8")?.to_owned())
}

/// Starts the log and opens everything.
pub async fn open_app(settings: Settings) -> anyhow::Result<std::sync::Arc<App>> {
    crate::telemetry::init(&settings.log).context("log.filter is malformed")?;
    Box::pin(App::open(settings, Clock::System)).await.context("cannot start")
}
