//! Rotation on demand.
use super::{
    KeyRing, Line, Result,
    timeline::{Step, Timing},
};
use crate::{model::Algorithm, store::AuditEvent};

/// A line that has so many published keys that another would only make the JWKS longer.
#[derive(Debug, thiserror::Error)]
#[error("{0} has as many published keys as the JWKS may hold")]
pub struct TooManyKeys(pub Algorithm);

impl Timing {
    /// How the audit log names a rotation.
    pub const fn action(self) -> &'static str {
        match self {
            Self::Graceful => "key.rotated_gracefully",
            Self::Immediate => "key.rotated_immediately",
        }
    }
}

const MOST_PUBLISHED: usize = 10;

impl KeyRing {
    /// Rotates all of these lines on demand, or none of them if one cannot be. Tells the number of the
    /// next key of each.
    ///
    /// # Errors
    /// The inner one if a line has too many published keys.
    pub async fn rotate_all(
        &self,
        algorithms: &[Algorithm],
        timing: Timing,
        event: &AuditEvent,
    ) -> Result<Result<Vec<(Algorithm, i64)>, TooManyKeys>> {
        if let Err(full) = self.next_steps(algorithms, timing) {
            return Ok(Err(full));
        }
        let mut numbers = Vec::new();
        for &alg in algorithms {
            match self.rotate(alg, timing, event).await? {
                Ok(number) => numbers.push((alg, number)),
                Err(full) => return Ok(Err(full)),
            }
        }
        Ok(Ok(numbers))
    }

    /// Rotates one line on demand and says which key comes next.
    ///
    /// # Errors
    /// The inner one if the line has too many published keys.
    pub async fn rotate(
        &self,
        alg: Algorithm,
        timing: Timing,
        event: &AuditEvent,
    ) -> Result<Result<i64, TooManyKeys>> {
        self.reload().await?;
        let Ok(step) = self.next_step(alg, timing) else { return Ok(Err(TooManyKeys(alg))) };
        self.take(Line::Signing(alg), step, event).await?;
        self.reload().await?;
        Ok(Ok(step.number()))
    }

    async fn take(&self, line: Line, step: Step, event: &AuditEvent) -> Result<()> {
        let prepared = self.prepare(line, step).await?;
        let mut conn = self.store.write().await?;
        if prepared.take_and_record(&mut conn, event, self.now()).await? {
            conn.commit().await?;
        }
        Ok(())
    }

    /// What a rotation of these lines would come to, from what is known now.
    pub fn next_steps(
        &self,
        algorithms: &[Algorithm],
        timing: Timing,
    ) -> Result<Vec<(Algorithm, Step)>, TooManyKeys> {
        algorithms.iter().map(|&alg| Ok((alg, self.next_step(alg, timing)?))).collect()
    }

    pub(super) fn next_step(&self, alg: Algorithm, timing: Timing) -> Result<Step, TooManyKeys> {
        let (line, now, snapshot) = (Line::Signing(alg), self.now(), self.snapshot());
        let step = snapshot.timeline(line).on_demand(timing, &self.policy.keys, now);
        let published =
            snapshot.keys(line).iter().filter(|key| snapshot.state(key, now).is_published());
        if matches!(step, Step::Make(_)) && published.count() >= MOST_PUBLISHED {
            return Err(TooManyKeys(alg));
        }
        Ok(step)
    }
}
