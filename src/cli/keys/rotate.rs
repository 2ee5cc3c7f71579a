//! `mintmark keys rotate`
use super::second;
use crate::{
    cli::{output::print_json, settings::Common},
    clock::{Clock, Timestamp},
    keys::{
        Answer, KeyRing, KeyView, KnownKey, Line, Planned, PlannedKey, ReadyKey, Rotated,
        timeline::{State, Timing},
    },
    model::Algorithm,
    store::AuditEvent,
};

#[derive(Debug, clap::Args)]
pub struct Rotate {
    /// An algorithm whose key to replace, such as ES256; can be repeated. Without it, all of them.
    #[arg(long = "alg", value_name = "ALG")]
    algorithms: Vec<Algorithm>,
    /// Let the new key sign at once; verifiers that do not know it have to fetch the JWKS again.
    #[arg(long)]
    immediate: bool,
    /// Only tell what it would come to.
    #[arg(long)]
    dry_run: bool,
    #[command(flatten)]
    common: Common,
}

impl Rotate {
    pub async fn run(mut self) -> anyhow::Result<()> {
        let opened = super::open(&self.common.location).await?;
        let ring = &opened.known;
        self.choose(&opened.settings.keys.algorithms)?;
        self.check_lines(ring)?;
        let timing = if self.immediate { Timing::Immediate } else { Timing::Graceful };
        if self.dry_run {
            let steps = ring.next_steps(&self.algorithms, timing)?;
            let snapshot = ring.snapshot();
            let readers = opened.readers(&snapshot).await?;
            return self.tell_planned(&readers.planned(timing.into(), &steps), readers.now);
        }
        let event = AuditEvent::new(timing.action(), "cli");
        let numbers = ring.rotate_all(&self.algorithms, timing, &event).await??;
        let snapshot = ring.snapshot();
        self.tell(&opened.readers(&snapshot).await?.rotated(timing.into(), &numbers))
    }

    /// Each algorithm that is meant, once.
    fn choose(&mut self, known: &[Algorithm]) -> anyhow::Result<()> {
        for alg in &self.algorithms {
            anyhow::ensure!(
                known.contains(alg),
                "{alg} is not in keys.algorithms of these settings; the service's own are given with \
                 --config"
            );
        }
        let all = self.algorithms.is_empty();
        let meant = known.iter().filter(|alg| all || self.algorithms.contains(alg));
        self.algorithms = meant.copied().collect();
        Ok(())
    }

    /// That the service has begun the lines: settings that are not its own may name others.
    fn check_lines(&self, ring: &KeyRing) -> anyhow::Result<()> {
        let (snapshot, now) = (ring.snapshot(), Clock::System.now());
        for &alg in &self.algorithms {
            let line = snapshot.timeline(Line::Signing(alg));
            anyhow::ensure!(
                line.active_at(now).or(line.announced_at(now)).is_some(),
                "no key of {alg} signs or is announced; a service with these settings makes one when \
                 it starts. If it runs with others, give them with --config, or choose with --alg"
            );
        }
        Ok(())
    }

    fn tell_planned(&self, answer: &Answer<Planned>, now: Timestamp) -> anyhow::Result<()> {
        if self.common.json {
            return print_json(answer);
        }
        for ReadyKey { key: PlannedKey { alg, number, activates_at }, .. } in
            &answer.outcome.planned
        {
            let when = activates_at.map_or(now, |at| at);
            let when = if when > now { format!("from {}", second(when)) } else { "at once".into() };
            println!("{alg}: key {number} would sign {when}.");
        }
        println!("Nothing was changed.");
        warn(answer);
        Ok(())
    }

    fn tell(&self, answer: &Answer<Rotated>) -> anyhow::Result<()> {
        if self.common.json {
            return print_json(answer);
        }
        for KnownKey { key, .. } in &answer.outcome.keys {
            let KeyView { alg, number, kid, state, activates_at, .. } = key;
            if *state == State::Announced {
                println!("{alg}: key {number} ({kid}) signs from {}.", second(*activates_at));
            } else {
                println!("{alg}: key {number} ({kid}) signs now.");
            }
        }
        warn(answer);
        Ok(())
    }
}

fn warn<T>(answer: &Answer<T>) {
    if let Some(warning) = answer.warning {
        eprintln!("warning: {warning} (--json and `keys list` name them)");
    }
}
