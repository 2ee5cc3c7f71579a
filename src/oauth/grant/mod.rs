//! The grants: what a client can bring to the token endpoint.
mod client_credentials;
pub mod refresh_token;

use super::{
    Caller,
    Code::{InvalidScope, InvalidTarget, UnauthorizedClient, UnsupportedGrantType},
    Detail, Params, Result,
};
use crate::{
    app::App,
    clock::Timestamp,
    model::{Client, Scope, SessionId, StatusIndex, UserClaims, UserId},
};
use std::sync::Arc;

/// One token request by a client that has proved who it is.
#[derive(Clone, Copy)]
pub struct Exchange<'a> {
    pub app: &'a Arc<App>,
    pub client: &'a Client,
    pub params: &'a Params,
    pub caller: &'a Caller,
    pub now: Timestamp,
}

/// What the request entitles the client to. Every grant ends in one; [`issue`](super::issue()) turns
/// it into tokens.
#[derive(Debug)]
pub struct Grant {
    pub scope: Scope,
    /// Absolute URIs; none means this service.
    pub audience: Vec<String>,
    /// None for a client that acts for itself.
    pub user: Option<UserGrant>,
}

/// The part of a grant that a user's session stands behind.
#[derive(Debug)]
pub struct UserGrant {
    pub user_id: UserId,
    /// As they are at this moment.
    pub claims: UserClaims,
    pub auth_time: Timestamp,
    pub session_id: SessionId,
    /// Of the refresh token to be handed out.
    pub generation: i64,
    /// When that generation was made.
    pub moved_at: Timestamp,
    /// The session's place in the status lists, if it has one.
    pub status_index: Option<StatusIndex>,
}

macro_rules! grant_types {
    ($($variant:ident = $name:literal => $redeem:path;)*) => {
        /// The one list of grant types: the token endpoint dispatches on it, metadata publishes it,
        /// and the registration of clients checks against it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum GrantType { $($variant),* }

        impl GrantType {
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            async fn dispatch(self, exchange: Exchange<'_>) -> Result<Grant> {
                match self { $(Self::$variant => $redeem(exchange).await),* }
            }
        }
    };
}

grant_types! {
    ClientCredentials = "client_credentials" => client_credentials::redeem;
    RefreshToken = "refresh_token" => refresh_token::redeem;
}

impl GrantType {
    pub fn parse(name: &str) -> Result<Self> {
        let found = Self::ALL.iter().copied().find(|grant| grant.as_str() == name);
        found.ok_or_else(|| UnsupportedGrantType.because("this service does not offer that grant"))
    }

    /// # Errors
    /// `unauthorized_client` if the client is not registered for the grant, and what the grant says.
    pub async fn redeem(self, exchange: Exchange<'_>) -> Result<Grant> {
        self.check_registered(exchange.client)?;
        self.dispatch(exchange).await
    }

    /// # Errors
    /// `unauthorized_client` if the client is not registered for the grant.
    pub fn check_registered(self, client: &Client) -> Result<()> {
        if client.metadata.grant_types.iter().any(|grant| grant == self.as_str()) {
            Ok(())
        } else {
            Err(UnauthorizedClient
                .because("the client is not registered for this grant")
                .with(Detail::GrantNotRegistered))
        }
    }
}

/// The scope asked for, if it is within what may be had; all of that if none is asked for
/// (RFC 6749 §3.3 and §6).
pub fn narrow(params: &Params, most: &Scope) -> Result<Scope> {
    let Some(wanted) = params.get("scope") else { return Ok(most.clone()) };
    let wanted: Scope =
        wanted.parse().map_err(|_| InvalidScope.because("the scope is malformed"))?;
    if wanted.is_empty() {
        return Err(InvalidScope.because("the scope names nothing"));
    }
    if most.covers(&wanted) {
        Ok(wanted)
    } else {
        Err(InvalidScope.because("the scope is more than may be had"))
    }
}

/// The resources asked for, if the client may have tokens for them; all of those if none is asked
/// for (RFC 8707 §2).
pub fn audience(params: &Params, client: &Client) -> Result<Vec<String>> {
    let allowed = &client.metadata.audience;
    match params.resources() {
        [] => Ok(allowed.clone()),
        wanted if wanted.iter().all(|resource| allowed.contains(resource)) => Ok(wanted.to_vec()),
        _ => Err(InvalidTarget.because("the client may not have tokens for that resource")),
    }
}
