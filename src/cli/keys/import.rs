//! `mintmark keys import`
use super::second;
use crate::{
    cli::{output::print_json, settings::Common},
    keys::{
        self, Imported,
        timeline::{Step, Timing},
    },
    model::Algorithm,
    secret::Secret,
    store::AuditEvent,
};
use anyhow::Context;
use std::{io::Read, path::PathBuf};

#[derive(Debug, clap::Args)]
pub struct Import {
    /// The file with the private key, as PEM or JWK; `-` reads standard input.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The algorithm, for an RSA key that does not say it itself: RS256 or PS256.
    #[arg(long, value_name = "ALG")]
    alg: Option<Algorithm>,
    /// Let the key sign at once; verifiers that do not know it have to fetch the JWKS again.
    #[arg(long)]
    immediate: bool,
    /// Only tell what it would come to.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    common: Common,
}

impl Import {
    pub async fn run(self) -> anyhow::Result<()> {
        let opened = super::open(&self.common.location).await?;
        let ring = &opened.known;
        let timing = if self.immediate { Timing::Immediate } else { Timing::Graceful };
        let import =
            keys::Import { key: self.read()?, alg: self.alg, timing, dry_run: self.dry_run };
        let event = AuditEvent::new("key.imported", "cli");
        let Imported { alg, kid, plan } = ring.import(import, &event).await??;
        if self.common.json {
            let snapshot = ring.snapshot();
            let (readers, mode) = (opened.readers(&snapshot).await?, timing.into());
            return if self.dry_run {
                print_json(&readers.planned(mode, &[(alg, Step::Make(plan))]))
            } else {
                print_json(&readers.rotated(mode, &[(alg, plan.number)]))
            };
        }
        let (signs, end) = if self.dry_run {
            ("would sign", "Nothing was changed.")
        } else {
            ("signs", "The file is not needed any more: delete it.")
        };
        let when = match timing {
            Timing::Graceful => format!("from {}", second(plan.activates_at)),
            Timing::Immediate => "now".to_owned(),
        };
        println!("{alg}: key {} ({kid}) {signs} {when}.\n{end}", plan.number);
        Ok(())
    }

    fn read(&self) -> anyhow::Result<Secret> {
        let mut text = zeroize::Zeroizing::new(String::new());
        let read = if self.file.as_os_str() == "-" {
            std::io::stdin().read_to_string(&mut text)
        } else {
            std::fs::File::open(&self.file).and_then(|mut file| file.read_to_string(&mut text))
        };
        read.with_context(|| format!("cannot read {}", self.file.display()))?;
        Ok(Secret::new(std::mem::take(&mut *text)))
    }
}
