//! `mintmark keys rekey`
use crate::{
    cli::{output::print_json, settings::Common},
    clock::Clock,
    keys::MasterKeys,
    store::Store,
};

#[derive(Debug, clap::Args)]
pub struct Rekey {
    #[command(flatten)]
    common: Common,
}

impl Rekey {
    pub async fn run(self) -> anyhow::Result<()> {
        let settings = self.common.location.settings()?;
        let master = MasterKeys::load(&settings.master_key)?;
        let store = Store::open(&settings.database).await?;
        let done = master.rekey(&store, &Clock::System, "cli").await?;
        if self.common.json {
            return print_json(&done);
        }
        println!(
            "The master key {} seals everything now: {} rows sealed anew, {} as they were.",
            done.master_key, done.sealed_anew, done.unchanged
        );
        Ok(())
    }
}
