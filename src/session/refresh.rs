//! The use of a refresh token. One statement decides it, for many at a time; what that refuses is judged
//! from the row, each alone.
use super::{
    Policy,
    chain::{self, Presented, Refusal, Verdict},
    handle::Handle,
};
use crate::{
    clock::Timestamp,
    model::{ClientId, EndReason, Scope, SessionId, StatusIndex, UserClaims, UserId},
    store::{AuditEvent, Error, GroupCommit, Result, Rotated, Rotation, Store},
};

/// A refresh token whose MAC is right, and who presents it.
#[derive(Debug)]
pub struct Use {
    pub handle: Handle,
    pub client_id: ClientId,
    pub policy: Policy,
    /// The device the caller says it is, if it says so.
    pub device_id: Option<String>,
    pub user_agent: Option<String>,
    pub address: Option<String>,
    pub request_id: Option<String>,
    pub now: Timestamp,
}

/// The session after the use.
#[derive(Debug)]
pub struct Live {
    pub id: SessionId,
    pub user_id: UserId,
    pub claims: UserClaims,
    pub scope: Scope,
    pub auth_time: Timestamp,
    /// That of the successor.
    pub generation: i64,
    /// When the chain moved to it; a retry gets the successor that was made then.
    pub moved_at: Timestamp,
    pub status_index: Option<StatusIndex>,
}

/// How often a row that changes between two looks is looked at again. Twice takes two racing
/// administrators.
const ATTEMPTS: usize = 3;

/// Of the device that a caller says it is, this much is audited; no session has a longer one.
const LONGEST_DEVICE_ID: usize = 255;

impl Use {
    /// Moves the chain on together with others, which is done or not whether the caller waits or not.
    /// None if it has to be settled alone: most often as there is something to be refused.
    pub async fn together(&self, rotations: &GroupCommit) -> Result<Option<Live>> {
        let rotation = self.rotation(self.handle.generation);
        Ok(rotations.rotate(rotation).await?.map(|rotated| self.live(rotated)))
    }

    /// Moves the chain on, or finds out why not. To be run to its end even if the caller hangs up.
    pub async fn alone(&self, store: &Store) -> Result<Result<Live, Refusal>> {
        for _ in 0..ATTEMPTS {
            if let Some(outcome) = self.judge(store).await? {
                return Ok(outcome);
            }
            if let Some(live) = self.rotate(store).await? {
                return Ok(Ok(live));
            }
        }
        Err(Error::Contended)
    }

    fn rotation(&self, lowest: i64) -> Rotation {
        Rotation {
            session_id: self.handle.session_id,
            client_id: self.client_id.clone(),
            lowest,
            presented: self.handle.generation,
            step: i64::from(self.policy.rotates),
            device_id: self.device_id.clone(),
            user_agent: self.user_agent.clone(),
            address: self.address.clone(),
            idle_since: self.now - self.policy.idle_lifetime,
            now: self.now,
        }
    }

    /// Also from behind the token: a failover or a restored backup may have lost rotations that were
    /// answered.
    async fn rotate(&self, store: &Store) -> Result<Option<Live>> {
        let mut conn = store.write().await?;
        let rotated = conn.rotate(&[self.rotation(0)]).await?.pop();
        if let Some(rotated) = &rotated
            && rotated.previous_generation < self.handle.generation
        {
            let event = self.event("session.generation_ahead", rotated.user_id);
            conn.audit(&event, self.now).await?;
        }
        conn.commit().await?;
        Ok(rotated.map(|rotated| self.live(rotated)))
    }

    fn live(&self, rotated: Rotated) -> Live {
        Live {
            id: rotated.session_id,
            user_id: rotated.user_id,
            claims: rotated.claims,
            scope: rotated.scope,
            auth_time: rotated.auth_time,
            generation: rotated.generation,
            moved_at: self.now,
            status_index: rotated.status_index,
        }
    }

    /// None if the row has changed since the statement refused: the use deserves another try.
    async fn judge(&self, store: &Store) -> Result<Option<Result<Live, Refusal>>> {
        let mut conn = store.read().await?;
        let Some(session) = conn.session(self.handle.session_id).await? else {
            return Ok(Some(Err(Refusal::NotYours)));
        };
        let claims = conn.enabled_user_claims(session.user_id).await?;
        drop(conn);
        let verdict = chain::judge(&session, claims.is_some(), self.presented(), &self.policy);
        Ok(match verdict {
            Verdict::Current => None,
            Verdict::Retry => Some(Ok(Live {
                id: session.id,
                user_id: session.user_id,
                claims: claims.unwrap_or_default(),
                scope: session.scope,
                auth_time: session.auth_time,
                generation: session.generation,
                moved_at: session.last_used_at,
                status_index: session.status_index,
            })),
            Verdict::Reuse => {
                self.end_reused(store, session.user_id).await?;
                Some(Err(Refusal::Reused))
            }
            Verdict::Refused(refusal) => {
                if let Some(action) = suspicious(refusal) {
                    self.audit(store, &self.event(action, session.user_id)).await?;
                }
                Some(Err(refusal))
            }
        })
    }

    fn presented(&self) -> Presented<'_> {
        Presented {
            client_id: &self.client_id,
            device_id: self.device_id.as_deref(),
            generation: self.handle.generation,
            now: self.now,
        }
    }

    /// Generations only grow, so what was reuse when the row was read is reuse still.
    async fn end_reused(&self, store: &Store, user_id: UserId) -> Result<()> {
        let mut conn = store.write().await?;
        let reason = EndReason::ReuseDetected;
        if conn.end_session(self.handle.session_id, reason, self.now).await? {
            conn.audit(&self.event("session.reuse_detected", user_id), self.now).await?;
        }
        conn.commit().await
    }

    async fn audit(&self, store: &Store, event: &AuditEvent) -> Result<()> {
        store.autocommit().await?.audit(event, self.now).await
    }

    fn event(&self, action: &'static str, user_id: UserId) -> AuditEvent {
        let mut detail = serde_json::json!({
            "presented_generation": self.handle.generation,
            "address": self.address,
            "user_agent": self.user_agent,
        });
        if let (Some(members), Some(device_id)) = (detail.as_object_mut(), &self.device_id) {
            let device_id: String = device_id.chars().take(LONGEST_DEVICE_ID).collect();
            members.insert("presented_device_id".to_owned(), device_id.into());
        }
        AuditEvent {
            request_id: self.request_id.clone(),
            client_id: Some(self.client_id.clone()),
            user_id: Some(user_id),
            session_id: Some(self.handle.session_id),
            detail,
            ..AuditEvent::new(action, format!("client:{}", self.client_id))
        }
    }
}

/// What is audited although it changes nothing: a token in the wrong place.
fn suspicious(refusal: Refusal) -> Option<&'static str> {
    match refusal {
        Refusal::NotYours => Some("session.foreign_client"),
        Refusal::DeviceMismatch => Some("session.device_mismatch"),
        Refusal::Ended(_)
        | Refusal::Expired
        | Refusal::Idle
        | Refusal::UserDisabled
        | Refusal::Reused => None,
    }
}
