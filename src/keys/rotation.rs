//! Making keys: on schedule and on demand.
use super::{
    Error, KeyRing, Line, Result, sealing,
    timeline::{Plan, Step, Timing},
};
use crate::{
    clock::Timestamp,
    jose,
    model::Algorithm,
    secret::random,
    store::{AuditEvent, Conn, KeyRow, Notice, Origin},
};
use zeroize::Zeroizing;

/// A line that has so many published keys that another would only make the JWKS longer.
#[derive(Debug)]
pub struct TooManyKeys(pub Algorithm);

const MOST_PUBLISHED: usize = 10;

impl KeyRing {
    /// Makes the keys that are due, keeps those that longer tokens need longer, erases spent secret
    /// halves, and reads what other replicas made. Any number of replicas may do so at once.
    pub async fn maintain(&self) -> Result<()> {
        self.reload().await?;
        let mut changed = false;
        for line in self.policy.lines() {
            let now = self.now();
            changed |= self.lengthen(line, now).await?;
            let due = self.snapshot().timeline(line).due(&self.policy.keys, now);
            if let Some(plan) = due {
                // Made by us or by a replica that was faster: there is something new to read.
                self.make(line, plan, &AuditEvent::new("key.made_on_schedule", "server")).await?;
                changed = true;
            }
            changed |= self.erase_spent(line, now).await?;
        }
        if changed { self.reload().await } else { Ok(()) }
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
        let line = Line::Signing(alg);
        match step {
            Step::Wait(_) => {}
            Step::Activate(number) => self.activate(line, number, event).await?,
            Step::Make(plan) => {
                let made = self.make(line, plan, event).await?;
                if !made && timing == Timing::Immediate {
                    // Another replica made this number first, maybe to sign later.
                    self.activate(line, plan.number, event).await?;
                }
            }
        }
        self.reload().await?;
        Ok(Ok(step.number()))
    }

    /// What a rotation would come to, from what is known now.
    pub fn next_step(&self, alg: Algorithm, timing: Timing) -> Result<Step, TooManyKeys> {
        let (line, now, snapshot) = (Line::Signing(alg), self.now(), self.snapshot());
        let step = snapshot.timeline(line).on_demand(timing, &self.policy.keys, now);
        let published =
            snapshot.keys(line).iter().filter(|key| snapshot.state(key, now).is_published());
        if matches!(step, Step::Make(_)) && published.count() >= MOST_PUBLISHED {
            return Err(TooManyKeys(alg));
        }
        Ok(step)
    }

    /// Inserts a key as planned; false if another replica was first.
    async fn make(&self, line: Line, plan: Plan, event: &AuditEvent) -> Result<bool> {
        let row = self.new_row(line, plan).await?;
        let mut conn = self.store.write().await?;
        if !conn.insert_key(&row).await? {
            return Ok(false);
        }
        record(&mut conn, event, line, plan.number, self.now()).await?;
        conn.commit().await?;
        Ok(true)
    }

    async fn activate(&self, line: Line, number: i64, event: &AuditEvent) -> Result<()> {
        let mut conn = self.store.write().await?;
        if conn.activate_key(line.as_str(), number, self.now()).await? {
            record(&mut conn, event, line, number, self.now()).await?;
            conn.commit().await?;
        }
        Ok(())
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

    /// Forgets the secret halves that no replica needs any more.
    async fn erase_spent(&self, line: Line, now: Timestamp) -> Result<bool> {
        let snapshot = self.snapshot();
        let mut erased = false;
        for row in snapshot.rows.iter().filter(|row| row.line == line.as_str()) {
            let spent = snapshot.key(&row.kid).is_some_and(|key| snapshot.is_spent(key, now));
            if spent && row.sealed.is_some() {
                erased |= self.store.autocommit().await?.erase_key(&row.line, row.number).await?;
            }
        }
        Ok(erased)
    }

    pub(super) async fn new_row(&self, line: Line, plan: Plan) -> Result<KeyRow> {
        let Plan { number, published_at, activates_at } = plan;
        let (kid, secret, public_jwk) = match line {
            Line::Signing(alg) => {
                // Making an RSA key takes a good part of a second of CPU.
                let made = tokio::task::spawn_blocking(move || jose::generate(alg)).await;
                let pair = made.expect("making a key does not panic")?;
                let public = serde_json::to_string(&pair.public).expect("a public key is JSON");
                (pair.public.kid, pair.pkcs8, Some(public))
            }
            Line::Handle => {
                (format!("handle-{number}"), Zeroizing::new(random::<32>().to_vec()), None)
            }
        };
        let row = sealing::Row { line: line.as_str(), number, kid: &kid };
        let sealed = Some(self.master.seal(&row, &secret));
        let longest_token = self.longest_token(line);
        Ok(KeyRow {
            line: line.as_str().to_owned(),
            number,
            kid,
            public_jwk,
            sealed,
            published_at,
            activates_at,
            longest_token,
            revoked_at: None,
            origin: Origin::Generated,
        })
    }

    fn longest_token(&self, line: Line) -> i64 {
        i64::try_from(self.policy.longest_token(line).as_millis()).unwrap_or(i64::MAX)
    }
}

pub(super) async fn record(
    conn: &mut Conn,
    event: &AuditEvent,
    line: Line,
    number: i64,
    now: Timestamp,
) -> Result<(), Error> {
    let detail = serde_json::json!({ "line": line.as_str(), "number": number });
    conn.audit(&AuditEvent { detail, ..event.clone() }, now).await?;
    Ok(conn.notify(Notice::Keys).await?)
}
