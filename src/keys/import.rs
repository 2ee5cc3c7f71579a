//! Taking in a private key that was made elsewhere.
use super::{
    KeyRing, Line, Result, TooManyKeys,
    making::record,
    timeline::{Plan, State, Step, Timing},
};
use crate::{
    clock::Timestamp,
    jose::{self, ImportRefused, KeyPair},
    model::Algorithm,
    secret::Secret,
    store::{AuditEvent, Origin},
};

/// A private key that is to be the next of its line.
#[derive(Debug)]
pub struct Import {
    /// One PEM or one JWK.
    pub key: Secret,
    /// For keys that fit several algorithms, and say not which.
    pub alg: Option<Algorithm>,
    pub timing: Timing,
    /// Only tell what it would come to.
    pub dry_run: bool,
}

/// The key that was taken, or would be.
#[derive(Debug)]
pub struct Imported {
    pub alg: Algorithm,
    pub kid: String,
    pub plan: Plan,
}

/// Why a key is not taken. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum NotImported {
    #[error(transparent)]
    Refused(#[from] ImportRefused),
    #[error("{0} is not switched on; add it to keys.algorithms, or name another that the key fits")]
    LineOff(Algorithm),
    /// Also keys that are gone or revoked: a key that leaked never comes back.
    #[error("the key is in the ring already, as {alg} key {number}, which is {}", .state.as_str())]
    Known { alg: &'static str, number: i64, state: State },
    #[error(
        "{alg} key {number} is announced already and signs at {activates_at}; import after that, or \
         rotate at once first"
    )]
    Announced { alg: Algorithm, number: i64, activates_at: Timestamp },
    #[error("{0}; import when one is gone")]
    TooMany(TooManyKeys),
    #[error("another key was made at the same moment; try again")]
    Raced,
}

impl KeyRing {
    /// Makes a foreign private key the next one of its line.
    ///
    /// # Errors
    /// The inner one if the key cannot be used, or not now.
    pub async fn import(
        &self,
        import: Import,
        event: &AuditEvent,
    ) -> Result<Result<Imported, NotImported>> {
        let Import { key, alg, timing, dry_run } = import;
        // For RSA it takes milliseconds of CPU.
        let read = move || jose::read_private_key(key.reveal(), alg);
        let read = tokio::task::spawn_blocking(read).await.expect("reading a key does not panic");
        let pair = match read {
            Ok(pair) => pair,
            Err(refused) => return Ok(Err(refused.into())),
        };
        self.reload().await?;
        let plan = match self.place(&pair, timing) {
            Ok(plan) => plan,
            Err(refused) => return Ok(Err(refused)),
        };
        let imported = Imported { alg: pair.public.alg, kid: pair.public.kid.clone(), plan };
        if !dry_run && !self.insert(pair, plan, event).await? {
            return Ok(Err(NotImported::Raced));
        }
        self.reload().await?;
        Ok(Ok(imported))
    }

    /// Where the key goes, from what is known now.
    fn place(&self, pair: &KeyPair, timing: Timing) -> Result<Plan, NotImported> {
        let (alg, snapshot, now) = (pair.public.alg, self.snapshot(), self.now());
        if let Some(key) = snapshot.key(&pair.public.kid) {
            let (alg, number) = (key.line.as_str(), key.instants.number);
            return Err(NotImported::Known { alg, number, state: snapshot.state(key, now) });
        }
        let line = Line::Signing(alg);
        if !self.policy.is_on(line) {
            return Err(NotImported::LineOff(alg));
        }
        if let Some(announced) = snapshot.timeline(line).announced_at(now) {
            let (number, activates_at) = (announced.number, announced.activates_at);
            return Err(NotImported::Announced { alg, number, activates_at });
        }
        match self.next_step(alg, timing).map_err(NotImported::TooMany)? {
            Step::Make(plan) => Ok(plan),
            Step::Wait(_) | Step::Activate(_) => Err(NotImported::Raced),
        }
    }

    async fn insert(&self, pair: KeyPair, plan: Plan, event: &AuditEvent) -> Result<bool> {
        let line = Line::Signing(pair.public.alg);
        let row = self.seal(line, plan, pair.into(), Origin::Imported);
        let mut conn = self.store.write().await?;
        if !conn.insert_key(&row).await? {
            return Ok(false);
        }
        record(&mut conn, event, line, plan.number, self.now()).await?;
        conn.commit().await?;
        Ok(true)
    }
}
