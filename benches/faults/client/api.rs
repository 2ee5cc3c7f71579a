use crate::history::Outcome;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};
use uuid::Uuid;

/// The service as its clients know it: some replicas and the credentials.
pub struct Api {
    replicas: Vec<Replica>,
    dev: Value,
    http: reqwest::Client,
}

struct Replica {
    url: String,
    /// A load balancer would send requests there.
    open: AtomicBool,
}

/// What a client keeps of an answer.
pub struct Granted {
    pub refresh_token: String,
    pub session: Uuid,
}

/// Who sends a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    Public,
    /// A client that authenticates.
    Confidential,
}

/// Longer than any answer may take, so that one which takes longer is seen and not cut off.
const PATIENCE: Duration = Duration::from_secs(20);

impl Api {
    /// `dev` is what `mintmark dev --json` printed.
    pub fn new(urls: Vec<String>, dev: Value) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder()
            // One request per connection, so that a proxy's fate of a connection is that of a request.
            .pool_max_idle_per_host(0)
            .timeout(PATIENCE)
            .build()?;
        let replicas = urls.into_iter().map(|url| Replica { url, open: AtomicBool::new(true) });
        Ok(Self { replicas: replicas.collect(), dev, http })
    }

    /// Those a load balancer would choose from, or all if there are none.
    pub fn open(&self) -> Vec<usize> {
        let is_open = |&n: &usize| self.replicas[n].open.load(Ordering::SeqCst);
        let open: Vec<_> = (0..self.replicas.len()).filter(is_open).collect();
        if open.is_empty() { (0..self.replicas.len()).collect() } else { open }
    }

    pub fn set_open(&self, replica: usize, open: bool) {
        self.replicas[replica].open.store(open, Ordering::SeqCst);
    }

    pub async fn login(&self, replica: usize, who: Who, device: &str) -> Result<Granted, Outcome> {
        let user = &self.dev["user"];
        let mut body = json!({ "username": user["username"], "password": user["password"], "device_id": device });
        for (name, value) in self.credentials(who) {
            body[name] = value.into();
        }
        self.pair(self.post(replica, "/session/login").json(&body)).await
    }

    /// At the OAuth endpoint, or that of the session API.
    pub async fn refresh(
        &self,
        replica: usize,
        who: Who,
        token: &str,
        session_api: bool,
    ) -> Result<Granted, Outcome> {
        let mut form = self.credentials(who);
        form.push(("refresh_token", token.to_owned()));
        let path = if session_api {
            "/session/refresh"
        } else {
            form.push(("grant_type", "refresh_token".to_owned()));
            "/oauth/token"
        };
        self.pair(self.post(replica, path).form(&form)).await
    }

    pub async fn revoke(&self, replica: usize, who: Who, token: &str) -> Outcome {
        let mut form = self.credentials(who);
        form.push(("token", token.to_owned()));
        match answer(self.post(replica, "/oauth/revoke").form(&form)).await {
            Ok(_) => Outcome::Done,
            Err(outcome) => outcome,
        }
    }

    /// An administrator ends a session.
    pub async fn end(&self, replica: usize, session: Uuid) -> Outcome {
        let admin = &self.dev["admin"];
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", text(&admin["client_id"])),
            ("client_secret", text(&admin["client_secret"])),
        ];
        let token = match answer(self.post(replica, "/oauth/token").form(&form)).await {
            Ok(body) => body,
            Err(outcome) => return outcome,
        };
        let url = format!("{}/admin/v1/sessions/{session}", self.replicas[replica].url);
        let request = self.http.delete(url).bearer_auth(text(&token["access_token"]));
        match answer(request).await {
            Ok(_) => Outcome::Done,
            Err(outcome) => outcome,
        }
    }

    fn post(&self, replica: usize, path: &str) -> reqwest::RequestBuilder {
        self.http.post(format!("{}{path}", self.replicas[replica].url))
    }

    fn credentials(&self, who: Who) -> Vec<(&'static str, String)> {
        let member = match who {
            Who::Public => &self.dev["public_client"],
            Who::Confidential => &self.dev["client"],
        };
        let mut all = vec![("client_id", text(&member["client_id"]).to_owned())];
        if let Some(secret) = member["client_secret"].as_str() {
            all.push(("client_secret", secret.to_owned()));
        }
        all
    }

    async fn pair(&self, request: reqwest::RequestBuilder) -> Result<Granted, Outcome> {
        let body = answer(request).await?;
        let session = session_of(text(&body["access_token"]));
        match (body["refresh_token"].as_str(), session) {
            (Some(token), Some(session)) => {
                Ok(Granted { refresh_token: token.to_owned(), session })
            }
            _ => Err(Outcome::Wrong("200 without a pair".to_owned())),
        }
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// `sid` of an access token.
fn session_of(token: &str) -> Option<Uuid> {
    let payload = URL_SAFE_NO_PAD.decode(token.split('.').nth(1)?).ok()?;
    let claims: Value = serde_json::from_slice(&payload).ok()?;
    claims["sid"].as_str()?.parse().ok()
}

/// The body of an answer that says yes, or what else came.
async fn answer(request: reqwest::RequestBuilder) -> Result<Value, Outcome> {
    let response = request.send().await.map_err(|_| Outcome::Lost)?;
    let (status, retry) =
        (response.status().as_u16(), response.headers().contains_key("retry-after"));
    // An answer that breaks off was not received.
    let bytes = response.bytes().await.map_err(|_| Outcome::Lost)?;
    let body: Value = serde_json::from_slice(&bytes).unwrap_or_default();
    let (error, code) = (text(&body["error"]), text(&body["error_code"]));
    Err(match (status, error) {
        (200 | 204, "") => return Ok(body),
        (400 | 401, "invalid_grant") => Outcome::Refused(code.to_owned()),
        // Ended by somebody else before the administrator came.
        (404, "not_found") => Outcome::Refused(error.to_owned()),
        (503, "temporarily_unavailable") if retry => Outcome::Unavailable,
        _ => Outcome::Wrong(format!("{status} {error} {code}")),
    })
}
