//! The start of a session.
use crate::{
    clock::Timestamp,
    model::{EndReason, SessionId},
    store::{Conn, NewSession, Result, SessionFilter},
};

/// Starts a session in the caller's transaction, which holds the user's row. A session of the same
/// user and client on the same device ends for it; beyond the limit, so do the oldest. Says which ended.
pub async fn start(
    conn: &mut Conn,
    new: &NewSession,
    limit: usize,
    now: Timestamp,
) -> Result<Vec<SessionId>> {
    let mut ended = Vec::new();
    let of_user = SessionFilter {
        user_id: Some(new.user_id),
        client_id: Some(new.client_id.clone()),
        ..SessionFilter::default()
    };
    if let Some(device_id) = &new.device.id {
        let same_device = SessionFilter { device_id: Some(device_id.clone()), ..of_user.clone() };
        let replaced = conn.end_sessions(&same_device, EndReason::Replaced, now).await?;
        ended.extend(replaced.into_iter().map(|session| session.id));
    }
    conn.insert_session(new, now).await?;
    let live = conn.live_sessions(&of_user, None, i64::MAX).await?;
    for &oldest in live.iter().take(live.len().saturating_sub(limit)) {
        conn.end_session(oldest, EndReason::SessionLimit, now).await?;
        ended.push(oldest);
    }
    Ok(ended)
}
