//! `GET /help/errors/{code}`: the pages that `error_uri` leads to.
use crate::oauth::{Code, Detail};
use actix_web::{HttpResponse, http::header, web::Path};
use minijinja::{Environment, Value, context, value::Serde};
use serde::Serialize;
use std::sync::LazyLock;

static TEMPLATES: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut templates = Environment::new();
    let page = include_str!("../../templates/help.html");
    templates.add_template("help.html", page).expect("the template is well-formed");
    templates
});

const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; \
                      form-action 'none'; frame-ancestors 'none'";

#[derive(Serialize)]
struct Entry {
    name: &'static str,
    status: Option<u16>,
    meaning: &'static str,
    remedy: &'static str,
}

fn codes() -> impl Iterator<Item = Entry> {
    Code::ALL.iter().map(|code| Entry {
        name: code.as_str(),
        status: Some(code.status()),
        meaning: code.meaning(),
        remedy: code.remedy(),
    })
}

fn details() -> impl Iterator<Item = Entry> {
    Detail::ALL.iter().map(|detail| Entry {
        name: detail.as_str(),
        status: None,
        meaning: detail.meaning(),
        remedy: detail.remedy(),
    })
}

pub async fn index() -> HttpResponse {
    let entries = |entries: Vec<Entry>| Value::from(Serde(entries));
    let (codes, details) = (entries(codes().collect()), entries(details().collect()));
    html(HttpResponse::Ok(), &context! { codes, details })
}

pub async fn page(name: Path<String>) -> HttpResponse {
    match codes().chain(details()).find(|entry| entry.name == name.as_str()) {
        Some(entry) => html(HttpResponse::Ok(), &context! { entry => Value::from(Serde(entry)) }),
        None => html(HttpResponse::NotFound(), &context! { unknown => true }),
    }
}

fn html(mut response: actix_web::HttpResponseBuilder, values: &Value) -> HttpResponse {
    let page = TEMPLATES.get_template("help.html").and_then(|page| page.render(values));
    response
        .content_type("text/html; charset=utf-8")
        .insert_header((header::CONTENT_SECURITY_POLICY, POLICY))
        .insert_header((header::REFERRER_POLICY, "no-referrer"))
        .insert_header((header::X_FRAME_OPTIONS, "DENY"))
        .insert_header((header::CACHE_CONTROL, "public, max-age=3600"))
        .body(page.expect("the template fits its values"))
}
