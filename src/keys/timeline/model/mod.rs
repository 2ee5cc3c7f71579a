//! The protocol of rotation, held against every order of events that small numbers allow.
//!
//! What replicas decide is decided by the functions of [`timeline`](super); what is written here is
//! only how they read, write, are overtaken, crash and start again, and what their clocks show. A
//! replica that decides something writes it before the next unit of time; everything else may come
//! between. Assumed is what docs/key-rotation.md asks of an operator: by how much clocks differ and
//! for how long a replica goes without reading the rows is together at most `leeway`. Clocks do not go
//! back, and a service starts for the first time with one set of settings.
use crate::model::Algorithm;
use events::Action;
use replica::{Doing, Replica};
use scenario::Scenario;
use stateright::{Model, Property};
use world::World;

mod events;
mod properties;
mod replica;
mod rows;
mod runs;
mod scenario;
mod sights;
mod upkeep;
mod world;

/// The lines that there are here, in the order in which replicas change them.
const LINES: &[Algorithm] = &[Algorithm::Rs256, Algorithm::Es256];

impl Model for Scenario {
    type State = World;
    type Action = Action;

    fn init_states(&self) -> Vec<World> {
        vec![if self.settled { World::settled(self) } else { World::new() }]
    }

    fn actions(&self, world: &World, actions: &mut Vec<Action>) {
        if world.replicas.iter().any(|replica| replica.failed) {
            return;
        }
        for (who, replica) in world.replicas.iter().enumerate() {
            self.actions_of(world, (who, replica), actions);
        }
        if self.may_pass(world) {
            let aheads = |replica: &Replica| match (replica.is_up(), self.drift) {
                (true, true) => 0..=self.skew,
                _ => replica.ahead..=replica.ahead,
            };
            let [one, other] = &world.replicas;
            for one in aheads(one) {
                actions.extend(aheads(other).map(|other| Action::Pass([one, other])));
            }
        }
    }

    fn next_state(&self, world: &World, action: Action) -> Option<World> {
        let mut next = world.clone();
        self.act(&mut next, &action)?;
        next.observe(self);
        next.order();
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        properties::all().into_iter().chain(sights::all()).collect()
    }
}

impl Scenario {
    /// Whether nobody is in the middle of anything, or has to read the rows first. A replica that has
    /// not started yet starts soon; one that crashed may stay down.
    fn may_pass(&self, world: &World) -> bool {
        let ready = |replica: &Replica| match replica.doing {
            Doing::Down { .. } => world.crashes > 0 || world.time == 0 && !world.rows.0.is_empty(),
            Doing::Nothing => world.time + 1 - replica.read_at <= self.poll,
            Doing::Writing(_) | Doing::Keeping(_) | Doing::Tidying | Doing::Retiring => false,
        };
        world.time < self.horizon && world.replicas.iter().all(ready)
    }

    fn actions_of(
        &self,
        world: &World,
        (who, replica): (usize, &Replica),
        actions: &mut Vec<Action>,
    ) {
        match &replica.doing {
            Doing::Down { .. } => {
                for ahead in 0..=self.skew {
                    let starts =
                        (0..self.lines.len()).map(|lines| Action::Start { who, ahead, lines });
                    actions.extend(starts);
                }
            }
            Doing::Keeping(_) => actions.push(Action::Keep(who)),
            Doing::Writing(_) => actions.push(Action::Write(who)),
            Doing::Tidying => actions.push(Action::Tidy(who)),
            Doing::Retiring => actions.push(Action::Retire(who)),
            Doing::Nothing => {
                actions.extend([Action::Look(who), Action::Read(who)]);
                if world.demands < self.demands {
                    self.demands_of(world, (who, replica), actions);
                }
            }
        }
        if replica.is_up() && world.crashes < self.crashes {
            actions.push(Action::Crash(who));
        }
    }

    fn demands_of(
        &self,
        world: &World,
        (who, replica): (usize, &Replica),
        actions: &mut Vec<Action>,
    ) {
        for &line in self.on(replica.lines) {
            let rotations = self.timings.iter().map(|&timing| Action::Rotate(who, line, timing));
            actions.extend(rotations);
            if self.compromises && !world.has_leak() {
                let numbers = world.rows.line(line).into_iter().map(|key| key.number);
                actions.extend(numbers.map(|number| Action::Compromise(who, line, number)));
            }
        }
    }
}
