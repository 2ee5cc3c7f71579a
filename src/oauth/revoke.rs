//! Token revocation (RFC 7009). A refresh token takes its session with it; an access token goes alone,
//! unless its client has it otherwise.
use super::{Caller, Params, Result, access_token::AccessToken};
use crate::{
    app::App,
    clock::Timestamp,
    model::{Client, EndReason, SessionId},
    session::{
        TokenRef,
        handle::{Handle, Kind},
    },
    store::{self, AuditEvent, Conn},
};
use std::sync::Arc;

/// What is to be undone.
enum Target {
    Session(SessionId),
    Token { token: TokenRef, expires_at: Timestamp },
}

/// Revokes the client's own token. Any other text is no error, as it is no valid token of this client
/// before or after (RFC 7009 §2.2).
///
/// # Errors
/// If the database does not take it.
pub async fn revoke(
    app: &Arc<App>,
    client: &Client,
    params: &Params,
    caller: &Caller,
) -> Result<()> {
    let (token, now) = (params.require("token")?, app.clock.now());
    // What a token is shows by itself, so `token_type_hint` is not needed (RFC 7009 §2.1).
    let handle = Handle::open(token, Kind::RefreshToken, &app.keys.snapshot(), now);
    let target = match handle {
        Some(handle) => Target::Session(handle.session_id),
        None => match of_access_token(app, client, token).await? {
            Some(target) => target,
            None => return Ok(()),
        },
    };
    let event = AuditEvent {
        request_id: caller.request_id.clone(),
        client_id: Some(client.id.clone()),
        ..AuditEvent::new("session.revoked", format!("client:{}", client.id))
    };
    let app = Arc::clone(app);
    let on = Arc::clone(&app);
    let revoked = async move {
        match target {
            Target::Session(id) => end_session(&on, id, event, now).await,
            Target::Token { token, expires_at } => deny(&on, &token, expires_at, event, now).await,
        }
    };
    Ok(app.to_the_end(revoked).await?)
}

async fn of_access_token(app: &Arc<App>, client: &Client, text: &str) -> Result<Option<Target>> {
    let token = AccessToken::verify(app, text).await?;
    let Some(token) = token.filter(|token| token.client_id == client.id) else { return Ok(None) };
    Ok(Some(match token.sid {
        Some(session_id) if client.metadata.revoke_ends_session => Target::Session(session_id),
        _ => Target::Token {
            token: token.reference(),
            expires_at: Timestamp(token.exp.saturating_mul(1000)),
        },
    }))
}

/// Ends a session of the client that the event names.
async fn end_session(
    app: &App,
    id: SessionId,
    event: AuditEvent,
    now: Timestamp,
) -> store::Result<()> {
    let mut conn = app.store.write().await?;
    let session = conn.session(id).await?;
    let own = session.is_some_and(|session| Some(session.client_id) == event.client_id);
    if own && conn.end_session(id, EndReason::Revoked, now).await? {
        conn.audit(&AuditEvent { session_id: Some(id), ..event }, now).await?;
    }
    conn.commit().await?;
    app.recent.session_changed(id);
    Ok(())
}

async fn deny(
    app: &App,
    token: &TokenRef,
    expires_at: Timestamp,
    event: AuditEvent,
    now: Timestamp,
) -> store::Result<()> {
    let TokenRef { session_id, jti: Some(jti) } = token else { return Ok(()) };
    let mut conn: Conn = app.store.write().await?;
    if conn.deny_token(jti, expires_at).await? {
        let (action, session_id) = ("token.revoked", *session_id);
        let detail = serde_json::json!({ "jti": jti });
        conn.audit(&AuditEvent { action, session_id, detail, ..event }, now).await?;
    }
    conn.commit().await?;
    app.recent.changed(token);
    Ok(())
}
