//! Requests that are answered before their body has ended.
//!
//! actix closes the connection after such an answer if the body has a length. Of a body in chunks
//! that nobody holds any more it reads on to the end, however long that takes, so a sender without
//! an end would keep a connection for itself. That does not happen while the body is held, so the
//! answer holds it.
use actix_web::{
    HttpMessage,
    body::{BodySize, BoxBody, MessageBody},
    dev::{Payload, ServiceRequest},
    error::PayloadError,
    http::header,
    web::Bytes,
};
use futures_util::Stream;
use std::{
    cell::RefCell,
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

/// A request's body, for its handler and for its answer.
#[derive(Clone)]
pub struct Chunks(Rc<RefCell<Payload>>);

impl Chunks {
    /// None if the body is not in chunks (RFC 9112 §7.1).
    pub fn of(request: &mut ServiceRequest) -> Option<Self> {
        if !request.headers().contains_key(header::TRANSFER_ENCODING) {
            return None;
        }
        let chunks = Self(Rc::new(RefCell::new(request.take_payload())));
        request.set_payload(Payload::Stream { payload: Box::pin(chunks.clone()) });
        Some(chunks)
    }
}

impl Stream for Chunks {
    type Item = Result<Bytes, PayloadError>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        Pin::new(&mut *self.0.borrow_mut()).poll_next(cx)
    }
}

/// The body of an answer, with that of its request.
pub struct Holding {
    pub body: BoxBody,
    #[expect(dead_code, reason = "it is held, not read")]
    pub request: Option<Chunks>,
}

impl MessageBody for Holding {
    type Error = <BoxBody as MessageBody>::Error;

    fn size(&self) -> BodySize {
        self.body.size()
    }

    fn poll_next(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, Self::Error>>> {
        Pin::new(&mut self.get_mut().body).poll_next(cx)
    }
}
