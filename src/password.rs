//! Passwords: Argon2id (RFC 9106), off the async threads and a bounded number at a time.
use crate::{
    config::PasswordSettings,
    offload::{Busy, Offload},
};
use argon2::{
    Argon2, Params,
    password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash},
};
use secrecy::{ExposeSecret, SecretString};

/// OWASP's first choice: 19 MiB, two passes, one lane.
const MEMORY_KIB: u32 = 19 * 1024;
const PASSES: u32 = 2;
const LANES: u32 = 1;

/// Longer ones are no passwords, but work for the hash.
const LONGEST: usize = 1024;
const SHORTEST: usize = 8;

/// The hash of a password that nobody has, with the parameters above: what a user who does not exist
/// is checked against, so that it takes the same time.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$H6lHt1tCJX2a3ZilrycBWQ$zzDxsSGiefrOkWXVtkUaW5uT+giyRXbGX4HSXKByGjk";

#[derive(Debug)]
pub struct Passwords {
    offload: Offload,
}

#[derive(Debug, thiserror::Error)]
#[error("a password has {SHORTEST} to {LONGEST} bytes")]
pub struct UnusablePassword;

impl Passwords {
    pub fn new(settings: &PasswordSettings) -> Self {
        Self { offload: Offload::new(settings.concurrency, settings.queue) }
    }

    /// Whether the password is the one of that hash; of no hash it never is, and takes as long.
    ///
    /// # Errors
    /// [`Busy`] if too many wait already.
    pub async fn verify(
        &self,
        password: SecretString,
        hash: Option<SecretString>,
    ) -> Result<bool, Busy> {
        let known = hash.is_some();
        let hash = hash.unwrap_or_else(|| NOBODY.into());
        let matches = move || {
            let password = password.expose_secret();
            let hash = PasswordHash::new(hash.expose_secret());
            password.len() <= LONGEST
                && hash
                    .is_ok_and(|hash| argon2().verify_password(password.as_bytes(), &hash).is_ok())
        };
        Ok(self.offload.run(matches).await? && known)
    }
}

/// The hash of a new password, as a PHC string. Takes some tens of milliseconds of CPU.
pub fn hash(password: &SecretString) -> Result<SecretString, UnusablePassword> {
    let password = password.expose_secret();
    if (SHORTEST..=LONGEST).contains(&password.len()) {
        hash_now(password).ok_or(UnusablePassword)
    } else {
        Err(UnusablePassword)
    }
}

fn hash_now(password: &str) -> Option<SecretString> {
    let hash = argon2().hash_password(password.as_bytes()).ok()?;
    Some(hash.to_string().into())
}

fn argon2() -> Argon2<'static> {
    let params = Params::new(MEMORY_KIB, PASSES, LANES, None).expect("the parameters are valid");
    Argon2::new(argon2::Algorithm::Argon2id, argon2::Version::V0x13, params)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Otherwise a user who does not exist could be told by the time.
    #[test]
    fn nobody_costs_as_much_as_somebody() {
        let parameters = |hash: &str| hash.rsplitn(3, '$').last().unwrap().to_owned();
        let somebody = hash(&"correct horse".into()).unwrap();
        assert_eq!(parameters(NOBODY), parameters(somebody.expose_secret()));
        assert!(PasswordHash::new(NOBODY).is_ok());
    }

    #[tokio::test]
    async fn only_the_right_password_of_a_known_user_passes() {
        let passwords = Passwords::new(&PasswordSettings { concurrency: 1, queue: 8 });
        let stored = hash(&"correct horse".into()).unwrap();
        assert!(stored.expose_secret().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        let verify = |password: &str, hash| passwords.verify(password.into(), hash);
        assert!(verify("correct horse", Some(stored.clone())).await.unwrap());
        assert!(!verify("wrong horse", Some(stored)).await.unwrap());
        assert!(!verify("the password of nobody", None).await.unwrap());
        assert!(hash(&"short".into()).is_err() && hash(&"x".repeat(1025).into()).is_err());
    }
}
