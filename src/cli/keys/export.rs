//! `mintmark keys export` and `export-jwks`
use crate::{
    cli::{output::print_json, settings::Location},
    clock::Clock,
};
use anyhow::Context;
use std::{io::Write, path::PathBuf};

#[derive(Debug, clap::Args)]
pub struct ExportJwks {
    /// The file to write; without it, standard output.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    location: Location,
}

#[derive(Debug, clap::Args)]
pub struct Export {
    /// The kid of the key, or its beginning as `keys list` shows it.
    #[arg(value_name = "KID", allow_hyphen_values = true)]
    kid: String,
    /// As PEM (RFC 7468) instead of a JWK.
    #[arg(long)]
    pem: bool,
    #[command(flatten)]
    location: Location,
}

impl Export {
    pub async fn run(self) -> anyhow::Result<()> {
        let (snapshot, now) = (super::look(&self.location).await?.known, Clock::System.now());
        let keys = snapshot.views(now);
        let kid = &super::kid::named(&keys, &self.kid)?.kid;
        let public = snapshot.key(kid).and_then(|key| key.public.as_ref());
        let public = public.context("the key has no public half")?;
        if self.pem {
            print!("{}", public.to_pem()?);
            return Ok(());
        }
        print_json(public)
    }
}

impl ExportJwks {
    pub async fn run(self) -> anyhow::Result<()> {
        let (snapshot, now) = (super::look(&self.location).await?.known, Clock::System.now());
        // Verifiers that are given an empty set refuse every token.
        anyhow::ensure!(
            snapshot.signing_keys().next().is_some(),
            "there are no keys yet; the service makes the first when it starts"
        );
        let jwks = snapshot.jwks(now);
        match &self.output {
            Some(file) => std::fs::write(file, &jwks.body)
                .with_context(|| format!("cannot write {}", file.display())),
            None => Ok(std::io::stdout().write_all(&jwks.body)?),
        }
    }
}
