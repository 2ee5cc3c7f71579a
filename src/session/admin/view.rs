//! A session as it is shown, and whether it is over.
use super::Sessions;
use crate::{
    clock::Timestamp,
    model::{Client, ClientId, ClientMetadata, ClientType, Ended, Session, SessionState, Username},
    session::{
        Policy,
        chain::{self, Presented, Refusal, Verdict},
    },
    store::{Conn, Result},
};
use serde::Serialize;
use std::{collections::HashMap, time::Duration};

#[derive(Debug, Clone, Serialize)]
pub struct SessionView {
    #[serde(flatten)]
    pub session: Session,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<Username>,
    pub state: SessionState,
}

impl SessionView {
    pub(super) fn new(
        session: Session,
        username: Option<Username>,
        policy: &Policy,
        now: Timestamp,
    ) -> Self {
        let ended = over(&session, policy, now);
        let state = if ended.is_some() { SessionState::Ended } else { SessionState::Live };
        Self { session: Session { ended, ..session }, username, state }
    }
}

/// When and why the session has ended, also if nobody has marked it yet: by what its current token would
/// be told.
fn over(session: &Session, policy: &Policy, now: Timestamp) -> Option<Ended> {
    let (client_id, generation) = (&session.client_id, session.generation);
    let current = Presented { client_id, device_id: None, generation, now };
    let Verdict::Refused(refusal) = chain::judge(session, true, current, policy) else {
        return None;
    };
    session.ended.or_else(|| {
        let idle_at = session.last_used_at + policy.idle_lifetime;
        let at = if refusal == Refusal::Idle { idle_at } else { session.expires_at };
        refusal.reason().map(|reason| Ended { at, reason })
    })
}

/// What the clients of sessions allow them.
pub(super) struct Policies<'a> {
    sessions: Sessions<'a>,
    clients: HashMap<ClientId, Policy>,
}

impl<'a> Policies<'a> {
    /// Those of one client, or of all.
    pub async fn read(
        sessions: Sessions<'a>,
        conn: &mut Conn,
        only: Option<&ClientId>,
    ) -> Result<Self> {
        let clients: Vec<_> = if let Some(id) = only {
            conn.client(id).await?.into_iter().collect()
        } else {
            let all = conn.clients(None, i64::MAX).await?;
            all.into_iter().map(|(id, metadata, _)| client(id, metadata)).collect()
        };
        let policy = |client: Client| (client.id.clone(), Policy::of(&client, sessions.settings));
        Ok(Self { sessions, clients: clients.into_iter().map(policy).collect() })
    }

    /// That of a client; the settings alone if it is gone.
    pub fn of(&self, id: &ClientId) -> Policy {
        self.clients.get(id).copied().unwrap_or_else(|| {
            let metadata = ClientMetadata::new(ClientType::Public, Vec::new());
            Policy::of(&client(id.clone(), metadata), self.sessions.settings)
        })
    }

    /// The shortest and the longest idle lifetime that a session may have.
    pub fn idle_lifetimes(&self) -> (Duration, Duration) {
        let longest = self.sessions.settings.idle_lifetime;
        let own = self.clients.values().map(|policy| policy.idle_lifetime);
        (own.min().unwrap_or(longest), longest)
    }
}

/// A client as far as its sessions matter.
fn client(id: ClientId, metadata: ClientMetadata) -> Client {
    Client { id, metadata, secrets: Vec::new(), created_at: Timestamp(0) }
}
