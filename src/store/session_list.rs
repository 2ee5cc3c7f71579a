//! Sessions in order of creation, a page at a time, for those who administer them.
use super::{Conn, Result, SessionFilter, sessions::Row, sql};
use crate::{
    clock::Timestamp,
    model::{Session, SessionId, SessionState, Username},
};

/// In which state sessions are wanted, and what tells.
#[derive(Debug, Clone, Copy)]
pub struct Liveness {
    pub state: SessionState,
    /// A session that was not used since has reached its idle lifetime.
    pub idle_since: Timestamp,
    pub now: Timestamp,
}

#[derive(sqlx::FromRow)]
struct Listed {
    #[sqlx(flatten)]
    session: Row,
    username: Option<Username>,
}

impl Conn {
    /// The sessions after the given one, with the names of their users. Live ones of one user are found by
    /// an index; all others by going through the table.
    pub async fn sessions(
        &mut self,
        filter: &SessionFilter,
        wanted: Option<Liveness>,
        after: Option<SessionId>,
        limit: i64,
    ) -> Result<Vec<(Session, Option<Username>)>> {
        let only_live = wanted.is_some_and(|wanted| wanted.state == SessionState::Live);
        let rows: Vec<Listed> = if only_live && filter.user_id.is_some() {
            sql!(self, fetch_all:
                "SELECT s.id, s.user_id, s.client_id, s.device_id, s.device_name, s.session_group,
                        s.scope, s.auth_time, s.created_at, s.expires_at, s.generation,
                        s.last_used_at, s.user_agent, s.address, s.ended_at, s.end_reason,
                        s.status_index, u.username
                 FROM user_sessions l JOIN sessions s ON s.id = l.session_id
                      LEFT JOIN users u ON u.id = l.user_id
                 WHERE l.user_id = $1 AND ($2 IS NULL OR l.client_id = $2)
                   AND ($3 IS NULL OR l.device_id = $3) AND ($4 IS NULL OR s.session_group = $4)
                   AND ($5 IS NULL OR l.session_id > $5)
                 ORDER BY l.session_id LIMIT $6",
                filter.user_id, &filter.client_id, &filter.device_id, &filter.group, after, limit)?
        } else {
            let state = wanted.map(|wanted| wanted.state.as_str());
            let (now, idle) = (wanted.map(|it| it.now), wanted.map(|it| it.idle_since));
            sql!(self, fetch_all:
                "SELECT s.id, s.user_id, s.client_id, s.device_id, s.device_name, s.session_group,
                        s.scope, s.auth_time, s.created_at, s.expires_at, s.generation,
                        s.last_used_at, s.user_agent, s.address, s.ended_at, s.end_reason,
                        s.status_index, u.username
                 FROM sessions s LEFT JOIN users u ON u.id = s.user_id
                 WHERE ($1 IS NULL OR s.user_id = $1) AND ($2 IS NULL OR s.client_id = $2)
                   AND ($3 IS NULL OR s.device_id = $3) AND ($4 IS NULL OR s.session_group = $4)
                   AND ($5 IS NULL OR s.id > $5)
                   AND ($7 IS NULL OR $7 = CASE WHEN s.ended_at IS NULL AND s.expires_at > $8
                                                     AND s.last_used_at > $9
                                                THEN 'live' ELSE 'ended' END)
                 ORDER BY s.id LIMIT $6",
                filter.user_id, &filter.client_id, &filter.device_id, &filter.group, after, limit,
                state, now, idle)?
        };
        Ok(rows.into_iter().map(|row| (row.session.into(), row.username)).collect())
    }
}
