//! `GET /health/live` and `/health/ready`, for orchestrators and load balancers.
use crate::{app::App, oauth::Code::TemporarilyUnavailable, oauth::Result};
use actix_web::{HttpResponse, http::header, web::Data};

/// The process answers.
pub async fn live() -> HttpResponse {
    ok()
}

/// It can do its work: it is not stopping, and its database answers.
pub async fn ready(app: Data<App>) -> Result<HttpResponse> {
    if app.is_draining() {
        return Err(TemporarilyUnavailable.because("the service is stopping"));
    }
    let store = app.store.clone();
    app.to_the_end(async move { store.ping().await }).await?;
    Ok(ok())
}

fn ok() -> HttpResponse {
    HttpResponse::Ok()
        .insert_header((header::CACHE_CONTROL, "no-store"))
        .json(serde_json::json!({ "status": "ok" }))
}
