//! The rules of rotation, held against any order of rotations that a year can bring.
use super::*;
use crate::config::{KeySettings, Settings};
use proptest::prelude::*;
use std::collections::HashMap;

const MINUTE: Duration = Duration::from_mins(1);
const LONGEST_TOKEN: Duration = Duration::from_mins(10);

#[derive(Debug, Clone)]
enum Event {
    Wait(Duration),
    Scheduled,
    Graceful,
    Immediate,
    SwitchOff,
    SwitchOn,
    /// Another line begins to sign or ends: without it, this one may have to start at once.
    Others(bool),
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        4 => (1_u64..60 * 24 * 40).prop_map(|minutes| Event::Wait(MINUTE * u32::try_from(minutes).unwrap())),
        4 => Just(Event::Scheduled),
        1 => Just(Event::Graceful),
        1 => Just(Event::Immediate),
        1 => Just(Event::SwitchOff),
        1 => Just(Event::SwitchOn),
        1 => any::<bool>().prop_map(Event::Others),
    ];
    prop::collection::vec(event, 1..60)
}

fn settings() -> KeySettings {
    Settings::load(None, HashMap::new()).unwrap().keys
}

/// Does what upkeep and rotation do with the rows, but in a vector.
struct Simulation {
    keys: Vec<Instants>,
    /// Those that signed at once, by the will of somebody or as no other did.
    exempt: Vec<i64>,
    others_sign: bool,
    now: Timestamp,
    settings: KeySettings,
}

impl Simulation {
    fn new() -> Self {
        let (keys, exempt) = (vec![], vec![]);
        let mut world =
            Self { keys, exempt, others_sign: false, now: Timestamp(0), settings: settings() };
        world.step(&Event::Scheduled);
        world
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Wait(_) => {}
            Step::Activate(number) => {
                let key = self.keys.iter_mut().find(|key| key.number == number);
                key.unwrap().activates_at = self.now;
                self.exempt.push(number);
            }
            Step::Make(plan) => {
                if plan.activates_at == self.now {
                    self.exempt.push(plan.number);
                }
                self.keys.push(Instants {
                    number: plan.number,
                    published_at: plan.published_at,
                    activates_at: plan.activates_at,
                    retired_at: plan.retired_at,
                    longest_token: LONGEST_TOKEN,
                    revoked_at: None,
                });
            }
        }
    }

    fn step(&mut self, event: &Event) {
        let (now, settings, keys) = (self.now, self.settings.clone(), self.keys.clone());
        let line = Timeline(&keys);
        match event {
            Event::Wait(duration) => self.now = now + *duration,
            Event::Scheduled => {
                let start = if self.others_sign { Start::Announced } else { Start::AtOnce };
                if let Some(step) = line.due(&settings, start, now) {
                    self.take(step);
                }
            }
            Event::Graceful => {
                self.take(line.on_demand(Timing::Graceful, &settings, now));
            }
            Event::Immediate => {
                self.take(line.on_demand(Timing::Immediate, &settings, now));
            }
            // Other replicas may still have it switched on, and do all the rest.
            Event::SwitchOff => {
                if let Some(end) = line.retirement(&settings, None, now) {
                    self.retire(end);
                }
            }
            Event::SwitchOn => {
                let retiring = |key: &&mut Instants| key.retired_at.is_some_and(|at| at > now);
                self.keys.iter_mut().filter(retiring).for_each(|key| key.retired_at = None);
            }
            Event::Others(sign) => self.others_sign = *sign,
        }
    }

    fn retire(&mut self, end: Retirement) {
        let goes_on = |key: &&mut Instants| key.number >= end.from && key.retired_at.is_none();
        self.keys.iter_mut().filter(goes_on).for_each(|key| key.retired_at = Some(end.at));
    }

    fn state(&self, key: &Instants, now: Timestamp) -> State {
        Timeline(&self.keys).state(key, self.settings.leeway, now)
    }
}

proptest! {
    #[test]
    fn the_rules_hold_whatever_happens(events in events()) {
        let mut world = Simulation::new();
        let settings = world.settings.clone();
        let moment = Duration::from_millis(1);
        for event in &events {
            world.step(event);
            let line = Timeline(&world.keys);
            let states: Vec<_> =
                world.keys.iter().map(|key| world.state(key, world.now)).collect();

            // At most one key signs and one waits, and numbers have no gap.
            let count = |state| states.iter().filter(|other| **other == state).count();
            prop_assert!(count(State::Active) <= 1);
            prop_assert_eq!(count(State::Active), usize::from(line.active_at(world.now).is_some()));
            prop_assert!(line.announced_at(world.now).is_none() || count(State::Announced) >= 1);
            prop_assert!(world.keys.iter().zip(1..).all(|(key, number)| key.number == number));
            if matches!(event, Event::Scheduled) && !world.others_sign {
                prop_assert_eq!(count(State::Active), 1, "a service always signs");
            }
            for key in &world.keys {
                // Rule 1: no key signs that was not announced long enough.
                let exempt = world.exempt.contains(&key.number);
                prop_assert!(exempt || key.activates_at >= key.published_at + settings.announce_for);
                // Rule 2: the last token a key signed expires before the key leaves the JWKS.
                if let Some(superseded_at) = line.superseded_at(key) {
                    let last_expiry = superseded_at + LONGEST_TOKEN + settings.leeway;
                    prop_assert!(world.state(key, last_expiry - moment).is_published());
                    prop_assert_eq!(world.state(key, last_expiry), State::Gone);
                    prop_assert!(!world.state(key, superseded_at).needs_secret());
                }
            }
        }
    }

    #[test]
    fn a_line_left_alone_rotates_on_schedule(hours in 1_u64..24 * 365) {
        let mut world = Simulation::new();
        let settings = world.settings.clone();
        for _ in 0..hours {
            world.step(&Event::Scheduled);
            world.step(&Event::Wait(MINUTE * 60));
        }
        for pair in world.keys.windows(2) {
            prop_assert_eq!(pair[1].activates_at, pair[0].activates_at + settings.rotate_every);
        }
        let line = Timeline(&world.keys);
        let active = line.active_at(world.now).unwrap();
        prop_assert!(world.now.since(active.activates_at) < settings.rotate_every);
    }
}

