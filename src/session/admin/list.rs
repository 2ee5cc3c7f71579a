//! Listing sessions.
use super::{LONGEST_PAGE, Selection, SessionView, Sessions, USUAL_PAGE, view::Policies};
use crate::{
    model::{Page, SessionId, SessionState},
    store::{Liveness, Result},
};
use std::str::FromStr;

/// In which state sessions are wanted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Wanted {
    #[default]
    Live,
    Ended,
    All,
}

#[derive(Debug, thiserror::Error)]
#[error("a state is live, ended or all")]
pub struct UnknownState;

impl FromStr for Wanted {
    type Err = UnknownState;
    fn from_str(name: &str) -> Result<Self, UnknownState> {
        match name {
            "live" => Ok(Self::Live),
            "ended" => Ok(Self::Ended),
            "all" => Ok(Self::All),
            _ => Err(UnknownState),
        }
    }
}

impl Wanted {
    fn state(self) -> Option<SessionState> {
        match self {
            Self::Live => Some(SessionState::Live),
            Self::Ended => Some(SessionState::Ended),
            Self::All => None,
        }
    }
}

#[derive(Debug, Clone, Default)]
pub struct ListRequest {
    pub selection: Selection,
    pub wanted: Wanted,
    /// The last one of the page before.
    pub after: Option<SessionId>,
    pub limit: Option<i64>,
}

impl Sessions<'_> {
    /// Sessions, oldest first; none if there is no such user. A page may have fewer than its limit and
    /// still another behind it.
    pub async fn list(
        &self,
        request: &ListRequest,
    ) -> Result<Option<Page<SessionView, SessionId>>> {
        let mut conn = self.store.read().await?;
        let Some(filter) = request.selection.filter(&mut conn).await? else { return Ok(None) };
        let policies = Policies::read(*self, &mut conn, filter.client_id.as_ref()).await?;
        let wanted = request.wanted.state();
        // The database does not know the lifetimes of each client: it gives all that may be wanted.
        let (shortest, longest) = policies.idle_lifetimes();
        let liveness = wanted.map(|state| {
            let idle = if state == SessionState::Live { longest } else { shortest };
            Liveness { state, idle_since: self.now - idle, now: self.now }
        });
        let limit = request.limit.unwrap_or(USUAL_PAGE).clamp(1, LONGEST_PAGE);
        let rows = conn.sessions(&filter, liveness, request.after, limit).await?;
        let Page { items, next } = Page::new(rows, limit, |(session, _)| session.id);
        let items = items.into_iter().map(|(session, username)| {
            let policy = policies.of(&session.client_id);
            SessionView::new(session, username, &policy, self.now)
        });
        let items = items.filter(|item| wanted.is_none_or(|state| item.state == state)).collect();
        Ok(Some(Page { items, next }))
    }
}
