//! Access tokens that come back: verified as any resource server would, and against the database as no
//! other could.
use super::Result;
use crate::{
    app::App,
    jose::{PublicJwk, Unverified},
    model::{Client, ClientId, Scope, SessionId, TokenType, Username},
    session::{Pair, Policy, TokenRef, token_id},
    store::{self, SessionStanding},
};
use serde::{Deserialize, Serialize};
use std::{sync::Arc, time::Duration};
use tokio::time::timeout;

/// What an access token says (RFC 9068 §2.2).
#[derive(Debug, Deserialize, Serialize)]
pub struct AccessToken {
    pub iss: String,
    pub sub: String,
    pub aud: Audience,
    pub exp: i64,
    pub iat: i64,
    pub nbf: i64,
    pub jti: String,
    pub client_id: ClientId,
    #[serde(default, skip_serializing_if = "Scope::is_empty")]
    pub scope: Scope,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sid: Option<SessionId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    auth_time: Option<i64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    roles: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    groups: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    permissions: Vec<String>,
    /// From its header.
    #[serde(skip)]
    pub typ: TokenType,
}

#[derive(Debug, Deserialize, Serialize)]
#[serde(untagged)]
pub enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Audience {
    pub fn has(&self, audience: &str) -> bool {
        match self {
            Self::One(one) => one == audience,
            Self::Several(several) => several.iter().any(|one| one == audience),
        }
    }
}

/// How an access token stands that is good by itself.
#[derive(Debug)]
pub enum Standing {
    /// With the name of its user, if it has one.
    Good(Option<Username>),
    /// Tokens of a later refresh are in use.
    Obsolete,
    /// Its client, its session or its user are gone, or it was revoked.
    Over,
}

/// How old what is known of a token may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Age {
    /// At most `introspection.cache_for`.
    Recent,
    Now,
    /// A client's own token counts as not revoked while the database does not answer.
    NowIfItCanBe,
}

/// How long [`Age::NowIfItCanBe`] waits for the database.
const DATABASE_WITHIN: Duration = Duration::from_secs(1);

impl AccessToken {
    /// The claims, if this service signed them and they are for this moment.
    ///
    /// # Errors
    /// If the keys have to be read for it and cannot be.
    pub async fn verify(app: &Arc<App>, text: &str) -> Result<Option<Self>> {
        let Ok(unverified) = Unverified::parse(text) else { return Ok(None) };
        let typ = TokenType::ALL.into_iter().find(|typ| typ.as_str() == unverified.typ());
        let Some(typ) = typ else { return Ok(None) };
        let Some(key) = key(app, unverified.kid()).await? else { return Ok(None) };
        let Ok(token) = unverified.verify::<Self>(&key) else { return Ok(None) };
        let now = app.clock.now();
        let in_time =
            now.seconds() < token.exp && token.nbf <= (now + app.settings.keys.leeway).seconds();
        let ours = token.iss == app.settings.issuer;
        Ok((in_time && ours).then_some(Self { typ, ..token }))
    }

    /// Whether its client is still registered, and not another of the same name, its session, if it
    /// has one, still lives, and it was not revoked.
    ///
    /// # Errors
    /// If that cannot be read.
    pub async fn standing(&self, app: &Arc<App>, age: Age) -> Result<Standing> {
        let Some(client) = app.client(&self.client_id).await? else { return Ok(Standing::Over) };
        let own = self.iat >= client.created_at.seconds();
        // What is no `at+jwt` says nothing of what it is for, so its client has to have asked for it.
        let typed = self.typ == TokenType::AtJwt || self.typ == client.metadata.access_token_typ;
        if !own || !typed {
            return Ok(Standing::Over);
        }
        let standing = self.read(app, age).await?;
        let Some(standing) = standing.filter(|standing| !standing.denied) else {
            return Ok(Standing::Over);
        };
        match &standing.session {
            Some(session) => self.in_session(app, &client, session).await,
            None => Ok(Standing::Good(None)),
        }
    }

    /// What it is to the database.
    pub fn reference(&self) -> TokenRef {
        TokenRef { session_id: self.sid, jti: Some(self.jti.clone()) }
    }

    async fn read(&self, app: &Arc<App>, age: Age) -> Result<Option<Arc<store::Standing>>> {
        if age == Age::Recent {
            return Ok(app.recent_standing(self.reference()).await?);
        }
        let read = app.read_standing(self.reference());
        if age == Age::Now || self.sid.is_some() {
            return Ok(read.await?.map(Arc::new));
        }
        if let Ok(Ok(known)) = timeout(DATABASE_WITHIN, read).await {
            return Ok(known.map(Arc::new));
        }
        tracing::warn!("whether an access token was revoked could not be read");
        Ok(Some(Arc::new(store::Standing { session: None, denied: false })))
    }

    async fn in_session(
        &self,
        app: &Arc<App>,
        client: &Client,
        session: &SessionStanding,
    ) -> Result<Standing> {
        let policy = Policy::of(client, &app.settings.sessions);
        if !session.is_live(policy.idle_lifetime, app.clock.now()) {
            return Ok(Standing::Over);
        }
        if client.metadata.newest_pair_only {
            let generation = token_id::generation(&self.jti);
            match generation.map(|generation| session.pair(generation)) {
                None | Some(Pair::Obsolete) => return Ok(Standing::Obsolete),
                Some(Pair::Newest) => {}
                Some(Pair::FirstMet) => self.met(app, generation.unwrap_or_default()).await?,
            }
        }
        Ok(Standing::Good(Some(session.username.clone())))
    }

    /// Makes those of earlier generations obsolete.
    async fn met(&self, app: &Arc<App>, generation: i64) -> Result<()> {
        let Some(id) = self.sid else { return Ok(()) };
        let noting = Arc::clone(app);
        let note = async move {
            noting.store.autocommit().await?.raise_seen_generation(id, generation).await?;
            noting.recent.session_changed(id);
            Ok(())
        };
        app.to_the_end(note).await
    }
}

/// The key of that `kid`; another replica may have made it a moment ago. One that is known and out of
/// use never comes back.
async fn key(app: &Arc<App>, kid: &str) -> Result<Option<PublicJwk>> {
    let (now, snapshot) = (app.clock.now(), app.keys.snapshot());
    if snapshot.key(kid).is_some() {
        return Ok(snapshot.verifier(kid, now).cloned());
    }
    drop(snapshot);
    let reloading = Arc::clone(app);
    app.to_the_end(async move { reloading.keys.reload_for_unknown_kid().await }).await?;
    Ok(app.keys.snapshot().verifier(kid, now).cloned())
}
