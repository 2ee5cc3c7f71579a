use super::{Answer, Database};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use mintmark::{
    app::App,
    clock::Clock,
    config::Settings,
    model::{ClientMetadata, ClientType, User, UserClaims, UserId},
    password,
    secret::{Secret, SecretHash},
};
use serde_json::Value;
use std::{collections::HashMap, net::TcpListener, sync::Arc, time::Duration};

/// The service in this process, on a port of its own, with a clock that stands still until moved.
/// Its clients: `service` (confidential, `client_credentials` and `refresh_token`), `other` (the same),
/// `app` (public, the first-party client) and `admin` (scope `mintmark:admin`), its user: `alice`.
pub struct Server {
    pub database: Database,
    pub url: String,
    pub app: Arc<App>,
    pub clock: Clock,
    pub http: reqwest::Client,
    stop: Option<tokio::sync::oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
    _tasks: tokio::task::JoinSet<()>,
}

pub const SECRET: &str = "mint_cs_of-a-test";
pub const PASSWORD: &str = "correct horse battery staple";

impl Server {
    pub async fn start(database: Database) -> Self {
        Self::with(database, |_| ()).await
    }

    /// A server whose settings the test changes before it starts.
    pub async fn with(database: Database, change: impl FnOnce(&mut Settings)) -> Self {
        let server = Self::bare(database, change).await;
        server.add_usual_people().await;
        server
    }

    /// Another replica on the same database, with the same clock and master key.
    pub async fn replica(&self) -> Self {
        self.replica_with(|_| ()).await
    }

    /// A replica whose settings differ.
    pub async fn replica_with(&self, change: impl FnOnce(&mut Settings)) -> Self {
        self.replica_at(self.clock.clone(), change).await
    }

    /// A replica with a clock of its own.
    pub async fn replica_at(&self, clock: Clock, change: impl FnOnce(&mut Settings)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::copy(self.database.dir.path().join("master.key"), dir.path().join("master.key"))
            .unwrap();
        let database = Database { url: self.database.url.clone(), dir };
        let settings = self.app.settings.clone();
        Self::at(database, clock, |new| {
            new.issuer.clone_from(&settings.issuer);
            new.keys.clone_from(&settings.keys);
            new.sessions.clone_from(&settings.sessions);
            new.session_api.clone_from(&settings.session_api);
            change(new);
        })
        .await
    }

    /// With a clock of the test's, such as one that stands in the past.
    pub async fn with_clock(
        database: Database,
        clock: Clock,
        change: impl FnOnce(&mut Settings),
    ) -> Self {
        let server = Self::at(database, clock, change).await;
        server.add_usual_people().await;
        server
    }

    /// Without any client or user.
    pub async fn bare(database: Database, change: impl FnOnce(&mut Settings)) -> Self {
        Self::at(database, Clock::manual(), change).await
    }

    async fn at(database: Database, clock: Clock, change: impl FnOnce(&mut Settings)) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let mut settings = Settings::load(None, HashMap::new()).unwrap();
        let master_key = database.dir.path().join("master.key");
        mintmark::keys::MasterKeys::create_file(&master_key).unwrap();
        settings.master_key.file = master_key.to_str().unwrap().to_owned();
        settings.database = database.settings();
        settings.issuer = url.clone();
        settings.session_api.first_party_client = Some("app".parse().unwrap());
        settings.clients.cache_for = Duration::from_millis(100);
        settings.server.workers = 2;
        change(&mut settings);

