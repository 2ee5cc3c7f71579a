//! Taking a step of a line: the key is made first, and then written in a transaction, which only one
//! of any number of replicas wins.
use super::{
    Error, KeyRing, Line, Result, sealing,
    timeline::{Plan, Step},
};
use crate::{
    clock::Timestamp,
    jose,
    secret::random,
    store::{AuditEvent, Conn, KeyRow, Notice, Origin},
};
use zeroize::Zeroizing;

/// A step with the key that it makes, if it makes one.
pub(super) struct Prepared {
    line: Line,
    step: Step,
    row: Option<KeyRow>,
}

/// A key before it is sealed: its name, its secret half and, as JSON, its public half.
pub(super) struct Material {
    pub kid: String,
    pub secret: Zeroizing<Vec<u8>>,
    pub public_jwk: Option<String>,
}

impl KeyRing {
    pub(super) async fn prepare(&self, line: Line, step: Step) -> Result<Prepared> {
        let row = match step {
            Step::Make(plan) => {
                let material = generate(line, plan.number).await?;
                Some(self.seal(line, plan, material, Origin::Generated))
            }
            Step::Wait(_) | Step::Activate(_) => None,
        };
        Ok(Prepared { line, step, row })
    }

    pub(super) fn seal(
        &self,
        line: Line,
        plan: Plan,
        material: Material,
        origin: Origin,
    ) -> KeyRow {
        let Plan { number, published_at, activates_at, retired_at } = plan;
        let Material { kid, secret, public_jwk } = material;
        let row = sealing::Row { line: line.as_str(), number, kid: &kid };
        let sealed = Some(self.master.seal(&row, &secret));
        KeyRow {
            line: line.as_str().to_owned(),
            number,
            kid,
            public_jwk,
            sealed,
            published_at,
            activates_at,
            retired_at,
            longest_token: self.longest_token(line),
            revoked_at: None,
            origin,
        }
    }

    pub(super) fn longest_token(&self, line: Line) -> i64 {
        i64::try_from(self.policy.longest_token(line).as_millis()).unwrap_or(i64::MAX)
    }
}

impl Prepared {
    /// False if another replica has taken the step by now.
    pub async fn take(&self, conn: &mut Conn, now: Timestamp) -> Result<bool> {
        let line = self.line.as_str();
        if let Some(row) = &self.row
            && conn.insert_key(row).await?
        {
            return Ok(true);
        }
        match self.step.left_to_activate(now) {
            Some(number) => Ok(conn.activate_key(line, number, now).await?),
            None => Ok(false),
        }
    }

    /// As [`take`](Self::take), with its entry in the audit log.
    pub async fn take_and_record(
        &self,
        conn: &mut Conn,
        event: &AuditEvent,
        now: Timestamp,
    ) -> Result<bool> {
        let taken = self.take(conn, now).await?;
        if taken {
            record(conn, event, self.line, self.step.number(), now).await?;
        }
        Ok(taken)
    }
}

async fn generate(line: Line, number: i64) -> Result<Material> {
    let Line::Signing(alg) = line else {
        let secret = Zeroizing::new(random::<32>().to_vec());
        return Ok(Material { kid: format!("handle-{number}"), secret, public_jwk: None });
    };
    // Making an RSA key takes a good part of a second of CPU.
    let made = tokio::task::spawn_blocking(move || jose::generate(alg)).await;
    Ok(made.expect("making a key does not panic")?.into())
}

impl From<jose::KeyPair> for Material {
    fn from(pair: jose::KeyPair) -> Self {
        let public = serde_json::to_string(&pair.public).expect("a public key is JSON");
        Self { kid: pair.public.kid, secret: pair.pkcs8, public_jwk: Some(public) }
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
