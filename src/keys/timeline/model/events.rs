//! What can happen.
use super::{
    replica::{Doing, Replica, Work},
    scenario::Scenario,
    world::World,
};
use crate::{
    keys::timeline::{Step, Timeline, Timing},
    model::Algorithm,
};

/// The number says to which replica.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Action {
    /// A unit of time passes, after which the clocks are ahead by so much.
    Pass([i64; 2]),
    Start {
        who: usize,
        ahead: i64,
        lines: usize,
    },
    Keep(usize),
    Look(usize),
    Read(usize),
    Write(usize),
    Tidy(usize),
    Retire(usize),
    Crash(usize),
    Rotate(usize, Algorithm, Timing),
    Compromise(usize, Algorithm, i64),
}

impl Scenario {
    /// None if nothing changes.
    pub fn act(&self, world: &mut World, action: &Action) -> Option<()> {
        let before = world.clone();
        match *action {
            Action::Pass(aheads) => pass(world, aheads)?,
            Action::Start { who, ahead, lines } => {
                world.replicas[who] = Replica::down(false);
                let replica = &mut world.replicas[who];
                (replica.ahead, replica.lines) = (ahead, lines);
                world.look(self, who);
            }
            Action::Look(who) => world.look(self, who),
            Action::Read(who) => world.read(self, who),
            Action::Write(who) => world.write(self, who),
            Action::Tidy(who) => world.tidy(self, who),
            Action::Retire(who) => world.retire(self, who),
            Action::Keep(who) => world.keep(self, who),
            Action::Crash(who) => {
                let amid = world.replicas[who].doing != Doing::Nothing;
                world.replicas[who] = Replica::down(amid);
                world.crashes += 1;
            }
            Action::Rotate(who, line, timing) => self.rotate(world, who, (line, timing))?,
            Action::Compromise(who, line, number) => self.compromise(world, who, (line, number))?,
        }
        (*world != before).then_some(())
    }

    /// What `KeyRing::rotate` does, up to the transaction.
    fn rotate(
        &self,
        world: &mut World,
        who: usize,
        (line, timing): (Algorithm, Timing),
    ) -> Option<()> {
        world.read(self, who);
        let (now, replica) = (world.clock(&world.replicas[who]), &mut world.replicas[who]);
        let step = Timeline(&replica.seen.line(line)).on_demand(timing, &self.settings, now);
        if matches!(step, Step::Wait(_)) {
            return None;
        }
        replica.doing = Doing::Writing(Work::Rotation(line, step));
        world.demands += 1;
        Some(())
    }

    /// What `KeyRing::compromised` does, up to the transaction.
    fn compromise(
        &self,
        world: &mut World,
        who: usize,
        (line, number): (Algorithm, i64),
    ) -> Option<()> {
        world.read(self, who);
        let (now, replica) = (world.clock(&world.replicas[who]), &mut world.replicas[who]);
        if !replica.publishes(line, number, &self.settings, now) {
            return None;
        }
        let (key, keys) = (replica.seen.find(line, number)?.instants, replica.seen.line(line));
        let step = Timeline(&keys).replacement(&key, &self.settings, now);
        replica.doing = Doing::Writing(Work::Replacement(line, number, step));
        world.demands += 1;
        Some(())
    }
}

/// Clocks stand still or jump ahead, but do not go back.
fn pass(world: &mut World, aheads: [i64; 2]) -> Option<()> {
    world.time += 1;
    for (replica, ahead) in world.replicas.iter_mut().zip(aheads) {
        if ahead + 1 < replica.ahead {
            return None;
        }
        replica.ahead = ahead;
    }
    world.notes.iter_mut().for_each(|note| note.known_for += 1);
    Some(())
}
