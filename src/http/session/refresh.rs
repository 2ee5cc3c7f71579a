//! `POST /session/refresh`: JSON or form.
use super::{
    super::extract::{FormOrJson, Origin},
    client, respond, unauthorized,
};
use crate::{
    app::App,
    oauth::{Code::UnsupportedGrantType, Exchange, GrantType, Result},
};
use actix_web::{HttpResponse, web::Data};

pub async fn refresh(
    app: Data<App>,
    Origin(caller): Origin,
    FormOrJson(params): FormOrJson,
) -> Result<HttpResponse> {
    if params.get("grant_type").is_some_and(|grant| grant != GrantType::RefreshToken.as_str()) {
        return Err(UnsupportedGrantType.because("this endpoint takes refresh_token only"));
    }
    let client = client(&app, &caller, &params).await?;
    let (app, now) = (&app, app.clock.now());
    let exchange = Exchange { app, client: &client, params: &params, caller: &caller, now };
    let grant = GrantType::RefreshToken.redeem(exchange).await.map_err(unauthorized)?;
    respond(app, &client, grant).await
}
