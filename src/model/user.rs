//! People.
use super::UserId;
use crate::clock::Timestamp;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// A person who can log in.
#[derive(Debug, Clone)]
pub struct User {
    pub id: UserId,
    pub username: Username,
    /// An Argon2id PHC string.
    pub password_hash: SecretString,
    pub claims: UserClaims,
    pub created_at: Timestamp,
    pub disabled_at: Option<Timestamp>,
}

/// What tokens say of a user. Read at the moment of issue, so a refresh picks up changed rights.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserClaims {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub permissions: Vec<String>,
}

/// What a person types to log in: in lower case, so that capitals do not make two of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Username(String);

#[derive(Debug, thiserror::Error)]
#[error("a user name has 1 to 255 characters, none of them a control character")]
pub struct InvalidUsername;

impl FromStr for Username {
    type Err = InvalidUsername;
    fn from_str(text: &str) -> Result<Self, InvalidUsername> {
        let name = text.trim().to_lowercase();
        if (1..=255).contains(&name.chars().count()) && !name.chars().any(char::is_control) {
            Ok(Self(name))
        } else {
            Err(InvalidUsername)
        }
    }
}

impl fmt::Display for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capitals_and_blanks_make_no_second_user() {
        assert_eq!(" Alice ".parse::<Username>().unwrap(), "alice".parse().unwrap());
        for bad in ["", "  ", "a\nb", &"x".repeat(256)] {
            assert!(bad.parse::<Username>().is_err(), "{bad:?}");
        }
    }
}
