//! What every answer gets on its way out: a request id, and a body if it is an error.
use super::{
    error,
    unread::{Chunks, Holding},
};
use crate::{app::App, oauth};
use actix_web::{
    Error, HttpMessage,
    body::MessageBody,
    dev::{Service, ServiceRequest, ServiceResponse},
    http::header::{self, HeaderName, HeaderValue},
    web::Data,
};
use tracing_actix_web::RequestId;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

pub fn finish<S, B>(
    mut request: ServiceRequest,
    service: &S,
) -> impl Future<Output = Result<ServiceResponse<Holding>, Error>> + use<S, B>
where
    S: Service<ServiceRequest, Response = ServiceResponse<B>, Error = Error>,
    B: MessageBody + 'static,
{
    let chunks = Chunks::of(&mut request);
    let answer = service.call(request);
    async move {
        let response = answer.await?;
        let id = response.request().extensions().get::<RequestId>().copied();
        let mut response = match refusal(&response, id) {
            Some(body) => response.into_response(body),
            None => response.map_into_boxed_body(),
        }
        .map_body(|_, body| Holding { body, request: chunks });
        let headers = response.headers_mut();
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if let Some(id) = id {
            let mut text = uuid::Uuid::encode_buffer();
            let text = id.as_hyphenated().encode_lower(&mut text);
            if let Ok(value) = HeaderValue::from_str(text) {
                headers.insert(REQUEST_ID, value);
            }
        }
        Ok(response)
    }
}

/// The answer to be given instead, if a handler ended in an error. What inner layers have said in
/// headers stays.
fn refusal<B>(
    response: &ServiceResponse<B>,
    id: Option<RequestId>,
) -> Option<actix_web::HttpResponse> {
    let error = response.response().error()?.as_error::<oauth::Error>()?;
    let app = response.request().app_data::<Data<App>>()?;
    let mut rendered = error::render(error, &app.settings.issuer, id);
    for (name, value) in response.headers() {
        if !rendered.headers().contains_key(name) {
            rendered.headers_mut().append(name.clone(), value.clone());
        }
    }
    Some(rendered)
}
