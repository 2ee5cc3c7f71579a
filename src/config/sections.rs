//! The sections of the settings; `config/default.toml` says what each key means.
use crate::model::{Algorithm, ClientId};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Deserializer};
use std::time::Duration;

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DatabaseSettings {
    pub url: SecretString,
    pub max_connections: u32,
    #[serde(with = "humantime_serde")]
    pub acquire_timeout: Duration,
    #[serde(with = "humantime_serde")]
    pub statement_timeout: Duration,
    #[serde(with = "humantime_serde")]
    pub connection_lifetime: Duration,
    pub rotations_per_commit: usize,
}

impl DatabaseSettings {
    /// How long anybody waits for the database. One that hangs does not keep to its own timeouts.
    pub fn longest_wait(&self) -> Duration {
        self.acquire_timeout + self.statement_timeout
    }
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MasterKeySettings {
    pub file: String,
    pub key: SecretString,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeySettings {
    #[serde(deserialize_with = "list")]
    pub algorithms: Vec<Algorithm>,
    #[serde(with = "humantime_serde")]
    pub rotate_every: Duration,
    #[serde(with = "humantime_serde")]
    pub announce_for: Duration,
    #[serde(with = "humantime_serde")]
    pub jwks_max_age: Duration,
    #[serde(with = "humantime_serde")]
    pub leeway: Duration,
    #[serde(with = "humantime_serde")]
    pub poll_interval: Duration,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenSettings {
    #[serde(with = "humantime_serde")]
    pub access_token_lifetime: Duration,
    pub access_token_alg: Algorithm,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionSettings {
    #[serde(with = "humantime_serde")]
    pub retry_window: Duration,
    #[serde(with = "humantime_serde")]
    pub idle_lifetime: Duration,
    #[serde(with = "humantime_serde")]
    pub absolute_lifetime: Duration,
    #[serde(with = "humantime_serde")]
    pub forget_after: Duration,
    pub limit: u32,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionApiSettings {
    #[serde(deserialize_with = "optional_client")]
    pub first_party_client: Option<ClientId>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StatusListSettings {
    #[serde(with = "humantime_serde")]
    pub ttl: Duration,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientSettings {
    #[serde(with = "humantime_serde")]
    pub cache_for: Duration,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IntrospectionSettings {
    #[serde(with = "humantime_serde")]
    pub cache_for: Duration,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PasswordSettings {
    pub concurrency: usize,
    pub queue: usize,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerSettings {
    pub workers: usize,
    pub max_body: usize,
    #[serde(with = "humantime_serde")]
    pub body_timeout: Duration,
    #[serde(with = "humantime_serde")]
    pub drain_for: Duration,
    #[serde(with = "humantime_serde")]
    pub shutdown_timeout: Duration,
    pub client_address_header: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LogSettings {
    pub filter: String,
    pub format: LogFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    Text,
    Json,
}

impl MasterKeySettings {
    const DEFAULT_FILE: &str = "keys/master.key";

    /// Whether nobody has said where it comes from.
    pub fn is_default(&self) -> bool {
        self.file == Self::DEFAULT_FILE && self.key.expose_secret().is_empty()
    }

    pub fn is_given(&self) -> bool {
        !self.file.is_empty() || !self.key.expose_secret().is_empty()
    }
}

/// A list, or from the environment a text with commas.
fn list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Algorithm>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        List(Vec<String>),
        Text(String),
    }
    let names = match Either::deserialize(deserializer)? {
        Either::List(names) => names,
        Either::Text(text) => text.split(',').map(|name| name.trim().to_owned()).collect(),
    };
    names.iter().map(|name| name.parse().map_err(serde::de::Error::custom)).collect()
}

fn optional_client<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<ClientId>, D::Error> {
    let text = String::deserialize(deserializer)?;
    (!text.is_empty()).then(|| text.parse().map_err(serde::de::Error::custom)).transpose()
}
