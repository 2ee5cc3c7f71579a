//! What happened to a token that somebody has at hand, and why its session ended. Looking changes
//! nothing: it is no use of the token.
mod pasted;
mod words;

use super::{SessionView, Sessions, view::Policies};
use crate::{
    clock::Timestamp,
    keys::Snapshot,
    model::{Session, SessionId},
    secret::Secret,
    session::{
        Policy,
        chain::{self, Presented, Refusal, Verdict},
    },
    store::{AuditEntry, AuditFilter, Conn, Result},
};
use pasted::Pasted;
use serde::Serialize;

pub use pasted::Kind;

/// The answer. The names in it are stable, the words of the explanation are not.
#[derive(Debug, Serialize)]
pub struct Why {
    pub status: Status,
    /// In sentences, for people.
    pub explanation: Vec<String>,
    /// What the text is; none if it is nothing of this service, or cannot be proved to be.
    pub token: Option<Kind>,
    pub session_id: Option<SessionId>,
    /// That of the refresh token, or of the one that the access token came with.
    pub generation: Option<i64>,
    /// When the access token expires or did.
    pub expires_at: Option<Timestamp>,
    /// Whether the access token itself is on the deny list, which forgets it when it has expired.
    pub revoked: bool,
    /// Until when a retry would get the same successor again; none if that does not depend on time.
    pub retry_until: Option<Timestamp>,
    pub spent: Option<Spent>,
    pub session: Option<SessionView>,
    /// Those of the session, newest first.
    pub events: Vec<AuditEntry>,
}

/// What would come of the refresh token now, or of the one that the access token came with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// It looks like no token of this service.
    Unreadable,
    /// It looks like one, and its MAC or signature is wrong.
    Forged,
    /// Its key is not in use any more, or was never one of this database.
    KeyGone,
    /// An access token that a client got for itself.
    NoSession,
    /// It is genuine, and its session is not in the database.
    SessionUnknown,
    Current,
    /// It was spent, and still gets the same successor again.
    Retry,
    Spent,
    Ended,
    UserDisabled,
}

/// The exchange of a token for its successor. The session remembers the last one only.
#[derive(Debug, Clone, Serialize)]
pub struct Spent {
    pub at: Option<Timestamp>,
    /// For a token that is older: its successor was spent by then.
    pub before: Option<Timestamp>,
    pub user_agent: Option<String>,
    pub address: Option<String>,
}

/// The newest entries of a session tell why it ended.
const MOST_EVENTS: i64 = 50;

impl Sessions<'_> {
    /// What became of a refresh token or an access token.
    ///
    /// # Errors
    /// If the database cannot be read; any text has an answer.
    pub async fn why(&self, token: &Secret, keys: &Snapshot) -> Result<Why> {
        let why = match pasted::read(token.reveal().trim(), keys, self.now) {
            Err(status) => Why::new(status),
            Ok(pasted) => self.fate(&pasted).await?,
        };
        Ok(Why { explanation: words::explain(&why, self.now), ..why })
    }

    async fn fate(&self, pasted: &Pasted) -> Result<Why> {
        let mut conn = self.store.read().await?;
        let revoked = match &pasted.jti {
            Some(jti) => conn.token_is_denied(jti).await?,
            None => false,
        };
        Ok(Why { revoked, ..self.fate_of_session(&mut conn, pasted).await? })
    }

    async fn fate_of_session(&self, conn: &mut Conn, pasted: &Pasted) -> Result<Why> {
        let Some((id, generation)) = pasted.session else {
            return Ok(Why::of(pasted, Status::NoSession));
        };
        let Some(session) = conn.session(id).await? else {
            return Ok(Why::of(pasted, Status::SessionUnknown));
        };
        let policies = Policies::read(*self, conn, Some(&session.client_id)).await?;
        let policy = policies.of(&session.client_id);
        let enabled = conn.enabled_user_claims(session.user_id).await?.is_some();
        // As its own client would present it on its own device.
        let client_id = &session.client_id;
        let presented = Presented { client_id, device_id: None, generation, now: self.now };
        let status = Status::of(chain::judge(&session, enabled, presented, &policy));
        let until = chain::retry_until(&session, policy.retry);
        let of_session = AuditFilter { session_id: Some(id), ..AuditFilter::default() };
        let username = conn.username(session.user_id).await?;
        Ok(Why {
            retry_until: until.filter(|_| status == Status::Retry),
            spent: Spent::of(&session, generation, &policy),
            events: conn.audit_entries(&of_session, None, MOST_EVENTS).await?,
            session: Some(SessionView::new(session, username, &policy, self.now)),
            ..Why::of(pasted, status)
        })
    }
}

impl Why {
    fn new(status: Status) -> Self {
        Self {
            status,
            explanation: Vec::new(),
            token: None,
            session_id: None,
            generation: None,
            expires_at: None,
            revoked: false,
            retry_until: None,
            spent: None,
            session: None,
            events: Vec::new(),
        }
    }

    fn of(pasted: &Pasted, status: Status) -> Self {
        Self {
            token: Some(pasted.kind),
            session_id: pasted.session.map(|(id, _)| id),
            generation: pasted.session.map(|(_, generation)| generation),
            expires_at: pasted.expires_at,
            ..Self::new(status)
        }
    }
}

impl Status {
    fn of(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Current => Self::Current,
            Verdict::Retry => Self::Retry,
            Verdict::Reuse => Self::Spent,
            Verdict::Refused(refusal) => match refusal {
                Refusal::Ended(_) | Refusal::Expired | Refusal::Idle | Refusal::Reused => {
                    Self::Ended
                }
                Refusal::UserDisabled => Self::UserDisabled,
                Refusal::NotYours | Refusal::DeviceMismatch => {
                    unreachable!("it is judged as presented by its own client, on no other device")
                }
            },
        }
    }
}

impl Spent {
    /// What the session remembers of it; none if the token has not been exchanged.
    fn of(session: &Session, generation: i64, policy: &Policy) -> Option<Self> {
        let later = session.generation - generation;
        // Where tokens do not rotate, a session can be used without a token being spent.
        let last = later == 1 && policy.rotates;
        (later > 0).then(|| Self {
            at: last.then_some(session.last_used_at),
            before: (!last).then_some(session.last_used_at),
            user_agent: session.device.user_agent.clone().filter(|_| last),
            address: session.device.address.clone().filter(|_| last),
        })
    }
}
