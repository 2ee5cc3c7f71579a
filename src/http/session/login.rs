//! `POST /session/login`: JSON, form or HTTP Basic.
use super::{
    super::extract::{FormOrJson, Origin},
    client, respond,
};
use crate::{
    app::App,
    oauth::{self, Caller, Code::InvalidRequest, Detail, Error, Login, Params, Result},
};
use actix_web::{HttpResponse, web::Data};
use base64::{Engine, engine::general_purpose::STANDARD};

pub async fn login(
    app: Data<App>,
    Origin(caller): Origin,
    FormOrJson(params): FormOrJson,
) -> Result<HttpResponse> {
    let credentials = credentials(&caller, &params)?;
    // Basic is the user's here, so a client's secret can only be in the body.
    let of_client = Caller { authorization: None, ..caller.clone() };
    let client = client(&app, &of_client, &params).await?;
    let grant = oauth::login(&app, &client, credentials, &params, &caller).await?;
    respond(&app, &client, grant).await
}

fn credentials(caller: &Caller, params: &Params) -> Result<Login> {
    if params.get("transport").is_some_and(|transport| transport != "body") {
        return Err(InvalidRequest.because("the only transport is body"));
    }
    let missing = || {
        InvalidRequest.because("username or password is missing").with(Detail::MissingCredentials)
    };
    let Some((scheme, encoded)) = caller.authorization() else {
        let (username, password) =
            params.get("username").zip(params.get("password")).ok_or_else(missing)?;
        return Ok(Login { username: username.to_owned(), password: password.into() });
    };
    if params.get("username").or(params.get("password")).is_some() {
        return Err(InvalidRequest.because("the password comes in one way only"));
    }
    read_basic(&scheme, encoded).ok_or_else(malformed)
}

/// RFC 7617.
fn read_basic(scheme: &str, encoded: &str) -> Option<Login> {
    let decoded = STANDARD.decode(encoded).ok().filter(|_| scheme == "basic")?;
    let decoded = zeroize::Zeroizing::new(String::from_utf8(decoded).ok()?);
    let (username, password) = decoded.split_once(':')?;
    Some(Login { username: username.to_owned(), password: password.into() })
}

fn malformed() -> Error {
    InvalidRequest
        .because("the Authorization header is not HTTP Basic")
        .with(Detail::InvalidAuthorizationHeader)
}
