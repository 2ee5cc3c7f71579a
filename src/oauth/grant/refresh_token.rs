//! The refresh token grant (RFC 6749 §6) with rotation and reuse detection (RFC 9700 §4.14.2).
use super::{Exchange, Grant, UserGrant, audience, narrow};
use crate::{
    app::App,
    model::Scope,
    oauth::{Code::InvalidGrant, Detail, Error, Params, Result},
    session::{
        Live, Policy, Use,
        chain::Refusal,
        handle::{Handle, Kind},
    },
    store,
};
use std::sync::Arc;
use tokio::time::timeout;

pub async fn redeem(exchange: Exchange<'_>) -> Result<Grant> {
    let Exchange { app, client, params, caller, now } = exchange;
    let missing = |error: Error| error.with(Detail::MissingRefreshToken);
    let presented = params.require("refresh_token").map_err(missing)?;
    let handle = Handle::open(presented, Kind::RefreshToken, &app.keys.snapshot(), now)
        .ok_or_else(|| refused(Refusal::NotYours))?;
    // What can be refused without spending the token is refused before it is spent.
    let audience =
        audience(params, client).map_err(|error| error.with(Detail::ResourceNotRegistered))?;
    check_scope(&exchange, handle).await?;

    let used = Use {
        handle,
        client_id: client.id.clone(),
        policy: Policy::of(client, &app.settings.sessions),
        device_id: params.get("device_id").map(str::to_owned),
        user_agent: caller.user_agent.clone(),
        address: caller.address.clone(),
        request_id: caller.request_id.clone(),
        now,
    };
    let live = refresh(app, used).await?;
    Ok(Grant {
        scope: narrowed(params, &live.scope)?,
        audience,
        user: Some(UserGrant {
            user_id: live.user_id,
            claims: live.claims,
            auth_time: live.auth_time,
            session_id: live.id,
            generation: live.generation,
            moved_at: live.moved_at,
            status_index: live.status_index,
        }),
    })
}

/// A group may fail after a long wait, and what is then tried alone takes no second one.
async fn refresh(app: &Arc<App>, used: Use) -> Result<Live> {
    let longest = app.settings.database.longest_wait();
    timeout(longest, settle(app, used)).await.map_err(|_| store::Error::TimedOut)?
}

/// With others if it can, which is done or not whether the caller waits or not.
async fn settle(app: &Arc<App>, used: Use) -> Result<Live> {
    let session_id = used.handle.session_id;
    if let Some(live) = used.together(&app.rotations).await? {
        app.recent.session_changed(session_id);
        return Ok(live);
    }
    let settling = Arc::clone(app);
    let alone = async move {
        let live = used.alone(&settling.store).await;
        settling.recent.session_changed(session_id);
        live
    };
    app.to_the_end(alone).await?.map_err(refused)
}

/// A scope that the session does not have is refused while the token is still good: a session's scope
/// never changes. Most requests name none and cost no query here.
async fn check_scope(exchange: &Exchange<'_>, handle: Handle) -> Result<()> {
    let Exchange { app, client, params, .. } = *exchange;
    if params.get("scope").is_none() {
        return Ok(());
    }
    let store = app.store.clone();
    let read = async move { store.read().await?.session(handle.session_id).await };
    match app.to_the_end(read).await? {
        Some(session) if session.client_id == client.id => {
            narrowed(params, &session.scope).map(drop)
        }
        _ => Ok(()),
    }
}

fn narrowed(params: &Params, most: &Scope) -> Result<Scope> {
    narrow(params, most).map_err(|error| error.with(Detail::ScopeNotGranted))
}

/// Only the holder of a token with the right MAC and of the right client is told why.
fn refused(refusal: Refusal) -> Error {
    match refusal {
        Refusal::NotYours => InvalidGrant
            .because("this is no refresh token of this client")
            .with(Detail::InvalidRefreshToken),
        Refusal::Ended(reason) => {
            InvalidGrant.because(format!("ended: {reason}")).with(Detail::SessionEnded)
        }
        Refusal::Expired => InvalidGrant
            .because("expired: the session has reached its absolute lifetime")
            .with(Detail::ExpiredRefreshToken),
        Refusal::Idle => InvalidGrant
            .because("expired: the session was not used for longer than its idle lifetime")
            .with(Detail::ExpiredRefreshToken),
        Refusal::DeviceMismatch => InvalidGrant
            .because("device_id is not that of the session")
            .with(Detail::DeviceMismatch),
        Refusal::UserDisabled => {
            InvalidGrant.because("the user is disabled").with(Detail::UserDisabled)
        }
        Refusal::Reused => InvalidGrant
            .because("the token was used before; its session has ended: reuse_detected")
            .with(Detail::ObsoleteRefreshToken),
    }
}
