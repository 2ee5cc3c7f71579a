//! OAuth clients (RFC 6749 §2).
use super::{Algorithm, ClientId, Scope};
use crate::{
    clock::Timestamp,
    secret::{Secret, SecretHash},
};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// A client as a request meets it: what it registered and the secrets that prove it.
#[derive(Debug, Clone)]
pub struct Client {
    pub id: ClientId,
    pub metadata: ClientMetadata,
    /// The hashes of its secrets with the instant each stops working. Two may overlap.
    pub secrets: Vec<(SecretHash, Option<Timestamp>)>,
    pub created_at: Timestamp,
}

/// Whether a client can keep a secret (RFC 6749 §2.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientType {
    Confidential,
    Public,
}

/// The `typ` of a client's access tokens. `at+jwt` is RFC 9068's; some resource servers take `JWT` only.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum TokenType {
    #[default]
    #[serde(rename = "at+jwt")]
    AtJwt,
    #[serde(rename = "JWT")]
    Jwt,
}

impl TokenType {
    pub const ALL: [Self; 2] = [Self::AtJwt, Self::Jwt];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AtJwt => "at+jwt",
            Self::Jwt => "JWT",
        }
    }
}

/// What a client registered, under the names of RFC 7591 §2 where it has them. Kept as one JSON
/// text, as no query looks inside.
#[expect(clippy::struct_excessive_bools, reason = "they are independent, and have names")]
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientMetadata {
    pub client_type: ClientType,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_name: Option<String>,
    pub grant_types: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub redirect_uris: Vec<String>,
    #[serde(default)]
    pub scope: Scope,
    /// The resource servers its tokens may be for; none means this service itself.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub audience: Vec<String>,
    /// Otherwise the setting `tokens.access_token_alg`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub access_token_alg: Option<Algorithm>,
    #[serde(default)]
    pub access_token_typ: TokenType,
    /// Off, the same refresh token stays valid until its session ends.
    #[serde(default = "yes")]
    pub rotate_refresh_tokens: bool,
    /// Otherwise the setting `sessions.retry_window`.
    #[serde(default, with = "humantime_serde", skip_serializing_if = "Option::is_none")]
    pub retry_window: Option<Duration>,
    /// Otherwise the setting `sessions.idle_lifetime`.
    #[serde(default, with = "humantime_serde", skip_serializing_if = "Option::is_none")]
    pub idle_lifetime: Option<Duration>,
    /// Otherwise the setting `sessions.absolute_lifetime`.
    #[serde(default, with = "humantime_serde", skip_serializing_if = "Option::is_none")]
    pub absolute_lifetime: Option<Duration>,
    /// Otherwise the setting `sessions.limit`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_limit: Option<u32>,
    /// Access tokens of a session hold only until those of a later refresh are used.
    #[serde(default)]
    pub newest_pair_only: bool,
    /// Revoking an access token of a session ends the session.
    #[serde(default)]
    pub revoke_ends_session: bool,
    /// The resource servers it is, as the `aud` of tokens names them: it may introspect those tokens.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub introspects: Vec<String>,
    /// Of RFC 9701 §6. Otherwise RS256.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub introspection_signed_response_alg: Option<Algorithm>,
    /// Whether sessions get a bit in a status list, and their access tokens a `status` claim.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub status_list: bool,
}

const fn yes() -> bool {
    true
}

/// Why a client cannot be registered as asked.
#[derive(Debug, thiserror::Error)]
pub enum UnusableClient {
    #[error("a public client has no secret, so client_credentials is not for it")]
    PublicClientCredentials,
    #[error("`{0}` is no absolute URI without a fragment, so it cannot be an audience")]
    Audience(String),
    #[error("`{0}` is no absolute URI without a fragment, so it cannot be a redirect URI")]
    RedirectUri(String),
    #[error("a client's name has no control characters")]
    Name,
    #[error("a lifetime or a limit of zero would end every session at once")]
    Zero,
    #[error(
        "a confidential client can retry until the successor is used, so it has no retry window"
    )]
    RetryWindow,
    #[error("`{0}` is no absolute URI without a fragment, so no token can be for it")]
    Introspects(String),
    #[error("a public client cannot prove who it is, so it may not introspect tokens")]
    PublicIntrospection,
    #[error("without rotation there is no newest pair")]
    NewestPair,
}

impl ClientMetadata {
    /// A client of this type with these grants, and defaults for all else.
    pub fn new(client_type: ClientType, grant_types: Vec<String>) -> Self {
        Self {
            client_type,
            client_name: None,
            grant_types,
            redirect_uris: Vec::new(),
            scope: Scope::default(),
            audience: Vec::new(),
            access_token_alg: None,
            access_token_typ: TokenType::default(),
            rotate_refresh_tokens: true,
            retry_window: None,
            idle_lifetime: None,
            absolute_lifetime: None,
            session_limit: None,
            newest_pair_only: false,
            revoke_ends_session: false,
            introspects: Vec::new(),
            introspection_signed_response_alg: None,
            status_list: false,
        }
    }

