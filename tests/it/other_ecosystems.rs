//! Our tokens, verified by another implementation of JWT than the one that made them, before and after
//! each way to rotate keys: `PyJWT`, as any Python service would use it.
use crate::support::{Answer, Database, SECRET, Server};
use mintmark::{
    clock::Clock,
    model::{Algorithm, ClientMetadata, ClientType},
};
use serde_json::{Value, json};
use std::{
    collections::HashSet,
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    sync::atomic::Ordering,
    time::Duration,
};

/// One resource server in Python, that lives as long as the test.
struct ResourceServer {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    issuer: String,
}

impl ResourceServer {
    fn start(server: &Server) -> Self {
        let python = std::env::var("MINTMARK_TEST_PYTHON").expect(
            "MINTMARK_TEST_PYTHON names a Python with tests/requirements.txt; ./test sets it",
        );
        let mut child = Command::new(python)
            .args(["tests/it/verify.py", &format!("{}/.well-known/jwks.json", server.url)])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdin = child.stdin.take().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        Self { child, stdin, stdout, issuer: server.url.clone() }
    }

    fn ask(&mut self, question: &Value) -> Value {
        writeln!(self.stdin, "{question}").unwrap();
        let mut line = String::new();
        self.stdout.read_line(&mut line).unwrap();
        serde_json::from_str(&line).unwrap()
    }

    fn verify(&mut self, token: &str, alg: &str) -> Value {
        let issuer = self.issuer.clone();
        self.ask(&json!({ "token": token, "alg": alg, "issuer": issuer, "audience": issuer }))
    }

    fn kid_of(&mut self, (alg, token): &(&str, String)) -> String {
        let answer = self.verify(token, alg);
        let kid = answer["kid"].as_str().unwrap_or_else(|| panic!("{alg}: {answer}"));
        assert_eq!(answer["claims"]["iss"], json!(self.issuer));
        kid.to_owned()
    }
}

