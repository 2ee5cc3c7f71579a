//! The keys as one replica knows them at one moment; never changed, only replaced.
use super::{
    Error, Jwks, Line, MasterKeys, Result,
    line::Policy,
    sealing,
    timeline::{Instants, State, Timeline},
};
use crate::{
    clock::Timestamp,
    jose::{KeyPair, PublicJwk, Signer},
    model::Algorithm,
    store::{KeyRow, Origin},
};
use arc_swap::ArcSwap;
use ring::hmac;
use std::{collections::HashMap, sync::Arc, time::Duration};

pub struct Snapshot {
    pub(super) rows: Vec<KeyRow>,
    lines: HashMap<Line, LineKeys>,
    leeway: Duration,
    jwks: ArcSwap<Jwks>,
}

#[derive(Default)]
struct LineKeys {
    instants: Vec<Instants>,
    keys: Vec<Key>,
}

/// One key of a line. What can sign is there from its announcement until it is superseded.
#[derive(Clone)]
pub struct Key {
    pub line: Line,
    pub instants: Instants,
    pub kid: String,
    pub origin: Origin,
    pub public: Option<PublicJwk>,
    signer: Option<Arc<Signer>>,
    mac: Option<Arc<hmac::Key>>,
}

/// The key that a handle's MAC is made with, and the number by which the handle names it.
#[derive(Clone)]
pub struct MacKey {
    pub number: u16,
    pub key: Arc<hmac::Key>,
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
        let leeway = policy.keys.leeway;
        let mut lines: HashMap<Line, LineKeys> = HashMap::new();
        for row in &rows {
            // A line that this version does not know belongs to a newer one beside us.
            let Ok(line) = row.line.parse::<Line>() else { continue };
            lines.entry(line).or_default().instants.push(instants(row));
        }
        for row in &rows {
            let Ok(line) = row.line.parse::<Line>() else { continue };
            let Some(keys) = lines.get_mut(&line) else { continue };
            let state = Timeline(&keys.instants).state(&instants(row), leeway, now);
            let known = earlier.and_then(|earlier| earlier.key(&row.kid));
            let key = Key::open(line, row, state, known, master)?;
            keys.keys.push(key);
        }
        let jwks = ArcSwap::from_pointee(Jwks::empty());
        let snapshot = Self { rows, lines, leeway, jwks };
        snapshot.jwks.store(Arc::new(snapshot.build_jwks(now)));
        Ok(snapshot)
    }

    /// Whether it was built from the same rows.
    pub(super) fn is_of(&self, rows: &[KeyRow]) -> bool {
        self.rows == rows
    }

    /// Whether no replica needs the key's secret half any more. A superseded signing key only verifies,
    /// for which its public half is enough, once even a clock that is slow has seen it superseded. The
    /// keys of handles have no public half and are needed until they are gone.
    pub(super) fn is_spent(&self, key: &Key, now: Timestamp) -> bool {
        match (key.line, self.state(key, now)) {
            (_, State::Revoked | State::Gone) => true,
            (_, State::Announced | State::Active) | (Line::Handle, State::Verifying) => false,
            (Line::Signing(_), State::Verifying) => self
                .timeline(key.line)
                .superseded_at(key.instants.number)
                .is_some_and(|superseded_at| superseded_at + self.leeway <= now),
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

    /// What signs with the algorithm now.
    pub fn signer(&self, alg: Algorithm, now: Timestamp) -> Option<Arc<Signer>> {
        self.active(Line::Signing(alg), now)?.signer.clone()
    }

    /// The public key of that `kid`, if tokens that it signed may still be valid.
    pub fn verifier(&self, kid: &str, now: Timestamp) -> Option<&PublicJwk> {
        let key = self.key(kid).filter(|key| self.state(key, now).is_published())?;
        key.public.as_ref()
    }

    /// The key that makes the MACs of handles at this instant.
    pub fn mac_key_at(&self, at: Timestamp) -> Option<MacKey> {
        let key = self.active(Line::Handle, at)?;
        let number = u16::try_from(key.instants.number).ok()?;
        Some(MacKey { number, key: key.mac.clone()? })
    }

    /// The key of that number, if handles made with it may still be valid.
    pub fn mac_key(&self, number: u16, now: Timestamp) -> Option<&hmac::Key> {
        let keys = self.keys(Line::Handle).iter();
        let mut named = keys.filter(|key| key.instants.number == i64::from(number));
        named.find(|key| self.state(key, now).is_published())?.mac.as_deref()
    }

    fn active(&self, line: Line, at: Timestamp) -> Option<&Key> {
        let number = self.timeline(line).active_at(at)?.number;
        self.keys(line).iter().find(|key| key.instants.number == number)
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

fn instants(row: &KeyRow) -> Instants {
    Instants {
        number: row.number,
        published_at: row.published_at,
        activates_at: row.activates_at,
        longest_token: Duration::from_millis(u64::try_from(row.longest_token).unwrap_or(0)),
        revoked_at: row.revoked_at,
    }
}

impl Key {
    fn open(
        line: Line,
        row: &KeyRow,
        state: State,
        known: Option<&Self>,
        master: &MasterKeys,
    ) -> Result<Self> {
        let mut key = Self {
            line,
            instants: instants(row),
            kid: row.kid.clone(),
            origin: row.origin,
            public: None,
            signer: None,
            mac: None,
        };
        match line {
            Line::Signing(alg) => {
                key.public = Some(read_public(row, alg)?);
                if state.needs_secret() {
                    key.signer = Some(match known.and_then(|known| known.signer.clone()) {
                        Some(signer) => signer,
                        None => Arc::new(open_signer(row, alg, master)?),
                    });
                }
            }
            Line::Handle if state.is_published() => {
                let secret = open_secret(row, master)?;
                key.mac = Some(Arc::new(hmac::Key::new(hmac::HMAC_SHA256, &secret)));
            }
            Line::Handle => {}
        }
        Ok(key)
    }
}

fn unusable(row: &KeyRow, cause: &dyn std::fmt::Display) -> Error {
    let cause = cause.to_string();
    Error::Row { line: row.line.clone(), number: row.number, kid: row.kid.clone(), cause }
}

fn read_public(row: &KeyRow, alg: Algorithm) -> Result<PublicJwk> {
    let json = row.public_jwk.as_deref().unwrap_or_default();
    let jwk: PublicJwk = serde_json::from_str(json)
        .map_err(|error| unusable(row, &format_args!("its public half is damaged ({error})")))?;
    if jwk.kid != row.kid || jwk.alg != alg {
        return Err(unusable(row, &"its public half belongs to another key"));
    }
    Ok(jwk)
}

fn open_secret(row: &KeyRow, master: &MasterKeys) -> Result<zeroize::Zeroizing<Vec<u8>>> {
    let Some(sealed) = row.sealed.as_deref() else {
        return Err(unusable(row, &"its secret half is missing"));
    };
    let place = sealing::Row { line: &row.line, number: row.number, kid: &row.kid };
    master.open(&place, sealed).map_err(|cause| unusable(row, &cause))
}

fn open_signer(row: &KeyRow, alg: Algorithm, master: &MasterKeys) -> Result<Signer> {
    let pair = KeyPair::from_pkcs8(alg, open_secret(row, master)?)?;
    if pair.public.kid != row.kid {
        return Err(unusable(row, &"its halves do not belong together"));
    }
    Ok(pair.signer()?)
}
