//! `GET /admin/v1/audit`.
use super::{
    super::extract::{Admin, AuditRead},
    query::{page, params, parsed},
};
use crate::{
    oauth::{Error, Result},
    session::admin::AuditRequest,
};
use actix_web::{HttpRequest, HttpResponse};
use std::sync::Arc;

pub async fn list(admin: Admin<AuditRead>, request: HttpRequest) -> Result<HttpResponse> {
    let params = params(&request)?;
    let text = |name| params.get(name).map(str::to_owned);
    let request = AuditRequest {
        action: text("action"),
        session: parsed(&params, "session")?,
        user: text("user"),
        client: parsed(&params, "client")?,
        request: text("request"),
        after: parsed(&params, "after")?,
        limit: parsed(&params, "limit")?,
    };
    let app = Arc::clone(&admin.app);
    let list = async move { request.list(&app.store).await.map_err(Error::from) };
    Ok(page(admin.app.to_the_end(list).await?))
}
