//! The keys as one replica knows them at one moment; never changed, only replaced.
use super::{
    Jwks, Key, Line, MacKey, MasterKeys, Result, key,
    line::Policy,
    timeline::{Instants, State, Timeline, signing_order},
};
use crate::{
    clock::Timestamp,
    config::Settings,
    jose::{PublicJwk, Signer},
    model::Algorithm,
    store::{KeyRow, Store},
};
use arc_swap::ArcSwap;
use ring::hmac;
use std::{collections::HashMap, sync::Arc, time::Duration};

pub struct Snapshot {
    pub(super) rows: Vec<KeyRow>,
    lines: HashMap<Line, LineKeys>,
    leeway: Duration,
    default_alg: Algorithm,
    jwks: ArcSwap<Jwks>,
}

#[derive(Default)]
struct LineKeys {
    instants: Vec<Instants>,
    keys: Vec<Key>,
}

impl Snapshot {
    /// Opens what has to be opened; signers that an earlier snapshot has built are taken over.
    pub(super) fn build(
        rows: Vec<KeyRow>,
        earlier: Option<&Self>,
        master: &MasterKeys,
        policy: &Policy,
        now: Timestamp,
    ) -> Result<Self> {
        let open = |line, row: &KeyRow, state| {
            let known = earlier.and_then(|earlier| earlier.key(&row.kid));
            Key::open(line, row, state, known, master)
        };
        Self::assemble(rows, policy, now, open)
    }

    /// The keys without their secret halves, for which no master key is needed. What would be due is
    /// not made.
    ///
    /// # Errors
    /// If the rows cannot be read, or one is damaged.
    pub async fn without_secrets(
        store: &Store,
        settings: &Settings,
        now: Timestamp,
    ) -> Result<Self> {
        let read = |line, row: &KeyRow, _| Key::read(line, row);
        Self::assemble(store.keys().await?, &Policy::new(settings), now, read)
    }

    fn assemble(
        rows: Vec<KeyRow>,
        policy: &Policy,
        now: Timestamp,
        open: impl Fn(Line, &KeyRow, State) -> Result<Key>,
    ) -> Result<Self> {
        let leeway = policy.keys.leeway;
        let mut lines: HashMap<Line, LineKeys> = HashMap::new();
        for row in &rows {
            // A line that this version does not know belongs to a newer one beside us.
            let Ok(line) = row.line.parse::<Line>() else { continue };
            lines.entry(line).or_default().instants.push(key::instants(row));
        }
        for row in &rows {
            let Ok(line) = row.line.parse::<Line>() else { continue };
            let Some(keys) = lines.get_mut(&line) else { continue };
            let state = Timeline(&keys.instants).state(&key::instants(row), leeway, now);
            keys.keys.push(open(line, row, state)?);
        }
        let jwks = ArcSwap::from_pointee(Jwks::empty());
        let default_alg = policy.default_alg();
        let snapshot = Self { rows, lines, leeway, default_alg, jwks };
        snapshot.jwks.store(Arc::new(snapshot.build_jwks(now)));
        Ok(snapshot)
    }

    /// Whether it was built from the same rows.
    pub(super) fn is_of(&self, rows: &[KeyRow]) -> bool {
        self.rows == rows
    }

    /// Whether no replica needs the key's secret half any more, not even one whose clock is slow. A
    /// signing key that only verifies has its public half for that. The keys of handles have none and
    /// are needed until they are gone.
    pub(super) fn is_spent(&self, key: &Key, now: Timestamp) -> bool {
        match key.line {
            Line::Signing(_) => self.timeline(key.line).is_spent(&key.instants, self.leeway, now),
            Line::Handle => {
                self.unpublished_at(key).is_some_and(|gone_at| gone_at + self.leeway <= now)
            }
        }
    }

    /// Whether it can still sign with a key that does not sign any more.
    pub(super) fn holds_spent_secrets(&self, now: Timestamp) -> bool {
        self.signing_keys().any(|key| key.signer.is_some() && !self.state(key, now).needs_secret())
    }

