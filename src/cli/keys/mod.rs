//! `mintmark keys …`
mod chart;
mod export;
mod import;
mod kid;
mod list;
mod rekey;
mod revoke;
mod rotate;
mod words;

use super::settings::Location;
use crate::{
    clock::{Clock, Timestamp},
    config::Settings,
    keys::{Fetchers, KeyRing, MasterKeys, Readers, Snapshot},
    store::Store,
};
use anyhow::Context;

#[derive(Debug, clap::Subcommand)]
pub enum KeysCommand {
    /// Show the signing keys on a time axis: which sign now, and which come next.
    List(list::List),
    /// Make the next key of each algorithm, announced for a while or signing at once.
    Rotate(rotate::Rotate),
    /// Take a key out of use for ever, as somebody else may have it.
    Revoke(revoke::Revoke),
    /// Make a private key from elsewhere the next one of its line.
    Import(import::Import),
    /// Seal everything anew with the first of the configured master keys.
    Rekey(rekey::Rekey),
    /// Write the public half of a key.
    Export(export::Export),
    /// Write the JWKS as the service publishes it now.
    ExportJwks(export::ExportJwks),
}

impl KeysCommand {
    pub async fn run(self) -> anyhow::Result<()> {
        match self {
            Self::List(list) => list.run().await,
            Self::Rotate(rotate) => Box::pin(rotate.run()).await,
            Self::Revoke(revoke) => Box::pin(revoke.run()).await,
            Self::Import(import) => Box::pin(import.run()).await,
            Self::Rekey(rekey) => rekey.run().await,
            Self::Export(export) => export.run().await,
            Self::ExportJwks(export) => export.run().await,
        }
    }
}

/// What commands need.
struct Keys<T> {
    /// The ring, or a snapshot.
    known: T,
    store: Store,
    settings: Settings,
}

/// The keys without their secret halves, for commands that only look.
async fn look(location: &Location) -> anyhow::Result<Keys<Snapshot>> {
    let settings = location.settings()?;
    let store = Store::open(&settings.database).await?;
    let known = Snapshot::without_secrets(&store, &settings, Clock::System.now()).await?;
    Ok(Keys { known, store, settings })
}

/// The keys for commands that change them.
async fn open(location: &Location) -> anyhow::Result<Keys<KeyRing>> {
    let settings = location.settings()?;
    let master = MasterKeys::load(&settings.master_key)
        .context("this command needs the master key of the service")?;
    let store = Store::open(&settings.database).await?;
    let known = Box::pin(KeyRing::visit(store.clone(), Clock::System, master, &settings)).await?;
    Ok(Keys { known, store, settings })
}

impl<T> Keys<T> {
    /// The snapshot, held against those who fetch the JWKS.
    async fn readers<'a>(&self, snapshot: &'a Snapshot) -> anyhow::Result<Readers<'a>> {
        let now = Clock::System.now();
        let fetchers = Fetchers::stored(&self.store, now).await?;
        Ok(Readers::new(fetchers, snapshot, &self.settings.keys, now))
    }
}

/// To the second, for people to read.
pub fn second(instant: Timestamp) -> Timestamp {
    Timestamp(instant.seconds() * 1000)
}
