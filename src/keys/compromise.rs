//! Dealing with a leaked key: it leaves the JWKS, a successor signs at once, and the answer tells how
//! far the leak can have reached.
use super::{
    KeyRing, Line, Result,
    rotation::record,
    timeline::{Instants, Step, Timing},
};
use crate::{
    clock::Timestamp,
    model::{Algorithm, ClientId, EndReason},
    store::{AuditEvent, Conn, KeyRow},
};
use serde::Serialize;

/// What is to happen with a key that somebody else may have.
#[derive(Debug, Clone)]
pub struct Compromise {
    pub kid: String,
    /// Only tell what it would come to.
    pub dry_run: bool,
    /// End the sessions whose latest token it may have signed.
    pub end_sessions: bool,
}

/// How far it reaches.
#[derive(Debug, Serialize)]
pub struct Impact {
    pub kid: String,
    pub alg: Algorithm,
    pub number: i64,
    /// The number of the key that signs instead; none if this one was not signing.
    pub successor: Option<i64>,
    /// Live sessions whose latest access token it may have signed, and may not have expired.
    pub sessions: i64,
    pub sessions_ended: u64,
    /// The clients of those sessions, with how many each has. Tokens of the client credentials grant
    /// leave no trace, and are not counted.
    pub clients: Vec<ClientImpact>,
    /// Until when tokens that it signed in time can be unexpired.
    pub tokens_live_until: Timestamp,
    /// Until when a verifier that cached the JWKS just before may go on accepting them.
    pub cached_until: Timestamp,
}

#[derive(Debug, Serialize)]
pub struct ClientImpact {
    pub client_id: ClientId,
    pub sessions: i64,
}

/// When the tokens were issued that a key may have signed and that may still live.
#[derive(Debug, Clone, Copy)]
struct Span {
    from: Timestamp,
    until: Timestamp,
}

impl KeyRing {
    /// Takes a published signing key out of use for ever. None if there is no such key, or if that
    /// has been done before.
    pub async fn compromised(
        &self,
        compromise: &Compromise,
        event: &AuditEvent,
    ) -> Result<Option<Impact>> {
        self.reload().await?;
        let (now, snapshot) = (self.now(), self.snapshot());
        let key = snapshot.key(&compromise.kid);
        let Some(key) = key.filter(|key| snapshot.state(key, now).is_published()) else {
            return Ok(None);
        };
        let Line::Signing(alg) = key.line else { return Ok(None) };
        let timeline = snapshot.timeline(key.line);
        let superseded_at = timeline.superseded_at(key.instants.number);
        let signing = timeline.active_at(now).is_some_and(|a| a.number == key.instants.number);
        let step = signing.then(|| timeline.on_demand(Timing::Immediate, &self.policy.keys, now));
        let span = Span::of(&key.instants, superseded_at, now);
        let successor = step.map(Step::number);
        let mut impact = self.impact((&key.kid, alg), &key.instants, span).await?;
        impact.successor = successor;
        if compromise.dry_run {
            return Ok(Some(impact));
        }
        let ending = compromise.end_sessions.then_some(span);
        if !self.replace(&mut impact, step, ending, event).await? {
            return Ok(None);
        }
        self.maintain().await?;
        Ok(Some(impact))
    }

    async fn impact(
        &self,
        (kid, alg): (&str, Algorithm),
        key: &Instants,
        span: Span,
    ) -> Result<Impact> {
        let mut conn = self.store.read().await?;
        let mut clients = Vec::new();
        for (client_id, sessions) in conn.clients_with_sessions_used(span.from, span.until).await? {
            let client = conn.client(&client_id).await?;
            let own = client.and_then(|client| client.metadata.access_token_alg);
            if own.unwrap_or(self.policy.default_alg()) == alg {
                clients.push(ClientImpact { client_id, sessions });
            }
        }
        Ok(Impact {
            kid: kid.to_owned(),
            alg,
            number: key.number,
            successor: None,
            sessions: clients.iter().map(|client| client.sessions).sum(),
            sessions_ended: 0,
            clients,
            tokens_live_until: span.until + key.longest_token,
            cached_until: self.now() + self.policy.keys.jwks_max_age,
        })
    }

    /// Puts the successor in place, revokes the key and ends the sessions: all of it or nothing, so
    /// that the line is never without a key that signs. False if the key was revoked before.
    async fn replace(
        &self,
        impact: &mut Impact,
        step: Option<Step>,
        ending: Option<Span>,
        event: &AuditEvent,
    ) -> Result<bool> {
        let (line, now) = (Line::Signing(impact.alg), self.now());
        let new = match step {
            Some(Step::Make(plan)) => Some(self.new_row(line, plan).await?),
            Some(Step::Wait(_) | Step::Activate(_)) | None => None,
        };
        let mut conn = self.store.write().await?;
        if !conn.revoke_key(&impact.kid, now).await? {
            return Ok(false);
        }
        if let Some(step) = step {
            succeed(&mut conn, line, step.number(), new.as_ref(), now).await?;
        }
        if let Some(span) = ending {
            for ClientImpact { client_id, .. } in &impact.clients {
                let (span, reason) = ((span.from, span.until), EndReason::KeyCompromised);
                impact.sessions_ended +=
                    conn.end_sessions_used(client_id, span, reason, now).await?;
            }
        }
        record(&mut conn, event, line, impact.number, now).await?;
        conn.commit().await?;
        Ok(true)
    }
}

/// Another replica may have made the number first, maybe to sign later.
async fn succeed(
    conn: &mut Conn,
    line: Line,
    number: i64,
    new: Option<&KeyRow>,
    now: Timestamp,
) -> Result<()> {
    let made = match new {
        Some(row) => conn.insert_key(row).await?,
        None => false,
    };
    if !made {
        conn.activate_key(line.as_str(), number, now).await?;
    }
    Ok(())
}

impl Span {
    fn of(key: &Instants, superseded_at: Option<Timestamp>, now: Timestamp) -> Self {
        let until = superseded_at.map_or(now, |superseded_at| superseded_at.min(now));
        Self { from: key.activates_at.max(now - key.longest_token), until }
    }
}
