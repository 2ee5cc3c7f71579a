//! What replicas do by themselves, in the parts between which others can come.
use super::{
    LINES,
    replica::{Doing, Replica, Work},
    scenario::Scenario,
    world::World,
};
use crate::{
    clock::Timestamp,
    keys::timeline::{Retirement, Step, Timeline},
    model::Algorithm,
};

impl World {
    /// The first half of `KeyRing::maintain`, up to the transaction.
    pub fn look(&mut self, scenario: &Scenario, who: usize) {
        self.read(scenario, who);
        let steps = self.replicas[who].due(scenario, self.clock(&self.replicas[who]));
        let doing =
            if steps.is_empty() { Doing::Tidying } else { Doing::Writing(Work::Upkeep(steps)) };
        self.replicas[who].doing = doing;
        self.skip_nothing(scenario, who);
    }

    /// The transaction.
    pub fn write(&mut self, scenario: &Scenario, who: usize) {
        let now = self.clock(&self.replicas[who]);
        let doing = std::mem::replace(&mut self.replicas[who].doing, Doing::Tidying);
        let Doing::Writing(work) = doing else { return };
        match work {
            Work::Upkeep(steps) => {
                for (line, step) in steps {
                    self.take(scenario, (line, step), false, now);
                }
            }
            Work::Rotation(line, step) => self.take(scenario, (line, step), true, now),
            Work::Replacement(line, number, step) => {
                if self.rows.revoke(line, number, now)
                    && let Some(step) = step
                {
                    self.take(scenario, (line, step), true, now);
                }
            }
        }
        self.skip_nothing(scenario, who);
    }

    pub fn take(
        &mut self,
        scenario: &Scenario,
        (line, step): (Algorithm, Step),
        asked: bool,
        now: Timestamp,
    ) {
        let unused = self.notes.iter().all(|note| note.expires == 0);
        let revoked = self.rows.0.iter().any(|row| row.instants.revoked_at.is_some());
        if let Some(number) = self.rows.take(line, step, scenario.longest_token, now) {
            self.note(line, number).early |= asked || unused || revoked;
        }
    }

    /// The second half of `KeyRing::maintain`, from what was read before the transaction.
    pub fn tidy(&mut self, scenario: &Scenario, who: usize) {
        let (now, replica) = (self.clock(&self.replicas[who]), self.replicas[who].clone());
        for (line, number) in spent(scenario, &replica, now) {
            self.rows.erase(line, number);
        }
        self.finish(scenario, who);
    }

    /// One that starts has lines to retire then. Others may fail to read what they did, as they may at
    /// any time, so that is an event of its own.
    pub fn finish(&mut self, scenario: &Scenario, who: usize) {
        self.replicas[who].doing = Doing::Nothing;
        if !self.replicas[who].serves {
            self.read(scenario, who);
            self.replicas[who].doing = Doing::Retiring;
        }
    }

    /// What `KeyRing::retire_lines` does, and `keep_lines` up to its statement.
    pub fn retire(&mut self, scenario: &Scenario, who: usize) {
        for (line, end) in self.retirements(scenario, who) {
            self.rows.retire(line, end);
        }
        self.read(scenario, who);
        let replica = &self.replicas[who];
        let now = self.clock(replica);
        let runs_out =
            |line: &&Algorithm| Timeline(&replica.seen.line(**line)).running_out(now).is_some();
        let kept = scenario.on(replica.lines).iter().filter(runs_out).copied().collect();
        self.replicas[who].doing = Doing::Keeping(kept);
    }

    /// The rest of `KeyRing::keep_lines`, after which a replica has come up.
    pub fn keep(&mut self, scenario: &Scenario, who: usize) {
        let now = self.clock(&self.replicas[who]);
        if let Doing::Keeping(lines) = self.replicas[who].doing.clone() {
            for line in lines {
                self.rows.keep(line, now);
            }
        }
        self.read(scenario, who);
        (self.replicas[who].doing, self.replicas[who].serves) = (Doing::Nothing, true);
    }

    fn retirements(&self, scenario: &Scenario, who: usize) -> Vec<(Algorithm, Retirement)> {
        let replica = &self.replicas[who];
        let (now, on) = (self.clock(replica), scenario.on(replica.lines));
        let line_of = |line: Algorithm| replica.seen.line(line);
        let others = on.iter().filter_map(|&line| Timeline(&line_of(line)).signs_from(now)).min();
        let ends = LINES.iter().filter(|line| !on.contains(line)).filter_map(|&line| {
            Some((line, Timeline(&line_of(line)).retirement(&scenario.settings, others, now)?))
        });
        ends.collect()
    }

    fn skip_nothing(&mut self, scenario: &Scenario, who: usize) {
        let (now, replica) = (self.clock(&self.replicas[who]), &self.replicas[who]);
        let idle = spent(scenario, replica, now).is_empty();
        if replica.doing == Doing::Tidying && idle {
            self.finish(scenario, who);
        }
    }
}

fn spent(scenario: &Scenario, replica: &Replica, now: Timestamp) -> Vec<(Algorithm, i64)> {
    let leeway = scenario.settings.leeway;
    let rows = replica.seen.0.iter().filter(|row| row.sealed);
    let spent = rows
        .filter(|row| Timeline(&replica.seen.line(row.line)).is_spent(&row.instants, leeway, now));
    spent.map(|row| (row.line, row.instants.number)).collect()
}
