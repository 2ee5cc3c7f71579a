use super::{Answer, Database};
use serde_json::Value;
use std::{
    io::{BufRead, BufReader, Read},
    path::Path,
    process::{Child, ChildStdout, Command, Stdio},
    sync::{Arc, Mutex},
    thread::JoinHandle,
    time::{Duration, Instant},
};

/// The program as a process of its own, on a database of the test.
pub struct Process {
    child: Child,
    /// What `dev --json` printed; of `serve` only the address, as if it were the issuer.
    pub dev: Value,
    pub http: reqwest::Client,
    stdout: BufReader<ChildStdout>,
    log: Arc<Mutex<String>>,
    /// Reads the log all the time: a pipe that is full would stop the program.
    reader: Option<JoinHandle<()>>,
}

pub const PROGRAM: &str = env!("CARGO_BIN_EXE_mintmark");

const STARTS_WITHIN: Duration = Duration::from_mins(1);

impl Process {
    /// `mintmark dev`.
    pub fn start(database: &Database) -> Self {
        Self::start_with(database, &[])
    }

    /// With variables in its environment. Waits until it is ready.
    pub fn start_with(database: &Database, variables: &[(&str, &str)]) -> Self {
        let mut command = Command::new(PROGRAM);
        command
            .args(["dev", "--json", "--listen", "127.0.0.1:0", "--database", &database.url])
            .arg("--data")
            .arg(database.dir.path())
            .envs(variables.iter().copied());
        let mut process = Self::spawn(command);
        let mut line = String::new();
        process.stdout.read_line(&mut line).unwrap();
        let Ok(dev) = serde_json::from_str(&line) else {
            panic!("it did not start: {}", process.terminate().1)
        };
        process.dev = dev;
        process
    }

    /// `mintmark serve` with a settings file. Waits until it is ready.
    pub fn serve(config: &Path) -> Self {
        let mut command = Command::new(PROGRAM);
        command.arg("serve").arg("--config").arg(config);
        let mut process = Self::spawn(command);
        let begin = Instant::now();
        let address = loop {
            let log = process.log();
            if let Some((_, rest)) = log.split_once("listen=") {
                break rest.split_whitespace().next().unwrap().to_owned();
            }
            let ended = process.child.try_wait().unwrap();
            assert!(ended.is_none() && begin.elapsed() < STARTS_WITHIN, "it did not start: {log}");
            std::thread::sleep(Duration::from_millis(10));
        };
        process.dev = serde_json::json!({ "issuer": format!("http://{address}") });
        process
    }

    fn spawn(mut command: Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let log = Arc::new(Mutex::new(String::new()));
        let (stderr, sink) = (child.stderr.take().unwrap(), Arc::clone(&log));
        let reader = std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines() {
                let mut log = sink.lock().unwrap();
                log.push_str(&line.unwrap());
                log.push('\n');
            }
        });
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let http = reqwest::Client::builder().timeout(Duration::from_secs(10)).build().unwrap();
        Self { child, dev: Value::Null, http, stdout, log, reader: Some(reader) }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    pub fn issuer(&self) -> &str {
        self.dev["issuer"].as_str().unwrap()
    }

    pub async fn get(&self, path: &str) -> Answer {
        Answer::to(self.http.get(format!("{}{path}", self.issuer()))).await
    }

    /// Posts a form, with the credentials of a member of [`Self::dev`] such as `client` if one is named.
    pub async fn post(&self, path: &str, client: Option<&str>, form: &str) -> Answer {
        Answer::to(self.form(path, client, form)).await
    }

    /// The request of [`Self::post`].
    pub fn form(&self, path: &str, client: Option<&str>, form: &str) -> reqwest::RequestBuilder {
        let mut request = self
            .http
            .post(format!("{}{path}", self.issuer()))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form.to_owned());
        if let Some(client) = client.map(|name| &self.dev[name]) {
            let text = |member: &str| client[member].as_str().unwrap().to_owned();
            request = request.basic_auth(text("client_id"), Some(text("client_secret")));
        }
        request
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
        let token = Answer::to(self.admin_token()).await;
        let request = self.http.post(format!("{}/admin/v1/keys/rotate", self.issuer()));
        let request = request.bearer_auth(token.expect(200).access_token());
        Answer::to(request.json(&serde_json::json!({ "mode": "immediate" }))).await.expect(200)
    }

    /// Asks for an access token for the admin API.
    pub fn admin_token(&self) -> reqwest::RequestBuilder {
        self.form("/oauth/token", Some("admin"), "grant_type=client_credentials")
    }

    /// The kids that the JWKS holds now.
    pub async fn published(&self) -> Vec<String> {
        let jwks = self.get("/.well-known/jwks.json").await.expect(200).json;
        let keys = jwks["keys"].as_array().unwrap().iter();
        keys.map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
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
    pub fn terminate(self) -> (Option<i32>, String) {
        self.signal("TERM");
        self.finish()
    }

    pub fn signal(&self, name: &str) {
        let pid = self.id().to_string();
        let sent = Command::new("kill").args(["-s", name, &pid]).status().unwrap();
        assert!(sent.success());
    }

    /// Waits for its end; the exit code and what it logged.
    pub fn finish(mut self) -> (Option<i32>, String) {
        let mut more = String::new();
        self.stdout.read_to_string(&mut more).unwrap();
        assert_eq!(more, "", "it prints one line and logs to stderr");
        self.reader.take().unwrap().join().unwrap();
        let code = self.child.wait().unwrap().code();
        (code, self.log())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
