//! Which sessions are meant, as people say it.
use crate::{
    model::{ClientId, UserId},
    store::{Conn, Result, SessionFilter},
};

/// What is absent does not restrict.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Selection {
    /// A name or an id.
    pub user: Option<String>,
    pub client: Option<ClientId>,
    pub device_id: Option<String>,
    pub group: Option<String>,
}

/// Why sessions are not ended: nobody logs everybody out by a slip.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TooWide {
    #[error("user or client is missing")]
    Everybody,
    #[error("user is missing: a group is that of one user")]
    GroupOfEverybody,
}

impl Selection {
    /// # Errors
    /// If it means sessions of all users with all clients, or groups of several users that only happen to
    /// have one name.
    pub fn check_narrow(&self) -> Result<(), TooWide> {
        match (&self.user, &self.client, &self.group) {
            (Some(_), _, _) | (None, Some(_), None) => Ok(()),
            (None, _, Some(_)) => Err(TooWide::GroupOfEverybody),
            (None, None, None) => Err(TooWide::Everybody),
        }
    }

    /// None if there is no such user.
    pub(super) async fn filter(&self, conn: &mut Conn) -> Result<Option<SessionFilter>> {
        let user_id = match &self.user {
            None => None,
            Some(user) => match named(conn, user).await? {
                None => return Ok(None),
                known => known,
            },
        };
        Ok(Some(SessionFilter {
            user_id,
            client_id: self.client.clone(),
            device_id: self.device_id.clone(),
            group: self.group.clone(),
        }))
    }
}

/// The id that a text is, or that of the user of that name.
pub(super) async fn named(conn: &mut Conn, user: &str) -> Result<Option<UserId>> {
    match (user.parse(), user.parse()) {
        (Ok(id), _) => Ok(Some(id)),
        (Err(_), Ok(username)) => conn.user_id(&username).await,
        (Err(_), Err(_)) => Ok(None),
    }
}
