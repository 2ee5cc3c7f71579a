//! What a client's sessions are allowed, from the settings and what the client asks for itself.
use crate::{config::SessionSettings, model::Client};
use std::time::Duration;

/// Until when a spent token gets the same successor again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// For a client that anyone can claim to be: so long after it was spent.
    Within(Duration),
    /// For a client that proves who it is.
    UntilSuccessorUsed,
}

#[derive(Debug, Clone, Copy)]
pub struct Policy {
    pub retry: Retry,
    /// Off, a use does not move the chain.
    pub rotates: bool,
    pub idle_lifetime: Duration,
    pub absolute_lifetime: Duration,
    /// Live sessions of one user with this client.
    pub limit: usize,
}

impl Policy {
    pub fn of(client: &Client, settings: &SessionSettings) -> Self {
        let own = &client.metadata;
        // A client may shorten a lifetime, but not outlive the keys that its tokens are made with.
        let shorter = |own: Option<Duration>, most: Duration| own.unwrap_or(most).min(most);
        let retry_window = own.retry_window.unwrap_or(settings.retry_window);
        let limit = own.session_limit.unwrap_or(settings.limit).max(1);
        Self {
            retry: if client.is_public() {
                Retry::Within(retry_window)
            } else {
                Retry::UntilSuccessorUsed
            },
            rotates: own.rotate_refresh_tokens,
            idle_lifetime: shorter(own.idle_lifetime, settings.idle_lifetime),
            absolute_lifetime: shorter(own.absolute_lifetime, settings.absolute_lifetime),
            limit: usize::try_from(limit).unwrap_or(usize::MAX),
        }
    }
}
