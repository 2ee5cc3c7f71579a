//! Everything an operator can set. `config/default.toml` holds every key with its meaning and default.
mod sections;

pub use sections::{
    ClientSettings, DatabaseSettings, IntrospectionSettings, KeySettings, LogFormat, LogSettings,
    MasterKeySettings, PasswordSettings, ServerSettings, SessionApiSettings, SessionSettings,
    StatusListSettings, TokenSettings,
};

use ::config::{Config, Environment, File, FileFormat};
use serde::Deserialize;
use std::{collections::HashMap, net::SocketAddr, path::Path, time::Duration};

const DEFAULTS: &str = include_str!("../../config/default.toml");
const PREFIX: &str = "MINTMARK";

/// Settings that can also be read from a file which the variable with `_FILE` at its end names.
const SECRETS: &[&str] = &["MINTMARK__DATABASE__URL", "MINTMARK__MASTER_KEY__KEY"];

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    pub issuer: String,
    pub listen: SocketAddr,
    pub database: DatabaseSettings,
    pub master_key: MasterKeySettings,
    pub keys: KeySettings,
    pub tokens: TokenSettings,
    pub sessions: SessionSettings,
    pub session_api: SessionApiSettings,
    pub status_list: StatusListSettings,
    pub clients: ClientSettings,
    pub introspection: IntrospectionSettings,
    pub passwords: PasswordSettings,
    pub server: ServerSettings,
    pub log: LogSettings,
}

/// Why settings cannot be used; it is for the operator and names the setting.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("the settings cannot be read: {0}")]
    Unreadable(::config::ConfigError),
    #[error("{variable} names {path}, which cannot be read: {cause}")]
    SecretFile { variable: String, path: String, cause: std::io::Error },
    #[error("{0}")]
    Unusable(String),
}

impl Settings {
    /// The defaults, then the operator's file, then `MINTMARK__SECTION__KEY` from the environment.
    ///
    /// # Errors
    /// If a source cannot be read or has a key that is not in the defaults, or if values contradict
    /// each other.
    pub fn load(
        file: Option<&Path>,
        mut environment: HashMap<String, String>,
    ) -> Result<Self, ConfigError> {
        read_secret_files(&mut environment)?;
        let mut sources = Config::builder().add_source(File::from_str(DEFAULTS, FileFormat::Toml));
        if let Some(file) = file {
            sources = sources.add_source(File::from(file).format(FileFormat::Toml));
        }
        let environment = Environment::with_prefix(PREFIX)
            .prefix_separator("__")
            .separator("__")
            .source(Some(environment));
        let sources = sources.add_source(environment).build().map_err(ConfigError::Unreadable)?;
        let settings: Self = sources.try_deserialize().map_err(ConfigError::Unreadable)?;
        settings.check()?;
        Ok(settings)
    }

    fn check(&self) -> Result<(), ConfigError> {
        let keys = &self.keys;
        // A replica may take poll_interval to learn of a key, and until then hands out a JWKS without it.
        let announce_at_least = keys.jwks_max_age + keys.leeway + keys.poll_interval;
        if keys.announce_for < announce_at_least {
            return unusable(format!(
                "keys.announce_for is {}, but keys.jwks_max_age + keys.leeway + \
                 keys.poll_interval is {}: a key would sign before those who cache the JWKS know \
                 it; set announce_for to {} or more",
                text(keys.announce_for),
                text(announce_at_least),
                text(announce_at_least),
            ));
        }
        if keys.rotate_every < keys.announce_for * 2 {
            return unusable(format!(
                "keys.rotate_every is {}, but a key is announced for {} before it signs; set \
                 rotate_every to {} or more",
                text(keys.rotate_every),
                text(keys.announce_for),
                text(keys.announce_for * 2),
            ));
        }
        if keys.poll_interval > keys.leeway || keys.poll_interval.is_zero() {
            return unusable(format!(
                "keys.poll_interval is {}, but has to be above zero and at most keys.leeway, {}",
                text(keys.poll_interval),
                text(keys.leeway),
            ));
        }
        if !keys.algorithms.contains(&self.tokens.access_token_alg) {
            return unusable(format!(
                "tokens.access_token_alg is {}, which is not in keys.algorithms",
                self.tokens.access_token_alg,
            ));
        }
        self.check_issuer()
    }

    fn check_issuer(&self) -> Result<(), ConfigError> {
        let Self { issuer, .. } = self;
        let fits = issuer.is_empty()
            || url::Url::parse(issuer).is_ok_and(|url| {
                matches!(url.scheme(), "http" | "https")
                    && url.query().is_none()
                    && url.fragment().is_none()
                    && url.username().is_empty()
                    && !issuer.ends_with('/')
            });
        if fits {
            return Ok(());
        }
        unusable(format!(
            "issuer is `{issuer}`, but has to be an http or https URL without query, fragment and \
             a slash at its end (RFC 8414 section 2)"
        ))
    }
}

fn unusable(message: String) -> Result<(), ConfigError> {
    Err(ConfigError::Unusable(message))
}

fn text(duration: Duration) -> humantime_serde::re::humantime::FormattedDuration {
    humantime_serde::re::humantime::format_duration(duration)
}

fn read_secret_files(environment: &mut HashMap<String, String>) -> Result<(), ConfigError> {
    for name in SECRETS {
        let variable = format!("{name}_FILE");
        if let Some(path) = environment.remove(&variable) {
            let secret = std::fs::read_to_string(&path).map_err(|cause| {
                ConfigError::SecretFile { variable: variable.clone(), path: path.clone(), cause }
            })?;
            if secret.trim().is_empty() {
                unusable(format!("{variable} names {path}, which is empty"))?;
            }
            environment.insert((*name).to_owned(), secret.trim().to_owned());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
