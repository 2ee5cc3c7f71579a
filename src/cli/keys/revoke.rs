//! `mintmark keys revoke`
use super::second;
use crate::{
    cli::{output::print_json, settings::Common},
    clock::{Clock, Timestamp},
    config::Settings,
    keys::{Compromise, Impact, KeyRing, Line},
    store::AuditEvent,
};
use anyhow::Context;

#[derive(Debug, clap::Args)]
pub struct Revoke {
    /// The kid of the key, or its beginning as `keys list` shows it.
    #[arg(value_name = "KID", allow_hyphen_values = true)]
    kid: String,
    /// Only tell what it would come to.
    #[arg(long)]
    dry_run: bool,
    /// End the sessions whose latest access token the key may have signed.
    #[arg(long)]
    end_sessions: bool,
    #[command(flatten)]
    common: Common,
}

impl Revoke {
    pub async fn run(self) -> anyhow::Result<()> {
        let opened = super::open(&self.common.location).await?;
        let (ring, settings) = (&opened.known, &opened.settings);
        let now = Clock::System.now();
        let keys = ring.snapshot().views(now);
        let kid = super::kid::named(&keys, &self.kid)?.kid.clone();
        check_line(ring, &kid, settings, now)?;
        let (dry_run, end_sessions) = (self.dry_run, self.end_sessions);
        let compromise = Compromise { kid: kid.clone(), dry_run, end_sessions };
        let event = AuditEvent::new("key.compromised", "cli");
        let impact = ring.compromised(&compromise, &event).await?;
        let impact = impact.with_context(|| {
            format!("key {kid} is not in the JWKS any more, so there is nothing to revoke")
        })?;
        if self.common.json {
            let snapshot = ring.snapshot();
            return print_json(&opened.readers(&snapshot).await?.compromised(dry_run, &impact));
        }
        print!("{}", told(&impact, dry_run));
        Ok(())
    }
}

/// That the key gets a successor if the service keeps its line: settings that are not the service's own
/// may not name the line.
fn check_line(
    ring: &KeyRing,
    kid: &str,
    settings: &Settings,
    now: Timestamp,
) -> anyhow::Result<()> {
    let snapshot = ring.snapshot();
    let Some(Line::Signing(alg)) = snapshot.key(kid).map(|key| key.line) else { return Ok(()) };
    let active = snapshot.timeline(Line::Signing(alg)).active_at(now);
    anyhow::ensure!(
        settings.keys.algorithms.contains(&alg)
            || active.is_none_or(|key| key.retired_at.is_some()),
        "{alg} is not in keys.algorithms of these settings, but its keys sign; give the settings of \
         the service with --config, so that the next key can take over"
    );
    Ok(())
}

fn told(impact: &Impact, dry_run: bool) -> String {
    let Impact { alg, number, kid, .. } = impact;
    let (revoked, signs) =
        if dry_run { ("Would revoke", "would sign") } else { ("Revoked", "signs") };
    let successor = match impact.successor {
        Some(successor) => format!("key {successor} {signs} instead"),
        None => {
            "it was not to be replaced, as it did not sign or its line is switched off".to_owned()
        }
    };
    let sessions = match impact.sessions {
        None => "could not be counted in time".to_owned(),
        Some(0) => "none".to_owned(),
        Some(count) => {
            let clients = impact.clients.iter();
            let clients: Vec<_> =
                clients.map(|client| format!("{} {}", client.client_id, client.sessions)).collect();
            format!("{count} ({})", clients.join(", "))
        }
    };
    let ended = match (dry_run, impact.sessions_ended) {
        (true, _) => "Nothing was changed.".to_owned(),
        (false, ended) => format!("Sessions ended: {ended}."),
    };
    format!(
        "{revoked} {alg} key {number} ({kid}); {successor}.\n\
         Sessions whose latest token it may have signed: {sessions}.\n\
         The last honest token that it signed expires by {}.\n\
         Verifiers may accept what a thief signs with it until {}, unless they forget their copy of \
         the JWKS.\n{ended}\n",
        second(impact.tokens_live_until),
        second(impact.cached_until),
    )
}
