//! The span that each request's log lines belong to. It has the path, but never the query, a header,
//! an address or anything that a person typed.
use actix_web::{
    Error, HttpMessage,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
};
use tracing::{Span, field};
use tracing_actix_web::{RequestId, RootSpanBuilder};

pub struct RequestSpan;

/// Whoever verifies tokens fetches these all the time, and nothing can go wrong in them.
const QUIET: &[&str] = &["/.well-known/", "/health/"];

impl RootSpanBuilder for RequestSpan {
    fn on_request_start(request: &ServiceRequest) -> Span {
        let path = request.path();
        if QUIET.iter().any(|prefix| path.starts_with(prefix)) {
            return Span::none();
        }
        let id = request.extensions().get::<RequestId>().copied();
        tracing::info_span!(
            "request",
            request_id = id.map(field::display),
            method = request.method().as_str(),
            path,
            client_id = field::Empty,
            grant_type = field::Empty,
        )
    }

    fn on_request_end<B: MessageBody>(_: Span, outcome: &Result<ServiceResponse<B>, Error>) {
        if let Ok(response) = outcome {
            tracing::debug!(status = response.status().as_u16(), "answered");
        }
    }
}