/// Rule 3 as the keys see it: with a shorter announcement, rule 1 would not save a cached JWKS.
#[test]
fn the_defaults_announce_for_longer_than_a_jwks_is_cached() {
    let settings = settings();
    assert!(settings.announce_for >= settings.jwks_max_age + settings.leeway);
}

fn key(number: i64, activates_at: Timestamp) -> Instants {
    Instants {
        number,
        published_at: Timestamp(0),
        activates_at,
        retired_at: None,
        longest_token: LONGEST_TOKEN,
        revoked_at: None,
    }
}

#[test]
fn a_line_whose_keys_are_all_revoked_starts_again() {
    let revoked = Instants { revoked_at: Some(Timestamp(5)), ..key(7, Timestamp(0)) };
    let (line, now, settings) = ([revoked], Timestamp(5), settings());
    let line = Timeline(&line);
    assert_eq!(line.state(&revoked, MINUTE, now), State::Revoked);
    let at_once = Plan { number: 8, published_at: now, activates_at: now, retired_at: None };
    assert_eq!(line.due(&settings, Start::AtOnce, now), Some(Step::Make(at_once)));
    let announced = Plan { activates_at: now + settings.announce_for, ..at_once };
    assert_eq!(line.due(&settings, Start::Announced, now), Some(Step::Make(announced)));
}

#[test]
fn an_announced_key_signs_early_only_if_no_other_line_does() {
    let (line, settings) = ([key(1, Timestamp(10))], settings());
    let due = |start| Timeline(&line).due(&settings, start, Timestamp(5));
    assert_eq!(due(Start::Announced), None);
    assert_eq!(due(Start::AtOnce), Some(Step::Activate(1)));
}

#[test]
fn a_retired_key_stops_signing_and_is_verified_until_its_tokens_expired() {
    let at = Timestamp(1000);
    let retire = |key| Instants { retired_at: Some(at), ..key };
    // The second would have signed from 2000 on.
    let keys = [retire(key(1, Timestamp(0))), retire(key(2, Timestamp(2000)))];
    let line = Timeline(&keys);
    let state = |number: usize, now| line.state(&keys[number - 1], MINUTE, now);
    let moment = Duration::from_millis(1);
    assert_eq!((state(1, at - moment), state(2, at - moment)), (State::Active, State::Announced));
    assert_eq!((state(1, at), state(2, at)), (State::Verifying, State::Verifying));
    assert!(line.active_at(at).is_none() && line.announced_at(at - moment).is_none());
    assert_eq!(line.active_at(Timestamp(2000)), None, "the retired one never activates");
    let gone = at + LONGEST_TOKEN + MINUTE;
    assert_eq!((state(1, gone - moment), state(1, gone)), (State::Verifying, State::Gone));
}

#[test]
fn a_revoked_key_is_out_of_use_also_where_the_clock_is_slow() {
    let revoked = Instants { revoked_at: Some(Timestamp(9)), ..key(1, Timestamp(0)) };
    let (keys, now) = ([revoked], Timestamp(5));
    let line = Timeline(&keys);
    assert_eq!(line.state(&revoked, MINUTE, now), State::Revoked);
    assert_eq!((line.active_at(now), line.announced_at(now)), (None, None));
    assert_eq!(line.signing_at(State::Active, now), None);
    let keys = [revoked, key(2, Timestamp(9))];
    assert_eq!(Timeline(&keys).signing_at(State::Active, now), Some(&keys[1]), "its successor");
}

#[test]
fn a_line_signs_until_those_in_its_place_do_and_gets_no_successor() {
    let (keys, settings) = ([key(1, Timestamp(0))], settings());
    let announced = Timestamp(0) + settings.announce_for;
    let end = |others| Timeline(&keys).retirement(&settings, others, Timestamp(0));
    assert_eq!(end(Some(Timestamp(0))), Some(Retirement { from: 1, at: announced }));
    let later = announced + MINUTE;
    assert_eq!(end(Some(later)), Some(Retirement { from: 1, at: later }));

    let overdue = Timestamp(0) + settings.rotate_every;
    let due = |key| Timeline(&[key]).due(&settings, Start::Announced, overdue);
    assert!(due(keys[0]).is_some());
    assert_eq!(due(Instants { retired_at: Some(overdue + MINUTE), ..keys[0] }), None);
}
