//! The parameters of the admin API's lists.
use crate::{
    model::Page,
    oauth::{Code::InvalidRequest, Params, Result},
};
use actix_web::{HttpRequest, HttpResponse};
use serde::Serialize;

pub fn params(request: &HttpRequest) -> Result<Params> {
    Params::from_form(request.query_string().as_bytes())
}

/// # Errors
/// `invalid_request`, which names the parameter.
pub fn parsed<T: std::str::FromStr>(params: &Params, name: &'static str) -> Result<Option<T>> {
    let malformed = |_| InvalidRequest.because(format!("{name} is malformed"));
    params.get(name).map(|text| text.parse().map_err(malformed)).transpose()
}

/// One page; an empty one for a user that there is not, as for one without anything.
pub fn page<T: Serialize, I: Serialize>(page: Option<Page<T, I>>) -> HttpResponse {
    super::keys::no_store(&page.unwrap_or(Page::EMPTY))
}