    pub fn timeline(&self, line: Line) -> Timeline<'_> {
        Timeline(self.lines.get(&line).map_or(&[], |line| &line.instants))
    }

    pub fn state(&self, key: &Key, now: Timestamp) -> State {
        self.timeline(key.line).state(&key.instants, self.leeway, now)
    }

    pub fn unpublished_at(&self, key: &Key) -> Option<Timestamp> {
        self.timeline(key.line).unpublished_at(&key.instants, self.leeway)
    }

    /// Every key of the signing lines, also those that are gone.
    pub fn signing_keys(&self) -> impl Iterator<Item = &Key> {
        Algorithm::ALL.iter().flat_map(|&alg| self.keys(Line::Signing(alg)))
    }

    pub fn keys(&self, line: Line) -> &[Key] {
        self.lines.get(&line).map_or(&[], |line| &line.keys)
    }

    pub fn key(&self, kid: &str) -> Option<&Key> {
        self.lines.values().flat_map(|line| &line.keys).find(|key| key.kid == kid)
    }

    /// What signs now, with the algorithm that is wanted if its line can.
    pub fn signer(&self, wanted: Algorithm, now: Timestamp) -> Option<Arc<Signer>> {
        let mut order = signing_order(wanted, self.default_alg, Algorithm::ALL);
        order.find_map(|(alg, state)| self.signer_of(Line::Signing(alg), state, now))
    }

    /// A request that began before another key took over may find that the secret half of the key
    /// that signed then is gone. The one that took over signs for it.
    fn signer_of(&self, line: Line, state: State, now: Timestamp) -> Option<Arc<Signer>> {
        let then = self.timeline(line).signing_at(state, now)?.number;
        let mut since = self.keys(line).iter().filter(|key| key.instants.number >= then);
        since.find_map(|key| key.signer.clone())
    }

    /// The public key of that `kid`, if tokens that it signed may still be valid.
    pub fn verifier(&self, kid: &str, now: Timestamp) -> Option<&PublicJwk> {
        let key = self.key(kid).filter(|key| self.state(key, now).is_published())?;
        key.public.as_ref()
    }

    /// The longest lifetime of an access token that may still be valid.
    pub fn longest_access_token(&self, now: Timestamp) -> Option<Duration> {
        let published = self.signing_keys().filter(|key| self.state(key, now).is_published());
        published.map(|key| key.instants.longest_token).max()
    }

    /// The key that makes the MACs of handles at this instant.
    pub fn mac_key_at(&self, at: Timestamp) -> Option<MacKey> {
        let number = self.timeline(Line::Handle).active_at(at)?.number;
        let key = self.keys(Line::Handle).iter().find(|key| key.instants.number == number)?;
        Some(MacKey { number: u16::try_from(number).ok()?, key: key.mac.clone()? })
    }

    /// The key of that number, if handles made with it may still be valid.
    pub fn mac_key(&self, number: u16, now: Timestamp) -> Option<&hmac::Key> {
        let keys = self.keys(Line::Handle).iter();
        let mut named = keys.filter(|key| key.instants.number == i64::from(number));
        named.find(|key| self.state(key, now).is_published())?.mac.as_deref()
    }

    /// The published keys, built once until one leaves.
    pub fn jwks(&self, now: Timestamp) -> Arc<Jwks> {
        let jwks = self.jwks.load();
        if now < jwks.until {
            return Arc::clone(&jwks);
        }
        let rebuilt = Arc::new(self.build_jwks(now));
        self.jwks.store(Arc::clone(&rebuilt));
        rebuilt
    }

    fn build_jwks(&self, now: Timestamp) -> Jwks {
        let published = self.signing_keys().filter(|key| self.state(key, now).is_published());
        let lines = Algorithm::ALL.iter().map(|&alg| self.timeline(Line::Signing(alg)));
        let until = lines.filter_map(|line| line.next_unpublishing(self.leeway, now)).min();
        Jwks::new(published.filter_map(|key| key.public.as_ref()), until)
    }
}
