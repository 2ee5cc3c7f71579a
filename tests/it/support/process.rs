use super::{Answer, Database};
use serde_json::Value;
use std::{
    io::{BufRead, BufReader, Read},
    process::{Child, Command, Stdio},
    time::Duration,
};

/// `mintmark dev` as a process of its own, on a database of the test.
pub struct Process {
    child: Child,
    /// What `--json` printed.
    pub dev: Value,
    pub http: reqwest::Client,
}

pub const PROGRAM: &str = env!("CARGO_BIN_EXE_mintmark");

impl Process {
    pub fn start(database: &Database) -> Self {
        Self::start_with(database, &[])
    }

    /// With variables in its environment. Waits until it is ready.
    pub fn start_with(database: &Database, variables: &[(&str, &str)]) -> Self {
        let mut child = Command::new(PROGRAM)
            .args(["dev", "--json", "--listen", "127.0.0.1:0", "--database", &database.url])
            .arg("--data")
            .arg(database.dir.path())
            .envs(variables.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let Ok(dev) = serde_json::from_str(&line) else {
            let mut log = String::new();
            child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
            panic!("it did not start: {log}");
        };
        let http = reqwest::Client::builder().timeout(Duration::from_secs(10)).build().unwrap();
        Self { child, dev, http }
    }

    pub fn issuer(&self) -> &str {
        self.dev["issuer"].as_str().unwrap()
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub async fn get(&self, path: &str) -> Answer {
        Answer::to(self.http.get(format!("{}{path}", self.issuer()))).await
    }

    /// Posts a form, with the credentials of a member of [`Self::dev`] such as `client` if one is named.
    pub async fn post(&self, path: &str, client: Option<&str>, form: &str) -> Answer {
        let mut request = self
            .http
            .post(format!("{}{path}", self.issuer()))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form.to_owned());
        if let Some(client) = client.map(|name| &self.dev[name]) {
            let text = |member: &str| client[member].as_str().unwrap().to_owned();
            request = request.basic_auth(text("client_id"), Some(text("client_secret")));
        }
        Answer::to(request).await
    }

    /// The demo user logs in with the demo public client.
    pub async fn login(&self) -> Answer {
        let request = self.http.post(format!("{}/session/login", self.issuer()));
        Answer::to(request.json(&self.dev["user"])).await.expect(200)
    }

    pub async fn refresh(&self, refresh_token: &str) -> Answer {
        let client = self.dev["public_client"]["client_id"].as_str().unwrap();
        let form =
            format!("grant_type=refresh_token&client_id={client}&refresh_token={refresh_token}");
        self.post("/oauth/token", None, &form).await
    }

    /// Immediate, of every algorithm.
    pub async fn rotate(&self) -> Answer {
        let token = self.post("/oauth/token", Some("admin"), "grant_type=client_credentials").await;
        let request = self.http.post(format!("{}/admin/v1/keys/rotate", self.issuer()));
        let request = request.bearer_auth(token.expect(200).access_token());
        Answer::to(request.json(&serde_json::json!({ "mode": "immediate" }))).await.expect(200)
    }

    /// The kid of an access token that is made now.
    pub async fn signing_kid(&self) -> String {
        let form = "grant_type=client_credentials";
        let token = self.post("/oauth/token", Some("client"), form).await.expect(200);
        super::kid_of(token.access_token())
    }

    /// `kill -9`.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM; the exit code and what it logged.
    pub fn terminate(mut self) -> (Option<i32>, String) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().unwrap().success());
        let mut log = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        (self.child.wait().unwrap().code(), log)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
