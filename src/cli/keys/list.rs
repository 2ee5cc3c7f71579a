//! `mintmark keys list`
use super::{chart::chart, words::words};
use crate::{
    cli::{output::print_json, settings::Common},
    clock::Timestamp,
    config::KeySettings,
    keys::{KeyView, KnownKey, Line, Snapshot},
    model::Algorithm,
};

#[derive(Debug, clap::Args)]
pub struct List {
    /// Show the keys too that left the JWKS long ago; with --json they are always there.
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    common: Common,
}

impl List {
    pub async fn run(self) -> anyhow::Result<()> {
        let looked = super::look(&self.common.location).await?;
        let (snapshot, settings) = (&looked.known, &looked.settings.keys);
        let readers = looked.readers(snapshot).await?;
        let (now, list) = (readers.now, readers.list(settings));
        if self.common.json {
            return print_json(&list);
        }
        let keys: Vec<_> = list.keys.iter().map(|known| known.key.clone()).collect();
        let recent = |key: &KeyView| {
            key.unpublished_at.is_none_or(|left_at| now < left_at + settings.announce_for)
        };
        let shown: Vec<_> = keys.iter().filter(|key| self.all || recent(key)).cloned().collect();
        if !shown.is_empty() {
            let kid_length = super::kid::telling_length(&keys);
            println!("{}", chart(&shown, kid_length, now));
        }
        tell_lines(snapshot, settings, now);
        list.keys.iter().for_each(tell_readiness);
        let left_out = keys.len() - shown.len();
        if left_out > 0 {
            println!("Not shown: {left_out} that left the JWKS long ago; --all shows them.");
        }
        Ok(())
    }
}

/// Each line in words, if it has keys or is to have some.
fn tell_lines(snapshot: &Snapshot, settings: &KeySettings, now: Timestamp) {
    for &alg in Algorithm::ALL {
        let timeline = snapshot.timeline(Line::Signing(alg));
        if !timeline.0.is_empty() || settings.algorithms.contains(&alg) {
            println!(
                "{alg}: {}.",
                words(timeline, settings.algorithms.contains(&alg), settings, now)
            );
        }
    }
}

/// Who has to fetch the JWKS before the key signs.
fn tell_readiness(known: &KnownKey) {
    let (key, Some(readiness)) = (&known.key, &known.readiness) else { return };
    let all = readiness.seen + readiness.not_seen.len();
    println!(
        "{} key {}: seen by {} of {all} who fetch the JWKS.",
        key.alg, key.number, readiness.seen
    );
    for fetcher in &readiness.not_seen {
        let since = super::second(fetcher.last_fetch_at);
        println!(
            "  not by {} of {}, here last at {since}",
            fetcher.user_agent, fetcher.address_prefix
        );
    }
}
