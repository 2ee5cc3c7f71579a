//! Sessions: one user's authorization of one client on one device.
use super::{ClientId, Scope, SessionId, StatusIndex, UserId};
use crate::clock::Timestamp;
use serde::Serialize;
use std::{fmt, str::FromStr};

/// A session and where its chain of refresh tokens stands.
#[derive(Debug, Clone, Serialize)]
pub struct Session {
    pub id: SessionId,
    pub user_id: UserId,
    pub client_id: ClientId,
    #[serde(flatten)]
    pub device: Device,
    /// A name under which sessions of one user can be ended together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    pub scope: Scope,
    /// How often the chain has moved.
    pub generation: i64,
    /// When the user proved who they are.
    pub auth_time: Timestamp,
    pub created_at: Timestamp,
    /// When the chain last moved.
    pub last_used_at: Timestamp,
    /// The end of the absolute lifetime, whatever the use.
    pub expires_at: Timestamp,
    /// Its place in the status lists, if its client had one at the login.
    #[serde(skip)]
    pub status_index: Option<StatusIndex>,
    #[serde(flatten)]
    pub ended: Option<Ended>,
}

/// Where a session lives.
#[derive(Debug, Clone, Default, Serialize)]
pub struct Device {
    /// Chosen by the client; at most one live session per user, client and identifier.
    #[serde(rename = "device_id", skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    #[serde(rename = "device_name", skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
}

/// When and why a session ended.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Ended {
    #[serde(rename = "ended_at")]
    pub at: Timestamp,
    #[serde(rename = "end_reason")]
    pub reason: EndReason,
}

/// Whether a session goes on. One whose lifetime is over has ended, also before it is marked as such.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SessionState {
    Live,
    Ended,
}

impl SessionState {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Ended => "ended",
        }
    }
}

macro_rules! end_reasons {
    ($($(#[$doc:meta])* $variant:ident = $name:literal;)*) => {
        /// Why a session ended.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum EndReason { $($(#[$doc])* $variant),* }

        impl EndReason {
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }
        }
    };
}

end_reasons! {
    /// Its client revoked the refresh token (RFC 7009).
    Revoked = "revoked";
    /// An administrator ended it.
    EndedByAdministrator = "ended_by_administrator";
    /// A refresh token came back after its successor had been used.
    ReuseDetected = "reuse_detected";
    /// The same user logged in again on the same device.
    Replaced = "replaced";
    /// The user had more sessions with this client than allowed; the oldest ends.
    SessionLimit = "session_limit";
    /// A key that had signed its tokens was compromised.
    KeyCompromised = "key_compromised";
    /// Its absolute lifetime was over.
    Expired = "expired";
    /// It was not used for longer than its idle lifetime.
    Idle = "idle";
    PasswordChanged = "password_changed";
    UserDisabled = "user_disabled";
    ClientDeleted = "client_deleted";
}

#[derive(Debug, thiserror::Error)]
#[error("no such reason for the end of a session")]
pub struct UnknownEndReason;

impl FromStr for EndReason {
    type Err = UnknownEndReason;
    fn from_str(name: &str) -> Result<Self, UnknownEndReason> {
        Self::ALL.iter().copied().find(|reason| reason.as_str() == name).ok_or(UnknownEndReason)
    }
}

impl fmt::Display for EndReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Serialize for EndReason {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}
