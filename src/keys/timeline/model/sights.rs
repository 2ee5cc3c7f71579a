//! What has to happen in some world: without it, that every rule holds would say little.
use super::{
    properties::signing,
    replica::{Doing, Replica, Work},
    rows::{Row, state},
    scenario::{Scenario, at},
    world::World,
};
use crate::keys::timeline::{State, Step};
use stateright::Property;

pub const ROTATED: &str = "a key has come and gone";
pub const RACED: &str = "two replicas make the same key";
pub const STALE: &str = "a replica makes a key that is there already";
pub const BETWEEN: &str = "a crash comes between";
pub const REPLACED: &str = "a key signs in place of a revoked one";
pub const RAN_OUT: &str = "a line has run out, and another signs";
pub const KEPT_ON: &str = "a replica is about to keep a line that another let run out";

pub fn all() -> Vec<Property<Scenario>> {
    vec![
        Property::sometimes(ROTATED, |scenario: &Scenario, world: &World| {
            world.rows.0.iter().any(|row| {
                state(&world.rows, row, scenario.settings.leeway, at(world.time)) == State::Gone
            })
        }),
        Property::sometimes(RACED, |_, world: &World| {
            let [one, other] = &world.replicas;
            matches!(one.doing, Doing::Writing(_)) && one.doing == other.doing
        }),
        Property::sometimes(STALE, |_, world: &World| {
            world.replicas.iter().any(|replica| makes_again(world, replica))
        }),
        Property::sometimes(BETWEEN, |_, world: &World| {
            world.replicas.iter().any(|replica| replica.doing == Doing::Down { amid: true })
        }),
        Property::sometimes(REPLACED, |scenario: &Scenario, world: &World| {
            signing(scenario, world).any(|(_, note)| note.number > 1)
                && world.rows.0.iter().any(|row| row.instants.revoked_at.is_some())
        }),
        Property::sometimes(RAN_OUT, |scenario: &Scenario, world: &World| {
            let ended =
                |row: &Row| row.instants.retired_at.is_some_and(|end| end <= at(world.time));
            let ended = world.rows.0.iter().find(|row| ended(row));
            ended.is_some_and(|row| signing(scenario, world).any(|(_, note)| note.line != row.line))
        }),
        Property::sometimes(KEPT_ON, |_, world: &World| {
            world
                .replicas
                .iter()
                .any(|replica| matches!(&replica.doing, Doing::Keeping(lines) if !lines.is_empty()))
        }),
    ]
}

fn makes_again(world: &World, replica: &Replica) -> bool {
    let Doing::Writing(Work::Upkeep(steps)) = &replica.doing else { return false };
    let made = |line, number| world.rows.find(line, number).is_some();
    steps.iter().any(|(line, step)| matches!(step, Step::Make(plan) if made(*line, plan.number)))
}
