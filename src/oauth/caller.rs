//! Where a request comes from.

/// What the transport knows of a request. None of it is proof of anything.
#[derive(Debug, Clone, Default)]
pub struct Caller {
    pub user_agent: Option<String>,
    pub address: Option<String>,
    pub request_id: Option<String>,
    /// The `Authorization` header; in a type that does not print.
    pub authorization: Option<crate::secret::Secret>,
}

impl Caller {
    /// The scheme, in lower case, and what follows it (RFC 9110 §11.4).
    pub fn authorization(&self) -> Option<(String, &str)> {
        let (scheme, credentials) = self.authorization.as_ref()?.reveal().split_once(' ')?;
        Some((scheme.to_ascii_lowercase(), credentials.trim()))
    }
}
