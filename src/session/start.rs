//! The start of a session.
use crate::{
    clock::Timestamp,
    model::EndReason,
    store::{Conn, NewSession, Result, SessionFilter},
};

/// Starts a session in the caller's transaction, which holds the user's row. A session of the same
/// user and client on the same device ends for it; beyond the limit, so do the oldest.
pub async fn start(conn: &mut Conn, new: &NewSession, limit: usize, now: Timestamp) -> Result<()> {
    let of_user = SessionFilter {
        user_id: Some(new.user_id),
        client_id: Some(new.client_id.clone()),
        device_id: None,
    };
    if let Some(device_id) = &new.device.id {
        let same_device = SessionFilter { device_id: Some(device_id.clone()), ..of_user.clone() };
        conn.end_sessions(&same_device, EndReason::Replaced, now).await?;
    }
    conn.insert_session(new, now).await?;
    let live = conn.live_sessions(&of_user).await?;
    for &oldest in live.iter().take(live.len().saturating_sub(limit)) {
        conn.end_session(oldest, EndReason::SessionLimit, now).await?;
    }
    Ok(())
}
