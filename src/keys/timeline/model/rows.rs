//! The rows that replicas share, with the statements of `store/keys.rs` on them: each is atomic.
use crate::{
    clock::Timestamp,
    keys::timeline::{Instants, Retirement, State, Step, Timeline},
    model::Algorithm,
};
use std::time::Duration;

#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Row {
    pub line: Algorithm,
    pub instants: Instants,
    /// Whether the secret half is still there.
    pub sealed: bool,
}

/// In one line, in units of time, as histories of many states are printed.
impl std::fmt::Debug for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Instants { number, published_at, activates_at, retired_at, revoked_at, .. } =
            self.instants;
        let [published, activates] = [published_at, activates_at].map(Timestamp::seconds);
        let [retired, revoked] = [retired_at, revoked_at].map(|at| at.map(Timestamp::seconds));
        let sealed = if self.sealed { "sealed" } else { "erased" };
        write!(f, "{} {number} {sealed} published {published} activates {activates}", self.line)?;
        retired.map_or(Ok(()), |at| write!(f, " retired {at}"))?;
        revoked.map_or(Ok(()), |at| write!(f, " revoked {at}"))
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Rows(pub Vec<Row>);

impl Rows {
    pub fn line(&self, line: Algorithm) -> Vec<Instants> {
        let rows = self.0.iter().filter(|row| row.line == line);
        rows.map(|row| row.instants).collect()
    }

    pub fn find(&self, line: Algorithm, number: i64) -> Option<&Row> {
        self.0.iter().find(|row| row.line == line && row.instants.number == number)
    }

    fn update(
        &mut self,
        line: Algorithm,
        which: impl Fn(&Row) -> bool,
        to: impl Fn(&mut Row),
    ) -> bool {
        let rows = self.0.iter_mut().filter(|row| row.line == line && which(row));
        rows.map(to).count() > 0
    }

    /// What `Prepared::take` does. The key that signs earlier than was known before, if any.
    pub fn take(
        &mut self,
        line: Algorithm,
        step: Step,
        longest: Duration,
        now: Timestamp,
    ) -> Option<i64> {
        if let Step::Make(plan) = step
            && self.find(line, plan.number).is_none()
        {
            let instants = Instants {
                number: plan.number,
                published_at: plan.published_at,
                activates_at: plan.activates_at,
                retired_at: plan.retired_at,
                longest_token: longest,
                revoked_at: None,
            };
            let after = |row: &Row| (row.line, row.instants.number) > (line, plan.number);
            let place = self.0.iter().position(after).unwrap_or(self.0.len());
            self.0.insert(place, Row { line, instants, sealed: true });
            return (plan.activates_at <= plan.published_at).then_some(plan.number);
        }
        let number = step.left_to_activate(now)?;
        let waits = |row: &Row| row.instants.number == number && row.instants.activates_at > now;
        self.update(line, waits, |row| row.instants.activates_at = now).then_some(number)
    }

    pub fn revoke(&mut self, line: Algorithm, number: i64, now: Timestamp) -> bool {
        let good = |row: &Row| row.instants.number == number && row.instants.revoked_at.is_none();
        self.update(line, good, |row| {
            row.instants.revoked_at = Some(now);
            row.sealed = false;
        })
    }

    pub fn erase(&mut self, line: Algorithm, number: i64) {
        self.update(line, |row| row.instants.number == number, |row| row.sealed = false);
    }

    pub fn retire(&mut self, line: Algorithm, end: Retirement) {
        let goes_on = |row: &Row| {
            let Instants { number, retired_at, revoked_at, .. } = row.instants;
            number >= end.from && retired_at.is_none() && revoked_at.is_none()
        };
        self.update(line, goes_on, |row| row.instants.retired_at = Some(end.at));
    }

    pub fn keep(&mut self, line: Algorithm, now: Timestamp) {
        let runs_out = |row: &Row| row.instants.retired_at.is_some_and(|at| at > now);
        self.update(line, runs_out, |row| row.instants.retired_at = None);
    }
}

/// The state of a key among its line's.
pub fn state(rows: &Rows, row: &Row, leeway: Duration, now: Timestamp) -> State {
    Timeline(&rows.line(row.line)).state(&row.instants, leeway, now)
}
