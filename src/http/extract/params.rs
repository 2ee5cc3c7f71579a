//! Reading the body of a request: in bounded size and time, and strictly.
use crate::{
    app::App,
    oauth::{
        Code::{InvalidRequest, TimedOut, TooLarge},
        Error, Params,
    },
};
use actix_web::{
    FromRequest, HttpMessage, HttpRequest, dev,
    http::header,
    web::{Bytes, BytesMut, Data},
};
use futures_util::{StreamExt, future::LocalBoxFuture};
use serde::de::DeserializeOwned;

/// The parameters of a form (RFC 6749 Appendix B).
pub struct Form(pub Params);

/// The parameters of a form or of a JSON object; none if there is no body.
pub struct FormOrJson(pub Params);

/// A JSON document, or its default if there is no body.
pub struct Json<T>(pub T);

const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";

impl FromRequest for Form {
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Self, Error>>;

    fn from_request(request: &HttpRequest, payload: &mut dev::Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            if !request.content_type().eq_ignore_ascii_case(FORM) {
                return Err(InvalidRequest.because(format!("the Content-Type has to be {FORM}")));
            }
            Params::from_form(&read(&request, payload).await?).map(Self)
        })
    }
}

impl FromRequest for FormOrJson {
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Self, Error>>;

    fn from_request(request: &HttpRequest, payload: &mut dev::Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let body = read(&request, payload).await?;
            let content_type = request.content_type().to_ascii_lowercase();
            match content_type.as_str() {
                _ if body.is_empty() => Ok(Self(Params::default())),
                FORM => Params::from_form(&body).map(Self),
                JSON => Params::from_json(&body).map(Self),
                _ => {
                    Err(InvalidRequest
                        .because(format!("the Content-Type has to be {JSON} or {FORM}")))
                }
            }
        })
    }
}

impl<T: DeserializeOwned + Default> FromRequest for Json<T> {
    type Error = Error;
    type Future = LocalBoxFuture<'static, Result<Self, Error>>;

    fn from_request(request: &HttpRequest, payload: &mut dev::Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let body = read(&request, payload).await?;
            if body.is_empty() {
                return Ok(Self(T::default()));
            }
            if !request.content_type().eq_ignore_ascii_case(JSON) {
                return Err(InvalidRequest.because(format!("the Content-Type has to be {JSON}")));
            }
            serde_json::from_slice(&body)
                .map(Self)
                .map_err(|_| InvalidRequest.because("the body is not the JSON that is expected"))
        })
    }
}

async fn read(request: &HttpRequest, payload: dev::Payload) -> Result<Bytes, Error> {
    let app = request.app_data::<Data<App>>().expect("every service has the App");
    let settings = &app.settings.server;
    if request.headers().get(header::CONTENT_ENCODING).is_some_and(|coding| coding != "identity") {
        return Err(InvalidRequest.because("compressed bodies are not read").with_status(415));
    }
    let length = request.headers().get(header::CONTENT_LENGTH);
    let length = length.and_then(|value| value.to_str().ok()?.parse::<usize>().ok());
    if length.is_some_and(|length| length > settings.max_body) {
        return Err(too_large());
    }
    let body = collect(payload, settings.max_body);
    let arrived = tokio::time::timeout(settings.body_timeout, body).await;
    arrived.unwrap_or_else(|_| Err(TimedOut.because("the body did not arrive in time")))
}

async fn collect(mut payload: dev::Payload, most: usize) -> Result<Bytes, Error> {
    let mut body = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| InvalidRequest.because("the body broke off"))?;
        if body.len() + chunk.len() > most {
            return Err(too_large());
        }
        body.extend_from_slice(&chunk);
    }
    Ok(body.freeze())
}

fn too_large() -> Error {
    TooLarge.because("the body is too long")
}
