use reqwest::{RequestBuilder, header::HeaderMap};
use serde_json::Value;

/// An answer, read to its end.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
    /// `null` if the body is no JSON.
    pub json: Value,
}

impl Answer {
    pub async fn to(request: RequestBuilder) -> Self {
        Self::read(request).await.unwrap()
    }

    /// None if the connection breaks, as one to a process that is killed does.
    pub async fn unless_broken(request: RequestBuilder) -> Option<Self> {
        Self::read(request).await.ok()
    }

    async fn read(request: RequestBuilder) -> reqwest::Result<Self> {
        let response = request.send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let text = response.text().await?;
        let json = serde_json::from_str(&text).unwrap_or(Value::Null);
        Ok(Self { status, headers, text, json })
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    /// A member that is a string.
    #[track_caller]
    pub fn text_of(&self, member: &str) -> &str {
        self.json[member].as_str().unwrap_or_else(|| panic!("no `{member}` in {self:?}"))
    }

    #[track_caller]
    pub fn access_token(&self) -> &str {
        self.text_of("access_token")
    }

    #[track_caller]
    pub fn refresh_token(&self) -> &str {
        self.text_of("refresh_token")
    }

    /// Status and `error`, as a table of rejections has them.
    pub fn rejection(&self) -> (u16, &str) {
        (self.status, self.json["error"].as_str().unwrap_or(""))
    }

    pub fn error_code(&self) -> &str {
        self.json["error_code"].as_str().unwrap_or("")
    }

    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        assert_eq!(self.status, status, "{self:?}");
        self
    }

    /// A bearer token was refused as RFC 6750 §3.1 has it.
    #[track_caller]
    pub fn assert_refused(&self, what: &str) {
        assert_eq!(self.rejection(), (401, "invalid_token"), "{what}: {self:?}");
        let challenge = r#"Bearer realm="mintmark", error="invalid_token""#;
        assert_eq!(self.header("www-authenticate"), Some(challenge), "{what}");
        assert_eq!(self.header("cache-control"), Some("no-store"), "{what}");
    }
}
