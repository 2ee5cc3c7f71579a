//! Where a request comes from.
use crate::{
    app::App,
    oauth::{Caller, Code::InvalidRequest, Detail, Error},
    secret::Secret,
};
use actix_web::{FromRequest, HttpMessage, HttpRequest, dev, http::header, web::Data};
use std::{
    future::{Ready, ready},
    net::IpAddr,
};
use tracing_actix_web::RequestId;

pub struct Origin(pub Caller);

/// More than any browser sends.
const LONGEST_USER_AGENT: usize = 255;

impl FromRequest for Origin {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut dev::Payload) -> Self::Future {
        ready(caller(request).map(Self))
    }
}

pub fn caller(request: &HttpRequest) -> Result<Caller, Error> {
    let id = request.extensions().get::<RequestId>().map(ToString::to_string);
    Ok(Caller {
        user_agent: user_agent(request).map(str::to_owned),
        address: address(request).map(|address| address.to_string()),
        request_id: id,
        authorization: authorization(request)?,
    })
}

fn authorization(request: &HttpRequest) -> Result<Option<Secret>, Error> {
    let mut headers = request.headers().get_all(header::AUTHORIZATION);
    match (headers.next(), headers.next()) {
        (None, _) => Ok(None),
        (Some(value), None) if value.to_str().is_ok_and(|text| text.contains(' ')) => {
            Ok(value.to_str().ok().map(Secret::new))
        }
        _ => Err(InvalidRequest
            .because("the Authorization header is malformed or comes twice")
            .with(Detail::InvalidAuthorizationHeader)),
    }
}

/// That of the connection, or what the configured header of a trusted proxy says of it: the last
/// entry, as those before it come from the caller.
pub fn address(request: &HttpRequest) -> Option<IpAddr> {
    let trusted = request.app_data::<Data<App>>()?.settings.server.client_address_header.as_str();
    if trusted.is_empty() {
        return request.peer_addr().map(|address| address.ip());
    }
    let last = request.headers().get_all(trusted).last()?.to_str().ok()?.rsplit(',').next()?;
    last.trim().parse().ok()
}

/// What the caller says it is, cut to a bounded length.
pub fn user_agent(request: &HttpRequest) -> Option<&str> {
    // Text of a header is ASCII, so that a byte is a character.
    let text = request.headers().get(header::USER_AGENT)?.to_str().ok()?;
    Some(text.get(..LONGEST_USER_AGENT).unwrap_or(text))
}
