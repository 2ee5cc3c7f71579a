//! The rules of rotation, held against any order of rotations that a year can bring.
use super::*;
use crate::config::Settings;
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
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = prop_oneof![
        4 => (1_u64..60 * 24 * 40).prop_map(|minutes| Event::Wait(MINUTE * u32::try_from(minutes).unwrap())),
        4 => Just(Event::Scheduled),
        1 => Just(Event::Graceful),
        1 => Just(Event::Immediate),
    ];
    prop::collection::vec(event, 1..60)
}

fn settings() -> KeySettings {
    Settings::load(None, HashMap::new()).unwrap().keys
}

/// Does what rotation does with the rows, but in a vector.
struct Simulation {
    keys: Vec<Instants>,
    immediate: Vec<i64>,
    now: Timestamp,
    settings: KeySettings,
}

impl Simulation {
    fn make(&mut self, plan: Plan) {
        self.keys.push(Instants {
            number: plan.number,
            published_at: plan.published_at,
            activates_at: plan.activates_at,
            longest_token: LONGEST_TOKEN,
            revoked_at: None,
        });
    }

    fn step(&mut self, event: &Event) {
        let (now, settings) = (self.now, self.settings.clone());
        let keys = self.keys.clone();
        let line = Timeline(&keys);
        match event {
            Event::Wait(duration) => self.now = now + *duration,
            Event::Scheduled => {
                if let Some(plan) = line.due(&settings, now) {
                    self.make(plan);
                }
            }
            Event::Graceful if line.announced_at(now).is_none() => {
                self.make(line.graceful(&settings, now));
            }
            Event::Graceful => {}
            Event::Immediate => {
                if let Some(announced) = line.announced_at(now) {
                    let number = announced.number;
                    self.keys.iter_mut().find(|k| k.number == number).unwrap().activates_at = now;
                    self.immediate.push(number);
                } else {
                    let plan = line.immediate(now);
                    self.immediate.push(plan.number);
                    self.make(plan);
                }
            }
        }
    }
}

proptest! {
    #[test]
    fn the_rules_hold_whatever_happens(events in events()) {
        let settings = settings();
        let mut world = Simulation {
            keys: vec![], immediate: vec![], now: Timestamp(0), settings: settings.clone(),
        };
        world.step(&Event::Scheduled);
        for event in &events {
            world.step(event);
            let line = Timeline(&world.keys);
            let states: Vec<_> =
                world.keys.iter().map(|key| line.state(key, settings.leeway, world.now)).collect();

            // One key signs, at most one waits, and numbers have no gap.
            prop_assert_eq!(states.iter().filter(|state| **state == State::Active).count(), 1);
            prop_assert!(states.iter().filter(|state| **state == State::Announced).count() <= 1);
            prop_assert!(world.keys.iter().zip(1..).all(|(key, number)| key.number == number));

            for key in &world.keys {
                // Rule 1: no key signs that was not announced long enough.
                let exempt = key.number == 1 || world.immediate.contains(&key.number);
                prop_assert!(exempt || key.activates_at >= key.published_at + settings.announce_for);
                // Rule 2: the last token a key signed expires before the key leaves the JWKS.
                if let Some(superseded_at) = line.superseded_at(key.number) {
                    let last_expiry = superseded_at + LONGEST_TOKEN + settings.leeway;
                    let last_instant = last_expiry - Duration::from_millis(1);
                    prop_assert!(line.state(key, settings.leeway, last_instant).is_published());
                    prop_assert_eq!(line.state(key, settings.leeway, last_expiry), State::Gone);
                }
            }
        }
    }

    #[test]
    fn a_line_left_alone_rotates_on_schedule(hours in 1_u64..24 * 365) {
        let settings = settings();
        let mut world = Simulation {
            keys: vec![], immediate: vec![], now: Timestamp(0), settings: settings.clone(),
        };
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

#[test]
fn a_line_whose_keys_are_all_revoked_gets_one_at_once() {
    let revoked = Instants {
        number: 7,
        published_at: Timestamp(0),
        activates_at: Timestamp(0),
        longest_token: LONGEST_TOKEN,
        revoked_at: Some(Timestamp(5)),
    };
    let line = [revoked];
    assert_eq!(Timeline(&line).state(&revoked, MINUTE, Timestamp(5)), State::Revoked);
    let plan = Timeline(&line).due(&settings(), Timestamp(5)).unwrap();
    assert_eq!((plan.number, plan.activates_at), (8, Timestamp(5)));
}
