//! One replica: its clock, what it has read, and how far it has got with what it is doing.
use super::{
    LINES,
    rows::{Row, Rows, state},
    scenario::Scenario,
};
use crate::{
    clock::Timestamp,
    config::KeySettings,
    keys::timeline::{Start, Step, Timeline, signing_order},
    model::Algorithm,
};

/// Where a replica can be overtaken by others, or crash.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Doing {
    /// Not running; whether it crashed with something begun.
    Down {
        amid: bool,
    },
    /// The steps are decided and the keys made; the transaction is to come.
    Writing(Work),
    /// Erasing secret halves is to come, as decided from what was read before.
    Tidying,
    /// It starts, and lines are to run out that are off.
    Retiring,
    /// It starts, and these lines are not to run out.
    Keeping(Vec<Algorithm>),
    Nothing,
}

/// What one transaction does.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Work {
    Upkeep(Vec<(Algorithm, Step)>),
    Rotation(Algorithm, Step),
    /// Line and number of the key to be revoked, and what follows on it.
    Replacement(Algorithm, i64, Option<Step>),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Replica {
    pub doing: Doing,
    /// Whether it has come up, so that it publishes and signs.
    pub serves: bool,
    /// What its clock shows more than the slowest clock.
    pub ahead: i64,
    /// Which of the scenario's settings it has.
    pub lines: usize,
    pub seen: Rows,
    /// The keys of `seen` whose secret half it holds.
    pub held: Vec<(Algorithm, i64)>,
    /// The true time of its last reading.
    pub read_at: i64,
    /// Whether a row would not open: a secret half that is needed was missing.
    pub failed: bool,
}

impl Replica {
    pub fn down(amid: bool) -> Self {
        let (doing, seen) = (Doing::Down { amid }, Rows::default());
        Self {
            doing,
            serves: false,
            ahead: 0,
            lines: 0,
            seen,
            held: vec![],
            read_at: 0,
            failed: false,
        }
    }

    pub fn is_up(&self) -> bool {
        !matches!(self.doing, Doing::Down { .. })
    }

    /// What `KeyRing::read` does.
    pub fn read(&mut self, rows: &Rows, settings: &KeySettings, (time, now): (i64, Timestamp)) {
        self.read_at = time;
        let needed = |rows: &Rows, row: &Row| state(rows, row, settings.leeway, now).needs_secret();
        let holds = |row: &Row| self.held.contains(&(row.line, row.instants.number));
        let spent = self.seen.0.iter().any(|row| holds(row) && !needed(&self.seen, row));
        if self.seen == *rows && !spent {
            return;
        }
        let (open, closed): (Vec<_>, Vec<_>) =
            rows.0.iter().filter(|row| needed(rows, row)).partition(|row| row.sealed || holds(row));
        if !closed.is_empty() {
            self.failed = true;
            return;
        }
        self.held = open.iter().map(|row| (row.line, row.instants.number)).collect();
        self.seen = rows.clone();
    }

    /// What `KeyRing::due_steps` decides.
    pub fn due(&self, scenario: &Scenario, now: Timestamp) -> Vec<(Algorithm, Step)> {
        let signs = |line: &Algorithm| Timeline(&self.seen.line(*line)).active_at(now).is_some();
        let start = Start::of(true, LINES.iter().any(signs));
        let on = LINES.iter().filter(|line| scenario.on(self.lines).contains(line));
        let due = on.filter_map(|&line| {
            Some((line, Timeline(&self.seen.line(line)).due(&scenario.settings, start, now)?))
        });
        due.collect()
    }

    /// What `Snapshot::signer` takes: line and number.
    pub fn signer(
        &self,
        wanted: Algorithm,
        default: Algorithm,
        now: Timestamp,
    ) -> Option<(Algorithm, i64)> {
        signing_order(wanted, default, LINES).find_map(|(line, state)| {
            let number = Timeline(&self.seen.line(line)).signing_at(state, now)?.number;
            self.held.contains(&(line, number)).then_some((line, number))
        })
    }

    /// Whether its JWKS has the key.
    pub fn publishes(
        &self,
        line: Algorithm,
        number: i64,
        settings: &KeySettings,
        now: Timestamp,
    ) -> bool {
        let row = self.seen.find(line, number);
        row.is_some_and(|row| state(&self.seen, row, settings.leeway, now).is_published())
    }
}
