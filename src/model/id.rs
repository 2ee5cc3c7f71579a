//! A type of its own for each thing that an identifier can name.
use crate::{clock::Timestamp, secret::random};
use std::{fmt, str::FromStr};
use uuid::Uuid;

macro_rules! uuid_id {
    ($($(#[$doc:meta])* $name:ident;)*) => { $(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A UUID of version 7 (RFC 9562 §5.7): in order of creation, so that what belongs
            /// together lies together, with the time from our own clock.
            pub fn new(now: Timestamp) -> Self {
                let millis = u64::try_from(now.0).unwrap_or(0);
                Self(uuid::Builder::from_unix_timestamp_millis(millis, &random::<10>()).into_uuid())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result { self.0.fmt(f) }
        }

        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(text: &str) -> Result<Self, uuid::Error> { text.parse().map(Self) }
        }
    )* };
}

uuid_id! {
    /// A person who can log in; the `sub` of their tokens.
    UserId;
    /// One user's authorization of one client on one device; the `sid` of its tokens.
    SessionId;
}

/// The `client_id` of RFC 6749 §2.2: opaque, compared byte for byte.
#[derive(Debug, Clone, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ClientId(String);

#[derive(Debug, thiserror::Error)]
#[error("a client_id has 1 to 255 visible ASCII characters")]
pub struct InvalidId;

impl ClientId {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ClientId {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
        if visible && (1..=255).contains(&text.len()) {
            Ok(Self(text.to_owned()))
        } else {
            Err(InvalidId)
        }
    }
}

impl TryFrom<String> for ClientId {
    type Error = InvalidId;
    fn try_from(text: String) -> Result<Self, InvalidId> {
        text.parse()
    }
}

impl From<ClientId> for String {
    fn from(id: ClientId) -> Self {
        id.0
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_come_in_order_of_creation() {
        assert!(SessionId::new(Timestamp(1_000)) < SessionId::new(Timestamp(1_001)));
        assert_eq!(SessionId::new(Timestamp(1_000)).0.get_version_num(), 7);
    }

    #[test]
    fn a_client_id_is_visible_ascii() {
        for good in ["web", "https://app.example/client.json", "a:b%c+d&e"] {
            assert!(good.parse::<ClientId>().is_ok(), "{good}");
        }
        for bad in ["", "a b", "tab\t", "zero\u{200b}width", &"x".repeat(256)] {
            assert!(bad.parse::<ClientId>().is_err(), "{bad:?}");
        }
    }
}
