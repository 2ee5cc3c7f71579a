//! `GET /admin/v1/sessions`, `DELETE /admin/v1/sessions` and `DELETE /admin/v1/sessions/{id}`.
use super::{
    super::extract::{Admin, SessionsRead, SessionsRevoke},
    keys::no_store,
};
use crate::{
    app::App,
    model::{EndReason, SessionId},
    oauth::{
        Code::{InvalidRequest, NotFound},
        Params, Result,
    },
    store::{AuditEvent, Conn, SessionFilter},
};
use actix_web::{HttpRequest, HttpResponse, web::Path};
use std::{future::Future, sync::Arc};

const DEFAULT_LIMIT: i64 = 50;
const MOST: i64 = 500;

pub async fn list(admin: Admin<SessionsRead>, request: HttpRequest) -> Result<HttpResponse> {
    let params = Params::from_form(request.query_string().as_bytes())?;
    let limit = parsed(&params, "limit")?.unwrap_or(DEFAULT_LIMIT).clamp(1, MOST);
    let after: Option<SessionId> = parsed(&params, "after")?;
    let app = Arc::clone(&admin.app);
    let read = async move {
        let mut conn = app.store.read().await?;
        match filter(&mut conn, &params).await? {
            Some(filter) => Ok(conn.sessions(&filter, after, limit).await?),
            None => Ok(Vec::new()),
        }
    };
    let items = in_the_background(&admin.app, read).await?;
    let full = i64::try_from(items.len()).is_ok_and(|count| count == limit);
    let next = items.last().filter(|_| full).map(|session| session.id);
    Ok(no_store(&serde_json::json!({ "items": items, "next": next })))
}

/// Ends all sessions that the query means; a query that means every session is refused.
pub async fn end_many(admin: Admin<SessionsRevoke>, request: HttpRequest) -> Result<HttpResponse> {
    let params = Params::from_form(request.query_string().as_bytes())?;
    if params.get("user").or(params.get("client")).is_none() {
        return Err(InvalidRequest.because("user or client is missing"));
    }
    let (app, event) = (Arc::clone(&admin.app), admin.event("session.ended"));
    let end = async move {
        let (mut conn, now) = (app.store.write().await?, app.clock.now());
        let Some(filter) = filter(&mut conn, &params).await? else { return Ok(0) };
        let ended = conn.end_sessions(&filter, EndReason::EndedByAdministrator, now).await?;
        for &session_id in &ended {
            conn.audit(&AuditEvent { session_id: Some(session_id), ..event.clone() }, now).await?;
        }
        conn.commit().await?;
        for &id in &ended {
            app.recent.session_changed(id);
        }
        Ok(ended.len())
    };
    let ended = in_the_background(&admin.app, end).await?;
    Ok(no_store(&serde_json::json!({ "ended": ended })))
}

pub async fn end(admin: Admin<SessionsRevoke>, id: Path<String>) -> Result<HttpResponse> {
    let unknown = || NotFound.because("there is no such live session");
    let id: SessionId = id.parse().map_err(|_| unknown())?;
    let (app, event) = (Arc::clone(&admin.app), admin.event("session.ended"));
    let end = async move {
        let (mut conn, now) = (app.store.write().await?, app.clock.now());
        let ended = conn.end_session(id, EndReason::EndedByAdministrator, now).await?;
        if ended {
            conn.audit(&AuditEvent { session_id: Some(id), ..event }, now).await?;
        }
        conn.commit().await?;
        app.recent.session_changed(id);
        Ok(ended)
    };
    if in_the_background(&admin.app, end).await? {
        Ok(HttpResponse::NoContent().finish())
    } else {
        Err(unknown())
    }
}

async fn in_the_background<T: Send + 'static>(
    app: &App,
    work: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    app.to_the_end(work).await
}

/// The sessions that `user` (a name or an id), `client` and `device_id` mean; none if there is no
/// such user.
async fn filter(conn: &mut Conn, params: &Params) -> Result<Option<SessionFilter>> {
    let user_id = match params.get("user") {
        None => None,
        Some(text) => {
            let named = match text.parse() {
                Ok(id) => Some(id),
                Err(_) => match text.parse() {
                    Ok(username) => conn.user_id(&username).await?,
                    Err(_) => None,
                },
            };
            let Some(id) = named else { return Ok(None) };
            Some(id)
        }
    };
    let device_id = params.get("device_id").map(str::to_owned);
    Ok(Some(SessionFilter { user_id, client_id: parsed(params, "client")?, device_id }))
}

fn parsed<T: std::str::FromStr>(params: &Params, name: &'static str) -> Result<Option<T>> {
    let malformed = |_| InvalidRequest.because(format!("{name} is malformed"));
    params.get(name).map(|text| text.parse().map_err(malformed)).transpose()
}
