//! Which form of an answer a caller wants (RFC 9110 §12.5.1).
use actix_web::{HttpRequest, http::header};

/// Whether `Accept` names the media type itself, and not with less weight than JSON, which is what
/// everybody else gets.
pub fn prefers(request: &HttpRequest, media_type: &str) -> bool {
    let values = request.headers().get_all(header::ACCEPT);
    let values: Vec<_> = values.filter_map(|value| value.to_str().ok()).collect();
    decide(&values.join(","), media_type)
}

fn decide(accept: &str, media_type: &str) -> bool {
    let weight = |range: &str| {
        let mut entries = accept.split(',').map(entry);
        entries.find_map(|(name, weight)| name.eq_ignore_ascii_case(range).then_some(weight))
    };
    // The most specific range that fits is the one that counts.
    let json = ["application/json", "application/*", "*/*"].iter().find_map(|range| weight(range));
    weight(media_type).is_some_and(|wanted| wanted > 0 && wanted >= json.unwrap_or(0))
}

/// A media range and its weight in thousandths. A weight that is none counts as the most.
fn entry(entry: &str) -> (&str, u16) {
    let mut parts = entry.split(';').map(str::trim);
    let name = parts.next().unwrap_or_default();
    let weight = parts.find_map(|part| {
        let (name, value) = part.split_once('=')?;
        name.trim().eq_ignore_ascii_case("q").then(|| thousandths(value.trim()))
    });
    (name, weight.unwrap_or(MOST))
}

const MOST: u16 = 1000;

fn thousandths(text: &str) -> u16 {
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let digits = part.bytes().all(|byte| byte.is_ascii_digit()) && part.len() <= 3;
    match (whole, format!("{part:0<3}").parse()) {
        ("0", Ok(part)) if digits => part,
        _ => MOST,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const JWT: &str = "application/token-introspection+jwt";

    #[test]
    fn a_jwt_is_for_who_names_it_and_does_not_like_json_better() {
        for accept in [
            JWT,
            "Application/Token-Introspection+JWT",
            "application/token-introspection+jwt;q=0.001",
            "application/token-introspection+jwt, application/json",
            "text/html, application/token-introspection+jwt ; v=1 ; Q=0.5, */*;q=0.5",
            "application/token-introspection+jwt;q=0.2, application/json;q=0.1, */*",
            "application/json;q=0, application/token-introspection+jwt;q=0.3, application/*",
            "application/token-introspection+jwt;q=much",
        ] {
            assert!(decide(accept, JWT), "{accept}");
        }
        for accept in [
            "",
            "*/*",
            "application/*",
            "application/json",
            "application/jwt",
            "application/token-introspection+jwt;q=0",
            "application/token-introspection+jwt;q=0.000",
            "application/token-introspection+jwt;q=0.8, application/json;q=0.9",
            "application/token-introspection+jwt;q=0.8, application/json",
            "application/token-introspection+jwt;q=0.8, */*",
        ] {
            assert!(!decide(accept, JWT), "{accept}");
        }
    }

    proptest! {
        #[test]
        fn no_header_panics(accept in ".{0,100}") {
            let _ = decide(&accept, JWT);
        }
    }
}
