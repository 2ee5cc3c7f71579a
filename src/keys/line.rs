//! The lines of keys.
use crate::{
    config::{KeySettings, SessionSettings, Settings, TokenSettings},
    model::Algorithm,
};
use std::{fmt, str::FromStr, time::Duration};

/// Keys that succeed each other, numbered 1, 2, 3 …
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Line {
    Signing(Algorithm),
    /// The keys of the MACs in handles.
    Handle,
}

impl Line {
    /// Every line there can be, in the order in which all replicas change them.
    pub fn all() -> impl Iterator<Item = Self> {
        Algorithm::ALL.iter().copied().map(Self::Signing).chain([Self::Handle])
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Signing(alg) => alg.as_str(),
            Self::Handle => "handle",
        }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Line {
    type Err = <Algorithm as FromStr>::Err;
    fn from_str(name: &str) -> Result<Self, Self::Err> {
        if name == "handle" { Ok(Self::Handle) } else { name.parse().map(Self::Signing) }
    }
}

/// The settings that keys depend on, and the lifetimes of what each line signs.
#[derive(Debug, Clone)]
pub struct Policy {
    pub keys: KeySettings,
    tokens: TokenSettings,
    sessions: SessionSettings,
}

impl Policy {
    pub fn new(settings: &Settings) -> Self {
        Self {
            keys: settings.keys.clone(),
            tokens: settings.tokens.clone(),
            sessions: settings.sessions.clone(),
        }
    }

    /// Whether the line is to go on.
    pub fn is_on(&self, line: Line) -> bool {
        match line {
            Line::Signing(alg) => self.keys.algorithms.contains(&alg),
            Line::Handle => true,
        }
    }

    /// For clients that name no algorithm of their own.
    pub fn default_alg(&self) -> Algorithm {
        self.tokens.access_token_alg
    }

    /// How long what the line signs can be of use.
    pub fn longest_token(&self, line: Line) -> Duration {
        match line {
            Line::Signing(_) => self.tokens.access_token_lifetime,
            Line::Handle => self.sessions.absolute_lifetime,
        }
    }
}