        let app = App::open(settings, clock.clone()).await.unwrap();
        let tasks = app.keep_up();
        let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
        let serving = Arc::clone(&app);
        let thread = std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let stopped = async { drop(stopped.await) };
            runtime.block_on(mintmark::http::serve(serving, listener, stopped)).unwrap();
        });
        let http = reqwest::Client::builder().timeout(Duration::from_secs(30)).build().unwrap();
        Self {
            database,
            url,
            app,
            clock,
            http,
            stop: Some(stop),
            thread: Some(thread),
            _tasks: tasks,
        }
    }

    async fn add_usual_people(&self) {
        let service = |scope: &str| ClientMetadata {
            scope: scope.parse().unwrap(),
            ..ClientMetadata::new(
                ClientType::Confidential,
                vec!["client_credentials".into(), "refresh_token".into()],
            )
        };
        self.add_client("service", service("read write"), Some(SECRET)).await;
        self.add_client("other", service("read write"), Some(SECRET)).await;
        self.add_client("admin", service("mintmark:admin"), Some(SECRET)).await;
        let app = ClientMetadata {
            client_type: ClientType::Public,
            grant_types: vec!["refresh_token".into()],
            ..service("read write")
        };
        self.add_client("app", app, None).await;
        self.add_user(
            "alice",
            PASSWORD,
            UserClaims { roles: vec!["editor".into()], ..UserClaims::default() },
        )
        .await;
    }

    pub async fn add_client(&self, id: &str, metadata: ClientMetadata, secret: Option<&str>) {
        let (id, now) = (id.parse().unwrap(), self.clock.now());
        let mut conn = self.app.store.write().await.unwrap();
        assert!(conn.insert_client(&id, &metadata, now).await.unwrap());
        if let Some(secret) = secret {
            conn.insert_client_secret(&id, &SecretHash::of(secret), now, now).await.unwrap();
        }
        conn.commit().await.unwrap();
    }

    pub async fn add_user(&self, username: &str, password: &str, claims: UserClaims) -> UserId {
        let now = self.clock.now();
        let user = User {
            id: UserId::new(now),
            username: username.parse().unwrap(),
            password_hash: password::hash(&password.into()).unwrap(),
            claims,
            created_at: now,
            disabled_at: None,
        };
        let mut conn = self.app.store.write().await.unwrap();
        assert!(conn.insert_user(&user).await.unwrap());
        conn.commit().await.unwrap();
        user.id
    }

    pub fn advance(&self, seconds: u64) {
        self.clock.advance(Duration::from_secs(seconds));
    }

    pub async fn get(&self, path: &str) -> Answer {
        Answer::to(self.http.get(format!("{}{path}", self.url))).await
    }

    /// A form to be posted, without credentials.
    pub fn form(&self, path: &str, form: &str) -> reqwest::RequestBuilder {
        self.http
            .post(format!("{}{path}", self.url))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form.to_owned())
    }

    /// Posts a form; `client` authenticates with [`SECRET`] by HTTP Basic, if one is given.
    pub async fn post(&self, path: &str, client: Option<&str>, form: &str) -> Answer {
        let mut request = self.form(path, form);
        if let Some(client) = client {
            request = request.header("authorization", basic(client, SECRET));
        }
        Answer::to(request).await
    }

    pub async fn post_json(&self, path: &str, body: Value) -> Answer {
        Answer::to(self.http.post(format!("{}{path}", self.url)).json(&body)).await
    }

    /// Alice logs in with the public client, on a device if one is named.
    pub async fn login(&self, device: Option<&str>) -> Answer {
        let body = serde_json::json!({
            "username": "alice", "password": PASSWORD, "device_id": device,
        });
        self.post_json("/session/login", body).await.expect(200)
    }

    /// Alice logs in with the confidential client `service`.
    pub async fn login_with_service(&self) -> Answer {
        let body = serde_json::json!({
            "username": "alice", "password": PASSWORD,
            "client_id": "service", "client_secret": SECRET,
        });
        self.post_json("/session/login", body).await.expect(200)
    }

    /// The public client's refresh grant.
    pub async fn refresh(&self, refresh_token: &str) -> Answer {
        let form = format!("grant_type=refresh_token&client_id=app&refresh_token={refresh_token}");
        self.post("/oauth/token", None, &form).await
    }

    /// The refresh grant of the confidential client `service`.
    pub async fn refresh_with_service(&self, refresh_token: &str) -> Answer {
        let form = format!("grant_type=refresh_token&refresh_token={refresh_token}");
        self.post("/oauth/token", Some("service"), &form).await
    }

    /// An access token of `admin`, with everything the admin API asks for.
    pub async fn admin_token(&self) -> String {
        let answer =
            self.post("/oauth/token", Some("admin"), "grant_type=client_credentials").await;
        answer.expect(200).access_token().to_owned()
    }

    /// A request to the admin API with a bearer token.
    pub async fn admin(
        &self,
        method: &str,
        path: &str,
        token: &str,
        body: Option<Value>,
    ) -> Answer {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let mut request =
            self.http.request(method, format!("{}{path}", self.url)).bearer_auth(token);
        if let Some(body) = body {
            request = request.json(&body);
        }
        Answer::to(request).await
    }

    /// How many audit events of this action there are.
    pub async fn audited(&self, action: &str) -> i64 {
        let query = format!("SELECT COUNT(*) FROM audit_events WHERE action = '{action}'");
        self.database.number(&query).await
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let result = thread.join();
            assert!(result.is_ok() || std::thread::panicking(), "the server panicked");
        }
    }
}

pub fn basic(id: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")))
}

/// The JSON in one part of a JWT: 0 is its header, 1 its claims.
pub fn part_of(token: &str, part: usize) -> Value {
    let encoded = token.split('.').nth(part).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(encoded).unwrap()).unwrap()
}

/// The hash of a secret as the database keeps it, for tests that look for what must not be there.
pub fn hash_of(secret: &str) -> String {
    SecretHash::of(Secret::new(secret).reveal()).to_string()
}
