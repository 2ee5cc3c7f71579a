//! `GET /admin/v1/sessions`, `DELETE /admin/v1/sessions`, `DELETE /admin/v1/sessions/{id}` and
//! `POST /admin/v1/sessions/why`.
use super::{
    super::extract::{Admin, Json, SessionsRead, SessionsRevoke},
    keys::no_store,
    query::{page, params, parsed},
};
use crate::{
    app::App,
    model::SessionId,
    oauth::{
        Code::{InvalidRequest, NotFound},
        Error, Params, Result,
    },
    secret::Secret,
    session::admin::{EndAll, ListRequest, Selection, Sessions},
};
use actix_web::{HttpRequest, HttpResponse, web::Path};
use serde::Deserialize;
use std::sync::Arc;

pub async fn list(admin: Admin<SessionsRead>, request: HttpRequest) -> Result<HttpResponse> {
    let params = params(&request)?;
    let request = ListRequest {
        selection: selection(&params)?,
        wanted: parsed(&params, "state")?.unwrap_or_default(),
        after: parsed(&params, "after")?,
        limit: parsed(&params, "limit")?,
    };
    let app = Arc::clone(&admin.app);
    let list = async move { sessions(&app).list(&request).await.map_err(Error::from) };
    Ok(page(admin.app.to_the_end(list).await?))
}

/// Ends all sessions that the query means; a query that means every session is refused.
pub async fn end_many(admin: Admin<SessionsRevoke>, request: HttpRequest) -> Result<HttpResponse> {
    let selection = selection(&params(&request)?)?;
    selection.check_narrow().map_err(|wide| InvalidRequest.because(wide.to_string()))?;
    let (app, event) = (Arc::clone(&admin.app), admin.event("session.ended"));
    let end = async move {
        let ended = sessions(&app).end_all(&selection, &event).await.map_err(Error::from);
        // Also after an error: what was ended before it stays ended.
        app.recent.all_changed();
        ended
    };
    let ended = admin.app.to_the_end(end).await?;
    Ok(no_store(&ended.unwrap_or(EndAll { ended: 0 })))
}

pub async fn end(admin: Admin<SessionsRevoke>, id: Path<String>) -> Result<HttpResponse> {
    let unknown = || NotFound.because("there is no such live session");
    let id: SessionId = id.parse().map_err(|_| unknown())?;
    let (app, event) = (Arc::clone(&admin.app), admin.event("session.ended"));
    let end = async move {
        let ended = sessions(&app).end(id, &event).await.map_err(Error::from);
        app.recent.session_changed(id);
        ended
    };
    if admin.app.to_the_end(end).await? {
        Ok(HttpResponse::NoContent().finish())
    } else {
        Err(unknown())
    }
}

/// A token, of which somebody wants to know what became. It comes in the body, as paths and queries are
/// logged in many places.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Pasted {
    token: String,
}

pub async fn why(admin: Admin<SessionsRead>, Json(pasted): Json<Pasted>) -> Result<HttpResponse> {
    let token = Secret::new(pasted.token);
    if token.reveal().trim().is_empty() {
        return Err(InvalidRequest.because("token is missing"));
    }
    let app = Arc::clone(&admin.app);
    let why = async move {
        let keys = app.keys.snapshot().clone();
        sessions(&app).why(&token, &keys).await.map_err(Error::from)
    };
    Ok(no_store(&admin.app.to_the_end(why).await?))
}

fn sessions(app: &App) -> Sessions<'_> {
    Sessions { store: &app.store, settings: &app.settings.sessions, now: app.clock.now() }
}

fn selection(params: &Params) -> Result<Selection> {
    Ok(Selection {
        user: params.get("user").map(str::to_owned),
        client: parsed(params, "client")?,
        device_id: params.get("device_id").map(str::to_owned),
        group: params.get("group").map(str::to_owned),
    })
}
