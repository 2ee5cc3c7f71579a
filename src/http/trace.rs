//! The span that each request's log lines belong to when the filter lets `debug` through: at `info`, the
//! few lines that there are name their request themselves, and a span would cost every request more
//! than its form and its client. It has the path, but never the query, a header, an address or anything
//! that a person typed.
use actix_web::{
    Error, HttpMessage,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
};
use tracing::{Span, field};
use tracing_actix_web::{RequestId, RootSpanBuilder};

pub struct RequestSpan;

impl RootSpanBuilder for RequestSpan {
    fn on_request_start(request: &ServiceRequest) -> Span {
        let id = request.extensions().get::<RequestId>().copied();
        tracing::debug_span!(
            "request",
            request_id = id.map(field::display),
            method = request.method().as_str(),
            path = request.path(),
        )
    }

    fn on_request_end<B: MessageBody>(_: Span, outcome: &Result<ServiceResponse<B>, Error>) {
        if let Ok(response) = outcome {
            tracing::debug!(status = response.status().as_u16(), "answered");
        }
    }
}
