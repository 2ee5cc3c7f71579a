//! Token revocation (RFC 7009). A refresh token takes its session with it.
use super::{Caller, Code::UnsupportedTokenType, Params, Result};
use crate::{
    app::App,
    jose::Unverified,
    model::{Client, EndReason},
    session::handle::{Handle, Kind},
    store::AuditEvent,
};
use std::sync::Arc;

/// Ends the session of the client's own refresh token. Any other text is no error, as it is no
/// valid token of this client before or after (RFC 7009 §2.2).
///
/// # Errors
/// `unsupported_token_type` for an access token.
pub async fn revoke(
    app: &Arc<App>,
    client: &Client,
    params: &Params,
    caller: &Caller,
) -> Result<()> {
    let (token, now) = (params.require("token")?, app.clock.now());
    let Some(handle) = Handle::open(token, Kind::RefreshToken, &app.keys.snapshot(), now) else {
        return if Unverified::parse(token).is_ok() {
            Err(UnsupportedTokenType.because("revoke the refresh token instead"))
        } else {
            Ok(())
        };
    };
    let (store, client_id) = (app.store.clone(), client.id.clone());
    let event = AuditEvent {
        request_id: caller.request_id.clone(),
        client_id: Some(client_id.clone()),
        session_id: Some(handle.session_id),
        ..AuditEvent::new("session.revoked", format!("client:{client_id}"))
    };
    let ended = async move {
        let mut conn = store.write().await?;
        let session = conn.session(handle.session_id).await?;
        let own = session.is_some_and(|session| session.client_id == client_id);
        if own && conn.end_session(handle.session_id, EndReason::Revoked, now).await? {
            conn.audit(&event, now).await?;
        }
        conn.commit().await
    };
    Ok(app.to_the_end(ended).await?)
}
