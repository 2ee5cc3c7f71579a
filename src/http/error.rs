//! How an [`Error`] looks over HTTP (RFC 6749 §5.2, RFC 6750 §3).
use crate::oauth::{Code, Detail, Error, Rejection};
use actix_web::{
    HttpResponse, HttpResponseBuilder, ResponseError,
    http::{StatusCode, header},
};
use serde::Serialize;
use tracing::field;
use tracing_actix_web::RequestId;

/// Seconds after which a request that met a busy or absent database may come again.
const RETRY_AFTER: &str = "1";

impl ResponseError for Error {
    fn status_code(&self) -> StatusCode {
        let status = match self {
            Self::Rejected(rejection) => rejection.status.unwrap_or(rejection.code.status()),
            Self::Unavailable(_) => Code::TemporarilyUnavailable.status(),
            Self::Internal(_) => Code::ServerError.status(),
        };
        StatusCode::from_u16(status).expect("the table holds valid statuses")
    }

    /// Without a body: what goes in needs to know the issuer, so `render` does it.
    fn error_response(&self) -> HttpResponse {
        HttpResponse::new(self.status_code())
    }
}

#[derive(Serialize)]
struct Body<'a> {
    error: &'static str,
    error_description: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_code: Option<&'static str>,
    error_uri: String,
}

/// The answer, and a line in the log: a refusal tells what was refused, a fault its cause.
pub fn render(error: &Error, issuer: &str, request_id: Option<RequestId>) -> HttpResponse {
    let request_id = request_id.map(field::display);
    let mut response = HttpResponse::build(error.status_code());
    response.insert_header((header::CACHE_CONTROL, "no-store"));
    let (code, description, detail) = match error {
        Error::Rejected(rejection) => {
            let Rejection { code, description, detail, .. } = rejection;
            let detail = *detail;
            let error_code = detail.map(Detail::as_str);
            let client_id = rejection.client_id.as_ref().map(field::display);
            let error = code.as_str();
            tracing::info!(request_id, client_id, error, error_code, %description, "refused");
            explain(&mut response, rejection);
            (*code, description.as_ref(), detail)
        }
        Error::Unavailable(cause) => {
            tracing::warn!(request_id, %cause, "not available");
            response.insert_header((header::RETRY_AFTER, RETRY_AFTER));
            (Code::TemporarilyUnavailable, Code::TemporarilyUnavailable.meaning(), None)
        }
        Error::Internal(cause) => {
            tracing::error!(request_id, %cause, "failed");
            (Code::ServerError, Code::ServerError.meaning(), None)
        }
    };
    let help = detail.map_or(code.as_str(), Detail::as_str);
    response.json(Body {
        error: code.as_str(),
        error_description: description,
        error_code: detail.map(Detail::as_str),
        error_uri: format!("{issuer}/help/errors/{help}"),
    })
}

/// The headers that tell a client what would have been right.
fn explain(response: &mut HttpResponseBuilder, rejection: &Rejection) {
    let challenge = match (rejection.code, rejection.scope) {
        (Code::InvalidClient, _) => Some(r#"Basic realm="mintmark""#.to_owned()),
        // RFC 6750 §3.1: to who sends no token, the challenge has no error.
        (Code::InvalidToken, _) if rejection.detail == Some(Detail::MissingAuthorizationHeader) => {
            Some(r#"Bearer realm="mintmark""#.to_owned())
        }
        (Code::InvalidToken, _) => {
            Some(r#"Bearer realm="mintmark", error="invalid_token""#.to_owned())
        }
        (Code::InsufficientScope, Some(scope)) => {
            Some(format!(r#"Bearer realm="mintmark", error="insufficient_scope", scope="{scope}""#))
        }
        _ => None,
    };
    if let Some(challenge) = challenge {
        response.insert_header((header::WWW_AUTHENTICATE, challenge));
    }
    if let Some(methods) = rejection.allow {
        response.insert_header((header::ALLOW, methods));
    }
}
