//! What each replica does every few seconds, so that the lines follow the schedule and the settings.
use super::{
    KeyRing, Line, Result,
    making::record,
    timeline::{Start, Step},
};
use crate::{
    clock::Timestamp,
    store::{AuditEvent, Conn, KeyRow},
};

impl KeyRing {
    /// Makes the keys that are due, keeps those that longer tokens need longer, erases spent secret
    /// halves, and reads what other replicas made. Any number of replicas may do so at once.
    pub async fn maintain(&self) -> Result<()> {
        self.reload().await?;
        let mut changed = self.take_due_steps().await?;
        for line in Line::all() {
            let now = self.now();
            changed |= self.lengthen(line, now).await?;
            changed |= self.erase_spent(line, now).await?;
        }
        if changed { self.reload().await } else { Ok(()) }
    }

    /// Takes the steps that are due, all in one transaction: replicas that start together on an empty
    /// database see the first keys of every line or of none, and so take no line for a later one that
    /// has to be announced.
    pub(super) async fn take_due_steps(&self) -> Result<bool> {
        let mut prepared = Vec::new();
        for (line, step) in self.due_steps(self.now()) {
            let event = AuditEvent::new(action(step), "server");
            prepared.push((self.prepare(line, step).await?, event));
        }
        if prepared.is_empty() {
            return Ok(false);
        }
        let mut conn = self.store.write().await?;
        for (step, event) in &prepared {
            step.take_and_record(&mut conn, event, self.now()).await?;
        }
        conn.commit().await?;
        // Taken by us or by a replica that was faster: there is something new to read.
        Ok(true)
    }

    fn due_steps(&self, now: Timestamp) -> Vec<(Line, Step)> {
        let snapshot = self.snapshot();
        let signs = |line| snapshot.timeline(line).active_at(now).is_some();
        let any_signs = Line::all().any(|line| line != Line::Handle && signs(line));
        let due = Line::all().filter(|line| self.policy.is_on(*line)).filter_map(|line| {
            // The keys of handles are not published, so nobody has to learn of them.
            let start = Start::of(line != Line::Handle, any_signs);
            Some((line, snapshot.timeline(line).due(&self.policy.keys, start, now)?))
        });
        due.collect()
    }

    /// Keeps the keys that sign now or later for tokens that live longer than when they were made.
    async fn lengthen(&self, line: Line, now: Timestamp) -> Result<bool> {
        let longest = self.policy.longest_token(line);
        let snapshot = self.snapshot();
        let active = snapshot.timeline(line).active_at(now);
        let Some(active) = active.filter(|key| key.longest_token < longest) else {
            return Ok(false);
        };
        let mut conn = self.store.autocommit().await?;
        Ok(conn.lengthen_keys(line.as_str(), active.number, self.longest_token(line)).await?)
    }

    /// Lets the lines run out that are switched off here. Done at the start only, as
    /// [`keep_lines`](Self::keep_lines) is: who started last has the newest settings.
    pub(super) async fn retire_lines(&self) -> Result<()> {
        for line in Line::all().filter(|line| !self.policy.is_on(*line)) {
            let (now, snapshot) = (self.now(), self.snapshot().clone());
            let kept = Line::all().filter(|line| *line != Line::Handle && self.policy.is_on(*line));
            let others = kept.filter_map(|line| snapshot.timeline(line).signs_from(now)).min();
            let end = snapshot.timeline(line).retirement(&self.policy.keys, others, now);
            let Some(end) = end else { continue };
            let mut conn = self.store.write().await?;
            let retired = conn.retire_keys(line.as_str(), end.from, end.at).await?;
            self.finish(conn, retired, ("key.retired", line, end.from)).await?;
            self.reload().await?;
        }
        Ok(())
    }

    /// Takes the end of lines back that are switched on here. Done after
    /// [`retire_lines`](Self::retire_lines): of two that start at once with other settings, the one
    /// that retires last keeps what the other retired, so that they cannot leave all lines to run out.
    pub(super) async fn keep_lines(&self) -> Result<()> {
        self.reload().await?;
        let (now, snapshot) = (self.now(), self.snapshot().clone());
        for line in Line::all().filter(|line| self.policy.is_on(*line)) {
            let Some(first) = snapshot.timeline(line).running_out(now) else { continue };
            let mut conn = self.store.write().await?;
            let kept = conn.keep_keys(line.as_str(), now).await?;
            self.finish(conn, kept, ("key.kept", line, first)).await?;
            self.reload().await?;
        }
        Ok(())
    }

    /// Commits a change with its entry in the audit log, if there was something to change.
    async fn finish(
        &self,
        mut conn: Conn,
        changed: bool,
        (action, line, number): (&'static str, Line, i64),
    ) -> Result<()> {
        if changed {
            let event = AuditEvent::new(action, "server");
            record(&mut conn, &event, line, number, self.now()).await?;
            conn.commit().await?;
        }
        Ok(())
    }

    /// Forgets the secret halves that no replica needs any more.
    async fn erase_spent(&self, line: Line, now: Timestamp) -> Result<bool> {
        let snapshot = self.snapshot();
        let mut erased = false;
        // Of the many that are gone for long, nothing is left to erase.
        let holds = |row: &&KeyRow| row.line == line.as_str() && row.sealed.is_some();
        for row in snapshot.rows.iter().filter(holds) {
            if snapshot.key(&row.kid).is_some_and(|key| snapshot.is_spent(key, now)) {
                erased |= self.store.autocommit().await?.erase_key(&row.line, row.number).await?;
            }
        }
        Ok(erased)
    }
}

const fn action(step: Step) -> &'static str {
    match step {
        Step::Make(_) => "key.made_on_schedule",
        Step::Activate(_) | Step::Wait(_) => "key.activated_early",
    }
}