impl Drop for ResourceServer {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

const HOUR: u64 = 3600;
const ANNOUNCE_FOR: u64 = 360;
const ROTATE_EVERY: u64 = 900;

/// A server whose clock is an hour behind and is moved forward by the test: `PyJWT` looks at the real
/// one, and no token may come from its future.
async fn server_in_the_past() -> Server {
    let clock = Clock::manual();
    if let Clock::Manual(now) = &clock {
        now.fetch_sub(i64::try_from(HOUR * 1000).unwrap(), Ordering::Relaxed);
    }
    let server = Server::with_clock(Database::sqlite(), clock, |settings| {
        settings.keys.algorithms = Algorithm::ALL.to_vec();
        settings.keys.jwks_max_age = Duration::from_mins(5);
        settings.keys.announce_for = Duration::from_secs(ANNOUNCE_FOR);
        settings.keys.rotate_every = Duration::from_secs(ROTATE_EVERY);
        settings.tokens.access_token_lifetime = Duration::from_secs(2 * HOUR);
    })
    .await;
    for &alg in Algorithm::ALL {
        let grants = vec!["client_credentials".to_owned()];
        let metadata = ClientMetadata::new(ClientType::Confidential, grants);
        let metadata = ClientMetadata { access_token_alg: Some(alg), ..metadata };
        server.add_client(alg.as_str(), metadata, Some(SECRET)).await;
    }
    server
}

/// A token of each algorithm.
async fn tokens(server: &Server) -> Vec<(&'static str, String)> {
    let mut tokens = Vec::new();
    for name in Algorithm::ALL.iter().map(|alg| alg.as_str()) {
        let form = "grant_type=client_credentials";
        let answer = server.post("/oauth/token", Some(name), form).await.expect(200);
        tokens.push((name, answer.access_token().to_owned()));
    }
    tokens
}

/// Lets time pass for all of them.
async fn pass(server: &Server, python: &mut ResourceServer, seconds: u64) {
    server.advance(seconds);
    python.ask(&json!({ "advance": seconds }));
    server.app.keys.maintain().await.unwrap();
}

async fn rotate(server: &Server, mode: &str) -> Answer {
    let admin = server.admin_token().await;
    let body = Some(json!({ "mode": mode }));
    server.admin("POST", "/admin/v1/keys/rotate", &admin, body).await.expect(200)
}

/// All tokens verify; the names of their keys.
fn kids(python: &mut ResourceServer, tokens: &[(&str, String)]) -> HashSet<String> {
    let kids: HashSet<_> = tokens.iter().map(|token| python.kid_of(token)).collect();
    assert_eq!(kids.len(), Algorithm::ALL.len());
    kids
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pyjwt_verifies_every_token_through_every_rotation() {
    let server = server_in_the_past().await;
    let mut python = ResourceServer::start(&server);
    let mut all = tokens(&server).await;
    let first = kids(&mut python, &all);

    rotate(&server, "graceful").await;
    pass(&server, &mut python, ANNOUNCE_FOR - 1).await;
    let announced = tokens(&server).await;
    assert_eq!(kids(&mut python, &announced), first, "a key signs before its time");
    pass(&server, &mut python, 1).await;
    let graceful = tokens(&server).await;
    let second = kids(&mut python, &graceful);
    assert!(second.is_disjoint(&first));

    let mut scheduled = tokens(&server).await;
    let mut third = kids(&mut python, &scheduled);
    for _ in 0..=ROTATE_EVERY / 60 {
        pass(&server, &mut python, 60).await;
        scheduled = tokens(&server).await;
        third = kids(&mut python, &scheduled);
        all.extend(scheduled.iter().cloned());
    }
    assert!(third.is_disjoint(&second), "there was no rotation on schedule");

    // PyJWKClient fetches again for a kid it does not know, though not within 30 seconds.
    pass(&server, &mut python, 30).await;
    rotate(&server, "immediate").await;
    let immediate = tokens(&server).await;
    let fourth = kids(&mut python, &immediate);
    assert!(fourth.is_disjoint(&third) && fourth.is_disjoint(&first));

    all.extend(announced.into_iter().chain(graceful).chain(immediate));
    for token in &all {
        python.kid_of(token);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pyjwt_refuses_what_was_tampered_with() {
    let server = server_in_the_past().await;
    let mut python = ResourceServer::start(&server);
    for (alg, token) in tokens(&server).await {
        let (signed, signature) = token.rsplit_once('.').unwrap();
        let (header, claims) = signed.split_once('.').unwrap();
        // The first character: of the last, not every bit counts.
        let first = if signature.starts_with('A') { 'B' } else { 'A' };
        let altered = format!("{first}{}", &signature[1..]);
        let other = tokens(&server).await.into_iter().find(|(other, _)| *other == alg).unwrap().1;
        let other_claims = other.split('.').nth(1).unwrap();
        for forged in [
            format!("{signed}.{altered}"),
            format!("{header}.{other_claims}.{signature}"),
            format!("{header}.{claims}."),
        ] {
            let answer = python.verify(&forged, alg);
            let why = answer["refused"].as_str().unwrap_or_else(|| panic!("{forged}: {answer}"));
            assert!(why.starts_with("InvalidSignatureError"), "{why}");
        }
        python.kid_of(&(alg, token.clone()));
        let elsewhere = json!({
            "token": token, "alg": alg, "issuer": server.url, "audience": "https://other.example",
        });
        let why = python.ask(&elsewhere)["refused"].as_str().unwrap().to_owned();
        assert!(why.starts_with("InvalidAudienceError"), "{why}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pyjwt_verifies_a_signed_introspection_answer() {
    let server = server_in_the_past().await;
    let mut python = ResourceServer::start(&server);
    for (client, token) in tokens(&server).await {
        let request = server.form("/oauth/introspect", &format!("token={token}"));
        let request = request.header("accept", "application/token-introspection+jwt");
        let answer = Answer::to(request.basic_auth(client, Some(SECRET))).await.expect(200);
        let mut question = json!({
            "token": answer.text, "alg": "RS256", "issuer": server.url, "audience": client,
            "require": ["iss", "aud", "iat", "token_introspection"],
        });
        let told = python.ask(&question);
        assert_eq!(told["claims"]["token_introspection"]["active"], true, "{told}");
        assert_eq!(told["claims"]["token_introspection"]["client_id"], client);
        // Who expects an access token is not taken in (RFC 9701 section 8.1).
        question.as_object_mut().unwrap().remove("require");
        let why = python.ask(&question)["refused"].as_str().unwrap().to_owned();
        assert!(why.starts_with("MissingRequiredClaimError"), "{why}");
    }
}
