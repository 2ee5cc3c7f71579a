//! Dealing with a leaked key: it leaves the JWKS, a successor signs at once, and the answer tells how
//! far the leak can have reached.
use super::{
    KeyRing, Line, Result,
    making::record,
    timeline::{Instants, Step},
};
use crate::{
    clock::Timestamp,
    model::{Algorithm, ClientId, EndReason},
    store::AuditEvent,
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
    /// Live sessions whose latest access token it may have signed, and may not have expired. None if
    /// they could not be counted in time: taking the key out of use does not wait for that.
    pub sessions: Option<i64>,
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

struct Leak {
    alg: Algorithm,
    key: Instants,
    /// How its successor comes, if it was signing.
    step: Option<Step>,
    span: Span,
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
        let Some(leak) = self.leak(&compromise.kid) else { return Ok(None) };
        let clients = match self.clients_of(leak.alg, leak.span).await {
            Err(error) if !compromise.dry_run && !compromise.end_sessions => {
                tracing::warn!(%error, "the sessions of a compromised key could not be counted");
                None
            }
            counted => Some(counted?),
        };
        let mut impact = Impact {
            kid: compromise.kid.clone(),
            alg: leak.alg,
            number: leak.key.number,
            successor: leak.step.map(Step::number),
            sessions: clients.as_ref().map(|all| all.iter().map(|client| client.sessions).sum()),
            sessions_ended: 0,
            clients: clients.unwrap_or_default(),
            tokens_live_until: leak.span.until + leak.key.longest_token,
            cached_until: self.now() + self.policy.keys.jwks_max_age,
        };
        let ending = compromise.end_sessions.then_some(leak.span);
        if compromise.dry_run {
            return Ok(Some(impact));
        }
        if !self.replace(&mut impact, leak.step, ending, event).await? {
            return Ok(None);
        }
        self.reload().await?;
        // Its line may need an announced key now, or another line one that signs.
        if self.take_due_steps().await? {
            self.reload().await?;
        }
        Ok(Some(impact))
    }

    /// What is known of a published signing key of that `kid`.
    fn leak(&self, kid: &str) -> Option<Leak> {
        let (now, snapshot) = (self.now(), self.snapshot());
        let key = snapshot.key(kid).filter(|key| snapshot.state(key, now).is_published())?;
        let Line::Signing(alg) = key.line else { return None };
        let (timeline, key) = (snapshot.timeline(key.line), key.instants);
        // A line that is switched off needs no successor: others sign.
        let replacement = timeline.replacement(&key, &self.policy.keys, now);
        let step = replacement.filter(|_| self.policy.is_on(Line::Signing(alg)));
        let span = Span::of(&key, timeline.superseded_at(&key), now);
        Some(Leak { alg, key, step, span })
    }

    /// The clients whose tokens the algorithm signs, with how many sessions each used in the span. It
    /// also signs for those of a line that had no key to sign with then.
    async fn clients_of(&self, alg: Algorithm, span: Span) -> Result<Vec<ClientImpact>> {
        let mut conn = self.store.read().await?;
        let snapshot = self.snapshot().clone();
        let signs = |alg, at| snapshot.timeline(Line::Signing(alg)).active_at(at).is_some();
        let mut clients = Vec::new();
        for (client_id, sessions) in conn.clients_with_sessions_used(span.from, span.until).await? {
            let client = conn.client(&client_id).await?;
            let own = client.and_then(|client| client.metadata.access_token_alg);
            let wanted = own.unwrap_or(self.policy.default_alg());
            if wanted == alg || !signs(wanted, span.from) || !signs(wanted, span.until) {
                clients.push(ClientImpact { client_id, sessions });
            }
        }
        Ok(clients)
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
        let successor = match step {
            Some(step) => Some(self.prepare(line, step).await?),
            None => None,
        };
        let mut conn = self.store.write().await?;
        if !conn.revoke_key(&impact.kid, now).await? {
            return Ok(false);
        }
        if let Some(successor) = successor {
            successor.take(&mut conn, now).await?;
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

impl Span {
    fn of(key: &Instants, superseded_at: Option<Timestamp>, now: Timestamp) -> Self {
        let until = superseded_at.map_or(now, |superseded_at| superseded_at.min(now));
        Self { from: key.activates_at.max(now - key.longest_token), until }
    }
}
