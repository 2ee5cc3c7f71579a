//! What is to be done with a line: pure functions of what is stored and the settings.
use super::{Instants, State, Timeline};
use crate::{clock::Timestamp, config::KeySettings};

/// A new key to be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Plan {
    pub number: i64,
    pub published_at: Timestamp,
    pub activates_at: Timestamp,
    pub retired_at: Option<Timestamp>,
}

/// How a line begins that has no key to sign with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// No line has one: a service without tokens is worse than verifiers that have to fetch the JWKS.
    AtOnce,
    /// Other lines sign meanwhile, so verifiers are given the time to learn of it.
    Announced,
}

impl Start {
    /// Of a line whose keys verifiers have to know, or need not, beside lines of which any signs.
    pub const fn of(is_published: bool, any_signs: bool) -> Self {
        if is_published && any_signs { Self::Announced } else { Self::AtOnce }
    }
}

/// How soon the next key of a line is to sign.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Timing {
    /// After it has been announced: no verifier notices.
    #[default]
    Graceful,
    /// At once: verifiers fetch the JWKS again when they meet its `kid`.
    Immediate,
}

/// What a rotation comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// The key of this number is announced already, and signs in its time.
    Wait(i64),
    /// The key of this number is announced already, and signs from now on.
    Activate(i64),
    Make(Plan),
}

impl Step {
    /// Of the key that comes next.
    pub const fn number(self) -> i64 {
        match self {
            Self::Wait(number) | Self::Activate(number) => number,
            Self::Make(plan) => plan.number,
        }
    }

    /// The key that is left to activate at `now` if the step inserts none: another replica may have
    /// made the number first, to sign later.
    pub fn left_to_activate(self, now: Timestamp) -> Option<i64> {
        match self {
            Self::Make(plan) if plan.activates_at <= now => Some(plan.number),
            Self::Activate(number) => Some(number),
            Self::Make(_) | Self::Wait(_) => None,
        }
    }
}

/// The end of a line that is switched off: its keys from a number on run out at an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retirement {
    pub from: i64,
    pub at: Timestamp,
}

/// The lines that may sign, and in which state their keys, best first. While the line that is wanted
/// has no active key, as it was switched on or off lately, the default one signs or else any that has
/// one. If none has, a key that is announced does: a clock may be too slow to call it active.
pub fn signing_order<T: Copy>(
    wanted: T,
    default: T,
    all: &[T],
) -> impl Iterator<Item = (T, State)> {
    let lines = [wanted, default].into_iter().chain(all.iter().copied());
    let announced = lines.clone().map(|line| (line, State::Announced));
    lines.map(|line| (line, State::Active)).chain(announced)
}

impl Instants {
    /// When the key that follows this one on schedule is announced.
    pub fn successor_announced_at(&self, settings: &KeySettings) -> Timestamp {
        self.activates_at + settings.rotate_every - settings.announce_for
    }
}

impl Timeline<'_> {
    /// What is to be done now so that the line signs and rotates on schedule, if anything is.
    pub fn due(&self, settings: &KeySettings, start: Start, now: Timestamp) -> Option<Step> {
        let (active, announced) = (self.active_at(now), self.announced_at(now));
        match (active, announced, start) {
            (None, None, Start::AtOnce) => Some(Step::Make(self.immediate(now))),
            (None, None, Start::Announced) => Some(Step::Make(self.graceful(settings, now))),
            (None, Some(announced), Start::AtOnce) => Some(Step::Activate(announced.number)),
            (Some(active), None, _) => self.next(active, settings, now).map(Step::Make),
            (_, Some(_), _) => None,
        }
    }

    /// The successor of the key that signs, if it is time to announce it. A line that runs out gets
    /// none, also not from a replica with settings of the time when it was on.
    fn next(&self, active: &Instants, settings: &KeySettings, now: Timestamp) -> Option<Plan> {
        let activates_at = active.activates_at + settings.rotate_every;
        if active.retired_at.is_some() || now < active.successor_announced_at(settings) {
            return None;
        }
        // A service that was stopped for long is late: the announcement is never cut short.
        let graceful = self.graceful(settings, now);
        Some(Plan { activates_at: activates_at.max(graceful.activates_at), ..graceful })
    }

    /// What a rotation on demand comes to. A key that is announced already is the next one.
    pub fn on_demand(&self, timing: Timing, settings: &KeySettings, now: Timestamp) -> Step {
        match (self.announced_at(now), timing) {
            (Some(announced), Timing::Graceful) => Step::Wait(announced.number),
            (Some(announced), Timing::Immediate) => Step::Activate(announced.number),
            (None, Timing::Graceful) => Step::Make(self.graceful(settings, now)),
            (None, Timing::Immediate) => Step::Make(self.immediate(now)),
        }
    }

    /// The key to be made for a rotation on demand that no verifier notices.
    pub fn graceful(&self, settings: &KeySettings, now: Timestamp) -> Plan {
        Plan { activates_at: now + settings.announce_for, ..self.immediate(now) }
    }

    /// The key to be made for one that takes effect at once.
    pub fn immediate(&self, now: Timestamp) -> Plan {
        let number = self.0.last().map_or(1, |key| key.number + 1);
        // A line that is to end ends, whatever comes in between.
        let retired_at = self.active_at(now).and_then(|active| active.retired_at);
        Plan { number, published_at: now, activates_at: now, retired_at }
    }

    /// From when on it signs, as far as its keys say.
    pub fn signs_from(&self, now: Timestamp) -> Option<Timestamp> {
        let announced = || self.announced_at(now).map(|key| key.activates_at);
        self.active_at(now).map(|_| now).or_else(announced)
    }

    /// How a line that is switched off runs out, if it does not yet. It goes on until verifiers know
    /// the lines that were switched on in its place, and at least until those sign: a clock that is
    /// ahead may have announced them.
    pub fn retirement(
        &self,
        settings: &KeySettings,
        others_sign_from: Option<Timestamp>,
        now: Timestamp,
    ) -> Option<Retirement> {
        let goes_on = |key: &&Instants| {
            key.retired_at.is_none() && self.state(key, settings.leeway, now).needs_secret()
        };
        let (first, announced) = (self.0.iter().find(goes_on)?, now + settings.announce_for);
        let at = others_sign_from.map_or(announced, |instant| instant.max(announced));
        Some(Retirement { from: first.number, at })
    }

    /// The first key of a line that runs out and has not yet.
    pub fn running_out(&self, now: Timestamp) -> Option<i64> {
        let running_out = |key: &&Instants| key.retired_at.is_some_and(|at| at > now);
        self.0.iter().find(running_out).map(|key| key.number)
    }

    /// What follows on the key when it is revoked: if it signs, the next one does so at once.
    pub fn replacement(
        &self,
        key: &Instants,
        settings: &KeySettings,
        now: Timestamp,
    ) -> Option<Step> {
        let signs = self.active_at(now).is_some_and(|active| active.number == key.number);
        signs.then(|| self.on_demand(Timing::Immediate, settings, now))
    }
}
