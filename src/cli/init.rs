//! `mintmark init`
use super::output::print_json;
use crate::{config::Settings, keys::MasterKeys};
use anyhow::Context;
use secrecy::ExposeSecret;
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Args)]
pub struct Init {
    /// The settings file, whose `master_key.file` says where the master key is to be.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Print JSON, on one line.
    #[arg(long)]
    json: bool,
}

impl Init {
    pub fn run(self) -> anyhow::Result<()> {
        let settings = Settings::load(self.config.as_deref(), std::env::vars().collect())?;
        let settings = settings.master_key;
        anyhow::ensure!(
            settings.key.expose_secret().is_empty(),
            "the master key comes from MINTMARK__MASTER_KEY__KEY; there is no file to make"
        );
        anyhow::ensure!(!settings.file.is_empty(), "master_key.file is empty: where is it to be?");
        let file = settings.file.clone();
        let made = MasterKeys::create_file(Path::new(&file))
            .with_context(|| format!("cannot write {file}"))?;
        // One that was there before has to be usable.
        let keys = MasterKeys::load(&settings)?;
        if self.json {
            return print_json(&serde_json::json!({
                "file": file, "made": made, "master_key": keys.sealing_id(),
            }));
        }
        if made {
            println!("Made {file}, the master key {}.", keys.sealing_id());
            println!(
                "Keep a copy, apart from the backups of the database: without it, they are lost."
            );
        } else {
            println!("{file} is there already, with the master key {}.", keys.sealing_id());
        }
        Ok(())
    }
}
