//! What a caller has already (RFC 9110 §13.1.2).
use actix_web::{HttpRequest, http::header};

/// Whether `If-None-Match` means what has this tag, so that it need not be sent.
pub fn is_fresh(request: &HttpRequest, etag: &str) -> bool {
    is_named(request, etag) || tags(request).any(|tag| tag == "*")
}

/// Whether `If-None-Match` names this very tag, so that its sender has what it stands for.
pub fn is_named(request: &HttpRequest, etag: &str) -> bool {
    tags(request).any(|tag| tag.strip_prefix("W/").unwrap_or(tag) == etag)
}

fn tags(request: &HttpRequest) -> impl Iterator<Item = &str> {
    let values = request.headers().get_all(header::IF_NONE_MATCH);
    values.filter_map(|value| value.to_str().ok()).flat_map(|tags| tags.split(',').map(str::trim))
}
