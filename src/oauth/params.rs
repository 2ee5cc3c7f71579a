//! The parameters of one request, read once.
use super::{Code::InvalidRequest, Result};
use percent_encoding::percent_decode_str;
use serde::de::{MapAccess, Visitor};
use std::{borrow::Cow, collections::HashMap, fmt};

/// Parameters of which none comes twice (RFC 6749 §3.2) and an empty one counts as absent (§3.1).
/// Only `resource` may come more than once (RFC 8707 §2).
#[derive(Default)]
pub struct Params {
    single: HashMap<String, String>,
    resources: Vec<String>,
}

/// More parameters than any request has.
const MOST: usize = 100;

impl Params {
    /// `application/x-www-form-urlencoded`, as RFC 6749 Appendix B has it.
    pub fn from_form(body: &[u8]) -> Result<Self> {
        let unreadable = || InvalidRequest.because("the body is not a form in UTF-8");
        let text = std::str::from_utf8(body).map_err(|_| unreadable())?;
        let mut params = Self::default();
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = decode_form(name).ok_or_else(unreadable)?;
            let value = decode_form(value).ok_or_else(unreadable)?;
            params.insert(name.into_owned(), value.into_owned())?;
        }
        Ok(params)
    }

    /// A JSON object of strings, for the endpoints that take one. `null` counts as absent.
    pub fn from_json(body: &[u8]) -> Result<Self> {
        let Members(members) = serde_json::from_slice(body)
            .map_err(|_| InvalidRequest.because("the body is not a JSON object of strings"))?;
        let mut params = Self::default();
        for (name, value) in members {
            params.insert(name, value.unwrap_or_default())?;
        }
        Ok(params)
    }

    fn insert(&mut self, name: String, value: String) -> Result<()> {
        if value.is_empty() {
            return Ok(());
        }
        if self.single.len() + self.resources.len() >= MOST {
            return Err(InvalidRequest.because("the request has too many parameters"));
        }
        if name == "resource" {
            self.resources.push(value);
        } else if self.single.insert(name, value).is_some() {
            return Err(InvalidRequest.because("a parameter comes more than once"));
        }
        Ok(())
    }

    pub fn get(&self, name: &str) -> Option<&str> {
        self.single.get(name).map(String::as_str)
    }

    /// # Errors
    /// `invalid_request`, which names the parameter, if it is missing.
    pub fn require(&self, name: &'static str) -> Result<&str> {
        self.get(name).ok_or_else(|| InvalidRequest.because(format!("{name} is missing")))
    }

    pub fn resources(&self) -> &[String] {
        &self.resources
    }
}

/// Percent-decoding with `+` for a blank; none if the result is not UTF-8.
pub fn decode_form(text: &str) -> Option<Cow<'_, str>> {
    if !text.contains(['+', '%']) {
        return Some(Cow::Borrowed(text));
    }
    let text = text.replace('+', " ");
    let decoded = percent_decode_str(&text).decode_utf8().ok()?;
    Some(Cow::Owned(decoded.into_owned()))
}

/// The members of a JSON object in order, also those that come twice.
struct Members(Vec<(String, Option<String>)>);

impl<'de> serde::Deserialize<'de> for Members {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Members;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of strings")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(Object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_parameter_comes_once_and_an_empty_one_not_at_all() {
        let params = Params::from_form(b"a=1&b=&c=x+y%26z&resource=r1&resource=r2&&d").unwrap();
        assert_eq!((params.get("a"), params.get("b")), (Some("1"), None));
        assert_eq!((params.get("c"), params.get("d")), (Some("x y&z"), None));
        assert_eq!(params.resources(), ["r1", "r2"]);
        assert!(Params::from_form(b"a=1&a=1").is_err());
        assert!(Params::from_json(br#"{"a":"1","a":"2"}"#).is_err());
    }

    #[test]
    fn what_is_no_text_is_refused() {
        for bad in [&b"a=%ff"[..], b"\xff=a", b"%c3=a"] {
            assert!(Params::from_form(bad).is_err(), "{bad:?}");
        }
        for bad in [r#"["a"]"#, r#"{"a":1}"#, r#"{"a":{}}"#, "", "a=1"] {
            assert!(Params::from_json(bad.as_bytes()).is_err(), "{bad}");
        }
        assert_eq!(Params::from_json(br#"{"a":null}"#).unwrap().get("a"), None);
        let many: Vec<String> = (0..=MOST).map(|n| format!("p{n}=1")).collect();
        assert!(Params::from_form(many.join("&").as_bytes()).is_err());
    }

    proptest! {
        #[test]
        fn no_body_panics(body in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = (Params::from_form(&body), Params::from_json(&body));
        }

        #[test]
        fn what_was_encoded_is_read(value in ".{1,40}") {
            let form = url::form_urlencoded::Serializer::new(String::new())
                .append_pair("name", &value)
                .finish();
            let params = Params::from_form(form.as_bytes()).unwrap();
            prop_assert_eq!(params.get("name"), Some(value.as_str()));
        }
    }
}
