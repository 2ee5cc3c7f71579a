//! A login with user name and password, by an organisation's own app: it starts a session.
use super::{
    Caller,
    Code::{InvalidGrant, InvalidRequest},
    Detail, Error, Grant, GrantType, Params, Result,
    grant::{UserGrant, audience, narrow},
};
use crate::{
    app::App,
    model::{Client, Device, SessionId, StatusIndex, UserClaims, UserId, Username},
    session::{self, Policy},
    store::{AuditEvent, NewSession, StatusSlot},
};
use secrecy::SecretString;
use std::sync::Arc;

/// A user name and a password, as they were sent.
pub struct Login {
    pub username: String,
    pub password: SecretString,
}

/// Longer than any name of a device.
const LONGEST_NAME: usize = 255;

/// Checks the password and starts a session on the device that the parameters name.
///
/// # Errors
/// `invalid_credentials`, the same and in the same time for an unknown user, a wrong password and a
/// disabled user.
pub async fn login(
    app: &Arc<App>,
    client: &Client,
    login: Login,
    params: &Params,
    caller: &Caller,
) -> Result<Grant> {
    // A session is a chain of refresh tokens, so who may not use one cannot have a session.
    GrantType::RefreshToken.check_registered(client)?;
    let (scope, audience) = (narrow(params, &client.metadata.scope)?, audience(params, client)?);
    let device = device(params, caller)?;
    let group = short(params, "group")?;
    let user_id = check_password(app, login).await?;

    let now = app.clock.now();
    let policy = Policy::of(client, &app.settings.sessions);
    let new = NewSession {
        id: SessionId::new(now),
        user_id,
        client_id: client.id.clone(),
        device,
        group,
        scope: scope.clone(),
        auth_time: now,
        expires_at: now + policy.absolute_lifetime,
        status_index: None,
    };
    let slot = client.metadata.status_list.then(|| app.statuses.take());
    let session_id = new.id;
    let (starting, request_id) = (Arc::clone(app), caller.request_id.clone());
    let started = app
        .to_the_end(async move { start(&starting, new, slot, policy.limit, request_id).await })
        .await?;
    let Started { claims, status_index } = started.ok_or_else(refused)?;
    let (auth_time, moved_at, generation) = (now, now, 0);
    let user =
        UserGrant { user_id, claims, auth_time, session_id, generation, moved_at, status_index };
    Ok(Grant { scope, audience, user: Some(user) })
}

fn refused() -> Error {
    InvalidGrant
        .because("the user name or the password is wrong")
        .with(Detail::InvalidCredentials)
        .with_status(401)
}

async fn check_password(app: &Arc<App>, login: Login) -> Result<UserId> {
    let store = app.store.clone();
    let known = match login.username.parse::<Username>() {
        Ok(username) => {
            app.to_the_end(async move { store.read().await?.login(&username).await }).await?
        }
        Err(_) => None,
    };
    let user = known.filter(|user| !user.disabled);
    let hash = user.as_ref().map(|user| user.password_hash.clone());
    let right = app.passwords.verify(login.password, hash).await?;
    match user {
        Some(user) if right => Ok(user.id),
        _ => Err(refused()),
    }
}

/// What a login finds out as it starts the session.
struct Started {
    claims: UserClaims,
    status_index: Option<StatusIndex>,
}

/// None if the user was disabled since the password was checked.
async fn start(
    app: &App,
    mut new: NewSession,
    slot: Option<StatusSlot>,
    limit: usize,
    request_id: Option<String>,
) -> Result<Option<Started>, crate::store::Error> {
    let now = new.auth_time;
    let mut conn = app.store.write().await?;
    let Some(claims) = conn.begin_login(new.user_id, now).await? else { return Ok(None) };
    if let Some(slot) = slot {
        new.status_index = Some(conn.status_index(slot).await?);
    }
    let ended = session::start(&mut conn, &new, limit, now).await?;
    let event = AuditEvent {
        request_id,
        client_id: Some(new.client_id),
        user_id: Some(new.user_id),
        session_id: Some(new.id),
        ..AuditEvent::new("session.started", format!("user:{}", new.user_id))
    };
    conn.audit(&event, now).await?;
    conn.commit().await?;
    for id in ended {
        app.recent.session_changed(id);
    }
    Ok(Some(Started { claims, status_index: new.status_index }))
}

fn device(params: &Params, caller: &Caller) -> Result<Device> {
    Ok(Device {
        id: short(params, "device_id")?,
        name: short(params, "device_name")?,
        user_agent: caller.user_agent.clone(),
        address: caller.address.clone(),
    })
}

fn short(params: &Params, name: &'static str) -> Result<Option<String>> {
    match params.get(name) {
        Some(text) if text.len() > LONGEST_NAME || text.chars().any(char::is_control) => {
            Err(InvalidRequest.because(format!(
                "{name} has at most {LONGEST_NAME} bytes and no control characters"
            )))
        }
        text => Ok(text.map(str::to_owned)),
    }
}