    /// Checks what no single field can know.
    pub fn check(&self) -> Result<(), UnusableClient> {
        let public = self.client_type == ClientType::Public;
        if public && self.grant_types.iter().any(|grant| grant == "client_credentials") {
            return Err(UnusableClient::PublicClientCredentials);
        }
        if self.client_name.as_ref().is_some_and(|name| name.chars().any(char::is_control)) {
            return Err(UnusableClient::Name);
        }
        let lifetimes = [self.idle_lifetime, self.absolute_lifetime];
        if self.session_limit == Some(0) || lifetimes.contains(&Some(Duration::ZERO)) {
            return Err(UnusableClient::Zero);
        }
        if !public && self.retry_window.is_some() {
            return Err(UnusableClient::RetryWindow);
        }
        if self.newest_pair_only && !self.rotate_refresh_tokens {
            return Err(UnusableClient::NewestPair);
        }
        if public && !self.introspects.is_empty() {
            return Err(UnusableClient::PublicIntrospection);
        }
        if let Some(bad) = self.introspects.iter().find(|uri| !is_absolute_uri(uri)) {
            return Err(UnusableClient::Introspects(bad.clone()));
        }
        if let Some(bad) = self.audience.iter().find(|uri| !is_absolute_uri(uri)) {
            return Err(UnusableClient::Audience(bad.clone()));
        }
        if let Some(bad) = self.redirect_uris.iter().find(|uri| !is_absolute_uri(uri)) {
            return Err(UnusableClient::RedirectUri(bad.clone()));
        }
        Ok(())
    }
}

/// RFC 3986 §4.3 as RFC 8707 §2 and RFC 6749 §3.1.2 demand it, and no scheme that runs a script.
fn is_absolute_uri(text: &str) -> bool {
    url::Url::parse(text).is_ok_and(|uri| {
        uri.fragment().is_none()
            && !matches!(uri.scheme(), "javascript" | "data" | "vbscript" | "file")
    })
}

impl Client {
    pub fn is_public(&self) -> bool {
        self.metadata.client_type == ClientType::Public
    }

    /// Whether one of the secrets that still work is this one. All are compared, so that the time
    /// does not tell which.
    pub fn has_secret(&self, presented: &Secret, now: Timestamp) -> bool {
        let presented = SecretHash::of(presented.reveal());
        self.secrets.iter().fold(false, |found, (hash, expires_at)| {
            let live = expires_at.is_none_or(|expires_at| expires_at > now);
            found | (hash.matches(&presented) & live)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_secrets_overlap_until_the_older_expires() {
        let (old, new) = (Secret::new("old"), Secret::new("new"));
        let client = Client {
            id: "web".parse().unwrap(),
            metadata: ClientMetadata::new(ClientType::Confidential, vec![]),
            secrets: vec![
                (SecretHash::of("old"), Some(Timestamp(10))),
                (SecretHash::of("new"), None),
            ],
            created_at: Timestamp(0),
        };
        assert!(client.has_secret(&old, Timestamp(9)) && client.has_secret(&new, Timestamp(9)));
        assert!(!client.has_secret(&old, Timestamp(10)) && client.has_secret(&new, Timestamp(10)));
        assert!(!client.has_secret(&Secret::new(""), Timestamp(9)));
    }

    #[test]
    fn a_client_that_cannot_work_is_refused() {
        let mut client = ClientMetadata::new(ClientType::Public, vec!["client_credentials".into()]);
        assert!(matches!(client.check(), Err(UnusableClient::PublicClientCredentials)));
        client.grant_types = vec!["refresh_token".into()];
        assert!(client.check().is_ok());
        client.redirect_uris = vec!["JavaScript:alert(1)".into()];
        assert!(matches!(client.check(), Err(UnusableClient::RedirectUri(_))));
        client.redirect_uris = vec!["http://127.0.0.1/callback".into()];
        client.audience = vec!["https://api.example/#part".into()];
        assert!(matches!(client.check(), Err(UnusableClient::Audience(_))));
        client.session_limit = Some(0);
        assert!(matches!(client.check(), Err(UnusableClient::Zero)));
        client.client_name = Some("a\u{1b}[31m".into());
        assert!(matches!(client.check(), Err(UnusableClient::Name)));
        let mut client = ClientMetadata::new(ClientType::Confidential, vec![]);
        client.retry_window = Some(Duration::from_secs(5));
        assert!(matches!(client.check(), Err(UnusableClient::RetryWindow)));
        let mut client = ClientMetadata::new(ClientType::Confidential, vec![]);
        client.introspects = vec!["https://api.example".into(), "api".into()];
        assert!(matches!(client.check(), Err(UnusableClient::Introspects(bad)) if bad == "api"));
        client.client_type = ClientType::Public;
        assert!(matches!(client.check(), Err(UnusableClient::PublicIntrospection)));
        client.newest_pair_only = true;
        assert!(matches!(client.check(), Err(UnusableClient::PublicIntrospection)));
        client.rotate_refresh_tokens = false;
        assert!(matches!(client.check(), Err(UnusableClient::NewestPair)));
    }
}
