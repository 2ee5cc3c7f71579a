//! What goes wrong, told apart by whose doing it is.
use super::{Code, Detail};
use crate::{keys, model::ClientId, offload, store};
use std::borrow::Cow;

pub type Result<T, E = Error> = std::result::Result<T, E>;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The request's doing.
    #[error("{}: {}", .0.code.as_str(), .0.description)]
    Rejected(Rejection),
    /// Nobody's doing: the same request may succeed later.
    #[error("not available: {0}")]
    Unavailable(Box<dyn std::error::Error + Send + Sync>),
    /// Our doing. Logged in full, answered as `server_error`.
    #[error(transparent)]
    Internal(Box<dyn std::error::Error + Send + Sync>),
}

/// A refusal. The description is ours: nothing that a caller sent, and nothing that a database said,
/// can come back in it.
#[derive(Debug)]
pub struct Rejection {
    pub code: Code,
    pub description: Cow<'static, str>,
    pub detail: Option<Detail>,
    /// Overrides the status of the code.
    pub status: Option<u16>,
    /// Whose request it was, for the log.
    pub client_id: Option<ClientId>,
    /// The scope that was lacking (RFC 6750 §3).
    pub scope: Option<&'static str>,
    /// The methods that would have been allowed (RFC 9110 §10.2.1).
    pub allow: Option<&'static str>,
}

impl Error {
    /// Names the finer reason.
    #[must_use]
    pub fn with(mut self, detail: Detail) -> Self {
        if let Self::Rejected(rejection) = &mut self {
            rejection.detail = Some(detail);
        }
        self
    }

    /// Names the client, for the log.
    #[must_use]
    pub fn of_client(mut self, id: &ClientId) -> Self {
        if let Self::Rejected(rejection) = &mut self {
            rejection.client_id = Some(id.clone());
        }
        self
    }

    /// For an endpoint that says by another status what RFC 6749 says by 400.
    #[must_use]
    pub fn with_status(mut self, status: u16) -> Self {
        if let Self::Rejected(rejection) = &mut self {
            rejection.status = Some(status);
        }
        self
    }

    /// For `insufficient_scope`: names the scope that lacks.
    #[must_use]
    pub fn with_scope(mut self, scope: &'static str) -> Self {
        if let Self::Rejected(rejection) = &mut self {
            rejection.scope = Some(scope);
        }
        self
    }

    /// For `method_not_allowed`: names the methods that are.
    #[must_use]
    pub fn with_allow(mut self, methods: &'static str) -> Self {
        if let Self::Rejected(rejection) = &mut self {
            rejection.allow = Some(methods);
        }
        self
    }

    pub fn internal(cause: impl std::error::Error + Send + Sync + 'static) -> Self {
        Self::Internal(Box::new(cause))
    }
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::Unavailable(_) | store::Error::Contended | store::Error::TimedOut => {
                Self::Unavailable(Box::new(error))
            }
            store::Error::Failed(_) | store::Error::Migrate(_) | store::Error::Unusable(_) => {
                Self::internal(error)
            }
        }
    }
}

impl From<keys::Error> for Error {
    fn from(error: keys::Error) -> Self {
        if let keys::Error::Store(error) = error { error.into() } else { Self::internal(error) }
    }
}

impl From<offload::Busy> for Error {
    fn from(busy: offload::Busy) -> Self {
        Self::Unavailable(Box::new(busy))
    }
}

impl Code {
    /// An error of this code that says why, in words for a developer.
    pub fn because(self, description: impl Into<Cow<'static, str>>) -> Error {
        let description = description.into();
        Error::Rejected(Rejection {
            code: self,
            description,
            detail: None,
            status: None,
            client_id: None,
            scope: None,
            allow: None,
        })
    }
}
