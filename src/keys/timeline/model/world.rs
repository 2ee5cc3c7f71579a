//! Everything at one moment, and what can happen next.
use super::{
    replica::{Doing, Replica, Work},
    rows::Rows,
    scenario::{Scenario, at},
};
use crate::{
    clock::Timestamp,
    keys::timeline::{Step, Timeline},
    model::Algorithm,
};
use std::hash::{DefaultHasher, Hash, Hasher};

/// What is remembered of a key so that the properties can be judged; no replica knows it. Every
/// replica signs with what it can at every moment, and every JWKS is fetched at every moment, so one
/// instant stands for any number of tokens, and one for any number of verifiers.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Note {
    pub line: Algorithm,
    pub number: i64,
    /// When the last token that it signed expires: 0 if it has signed none.
    pub expires: i64,
    /// For how long every JWKS there is has had it; no more than what matters is counted.
    pub known_for: i64,
    /// Whether every verifier has come to know it.
    pub known: bool,
    /// Whether it signs early because somebody asked for that, or there was nothing else to do.
    pub early: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct World {
    /// The true time, which is also that of the slowest clock there may be.
    pub time: i64,
    pub rows: Rows,
    pub replicas: [Replica; 2],
    pub notes: Vec<Note>,
    pub crashes: u8,
    pub demands: u8,
}

impl World {
    pub fn new() -> Self {
        let replicas = [Replica::down(false), Replica::down(false)];
        Self { time: 0, rows: Rows::default(), replicas, notes: vec![], crashes: 0, demands: 0 }
    }

    /// Two replicas that have signed with the same keys for long enough that every verifier knows them.
    pub fn settled(scenario: &Scenario) -> Self {
        let mut world = Self::new();
        for &line in scenario.on(0) {
            let start = Step::Make(Timeline(&[]).immediate(at(0)));
            world.take(scenario, (line, start), false, at(0));
            (world.note(line, 1).known, world.note(line, 1).known_for) = (true, scenario.max_age());
        }
        for who in [0, 1] {
            world.read(scenario, who);
            world.keep(scenario, who);
        }
        world.observe(scenario);
        world
    }

    /// What the clock of a replica shows.
    pub fn clock(&self, replica: &Replica) -> Timestamp {
        at(self.time + replica.ahead)
    }

    pub fn note(&mut self, line: Algorithm, number: i64) -> &mut Note {
        let known = |note: &Note| (note.line, note.number) == (line, number);
        let place = self.notes.iter().position(known).unwrap_or_else(|| {
            let (expires, known_for) = (0, 0);
            self.notes.push(Note { line, number, expires, known_for, known: false, early: false });
            self.notes.sort();
            self.notes.iter().position(known).unwrap()
        });
        &mut self.notes[place]
    }

    pub fn read(&mut self, scenario: &Scenario, who: usize) {
        let now = self.clock(&self.replicas[who]);
        self.replicas[who].read(&self.rows, &scenario.settings, (self.time, now));
    }

    /// Whether a key is revoked or about to be.
    pub fn has_leak(&self) -> bool {
        let revoking =
            |replica: &Replica| matches!(replica.doing, Doing::Writing(Work::Replacement(..)));
        self.replicas.iter().any(revoking)
            || self.rows.0.iter().any(|row| row.instants.revoked_at.is_some())
    }

    /// Lets tokens be signed and JWKS be fetched.
    pub fn observe(&mut self, scenario: &Scenario) {
        let serving: Vec<_> =
            self.replicas.iter().filter(|replica| replica.serves).cloned().collect();
        for replica in &serving {
            let (now, on) = (self.clock(replica), scenario.on(replica.lines));
            for wanted in super::LINES {
                if let Some((line, number)) = replica.signer(*wanted, on[0], now) {
                    let revoked =
                        replica.seen.0.iter().any(|row| row.instants.revoked_at.is_some());
                    let expires = self.time + replica.ahead + scenario.token;
                    let note = self.note(line, number);
                    note.expires = note.expires.max(expires);
                    note.early |= revoked;
                }
            }
        }
        for row in self.rows.clone().0 {
            let (line, number) = (row.line, row.instants.number);
            let lacks = |replica: &Replica| {
                !replica.publishes(line, number, &scenario.settings, self.clock(replica))
            };
            let lacked = serving.iter().any(lacks);
            let max_age = scenario.max_age();
            let note = self.note(line, number);
            note.known_for = if lacked { 0 } else { note.known_for.min(max_age) };
            note.known |= note.known_for >= max_age;
        }
    }

    /// Replicas are alike: which is which makes no other world.
    pub fn order(&mut self) {
        let hash = |replica: &Replica| {
            let mut hasher = DefaultHasher::new();
            replica.hash(&mut hasher);
            hasher.finish()
        };
        self.replicas.sort_by_cached_key(hash);
    }
}
