//! The log at its most talkative: nothing in it lets its reader act for somebody or tells who was
//! there (OWASP ASVS 16.2.5), and nobody can write lines of their own into it.
use crate::{
    on_both,
    support::{Answer, Database, Process, Raw, basic},
};
use serde_json::{Value, json};

on_both!(
    no_secret_and_no_person_is_in_the_log,
    every_line_of_the_json_log_is_an_object_without_a_secret,
);

const TRACE: (&str, &str) = ("MINTMARK__LOG__FILTER", "trace");
const PROXY: (&str, &str) = ("MINTMARK__SERVER__CLIENT_ADDRESS_HEADER", "X-Forwarded-For");
const WRONG_PASSWORD: &str = "wrong-password-of-somebody";
const WRONG_SECRET: &str = "wrong-secret-of-somebody";
const ADDRESS: &str = "203.0.113.77";
const AGENT: &str = "agent-of-the-test";
const DEVICE: &str = "device-of-the-test";
const STRANGER: &str = "name-typed-by-a-stranger";
const QUERY: &str = "marker-in-a-query";
const HEADER: &str = "marker-in-a-header";

async fn no_secret_and_no_person_is_in_the_log(database: Database) {
    let process = Process::start_with(&database, &[TRACE, PROXY]);
    let (log, secrets, refused) = use_everything(process, &database).await;
    assert!(log.lines().count() > 100 && log.contains("TRACE"), "it is not talkative: {log}");
    // What has to be there: the refusal, under the id that its caller was told.
    let line = log.lines().find(|line| line.contains(&refused) && line.contains("refused"));
    assert!(line.is_some_and(|line| line.contains("invalid_client")), "{refused} in {log}");
    assert_clean(&log, &secrets);
}

async fn every_line_of_the_json_log_is_an_object_without_a_secret(database: Database) {
    let json = ("MINTMARK__LOG__FORMAT", "json");
    let process = Process::start_with(&database, &[TRACE, PROXY, json]);
    let (log, secrets, refused) = use_everything(process, &database).await;
    let lines = log.lines().map(|line| match serde_json::from_str(line) {
        Ok(Value::Object(line)) => line,
        other => panic!("{line}: {other:?}"),
    });
    let lines: Vec<_> = lines.collect();
    let told = lines.iter().any(|line| {
        let id = line.get("span").and_then(|span| span.get("request_id"));
        id.is_some_and(|id| *id == *refused) && line.get("error") == Some(&"invalid_client".into())
    });
    assert!(told, "{refused} in {log}");
    assert_clean(&log, &secrets);
}

fn assert_clean(log: &str, secrets: &[String]) {
    assert!(secrets.len() > 30, "{secrets:?}");
    for secret in secrets {
        assert!(secret.len() >= 5, "`{secret}` is too short to be looked for");
        let line = log.lines().find(|line| line.contains(secret.as_str()));
        assert_eq!(line, None, "{secret} is in the log");
    }
    assert!(!log.contains('\x1b') && !log.contains("panicked"), "{log}");
    assert!(!log.lines().any(|line| line.starts_with("forged")), "{log}");
}

/// Good and bad requests of every kind; then what was logged, what must not be in it, and the request
/// id of a client that was refused.
async fn use_everything(process: Process, database: &Database) -> (String, Vec<String>, String) {
    let mut secrets: Vec<String> = [WRONG_PASSWORD, WRONG_SECRET, ADDRESS, AGENT, DEVICE]
        .into_iter()
        .chain([STRANGER, QUERY, HEADER, "alice"])
        .map(str::to_owned)
        .collect();
    for (who, member) in
        [("client", "client_secret"), ("admin", "client_secret"), ("user", "password")]
    {
        let secret = process.dev[who][member].as_str().unwrap();
        let id = process.dev[who]["client_id"].as_str().unwrap_or("alice");
        secrets.extend([secret.to_owned(), basic(id, secret).replace("Basic ", "")]);
    }
    use_sessions(&process, &mut secrets).await;
    let refused = use_clients(&process, &mut secrets).await;
    use_admin(&process, &mut secrets).await;
    secrets.push(forge_lines(&process));

    for query in [
        "SELECT sealed FROM keys WHERE sealed IS NOT NULL",
        "SELECT hash FROM client_secrets",
        "SELECT password_hash FROM users",
        "SELECT claims FROM users",
    ] {
        secrets.extend(database.texts(query).await);
    }
    let master = std::fs::read_to_string(database.dir.path().join("master.key")).unwrap();
    secrets.push(master.trim().to_owned());
    let (code, log) = process.terminate();
    assert_eq!(code, Some(0));
    (log, secrets, refused)
}

/// Posts JSON with everything about the caller that must not be noted.
async fn post(process: &Process, path: &str, body: Value) -> Answer {
    let request = process.http.post(format!("{}{path}?q={QUERY}", process.issuer())).json(&body);
    let request = request.header("x-forwarded-for", ADDRESS).header("user-agent", AGENT);
    Answer::to(request.header("x-other", HEADER)).await
}

/// Both tokens of an answer, and the parts of the signed one.
fn note(answer: &Answer, secrets: &mut Vec<String>) {
    let access = answer.access_token();
    secrets.extend(access.split('.').skip(1).map(str::to_owned));
    let refresh = answer.json["refresh_token"].as_str();
    secrets.extend(refresh.and_then(|token| token.strip_prefix("mint_rt_")).map(str::to_owned));
}

async fn use_sessions(process: &Process, secrets: &mut Vec<String>) {
    let user = &process.dev["user"];
    let login = |username: &str, password: &Value| json!({ "username": username, "password": password, "device_id": DEVICE });
    let pair = post(process, "/session/login", login("alice", &user["password"])).await.expect(200);
    note(&pair, secrets);
    post(process, "/session/login", login("alice", &WRONG_PASSWORD.into())).await.expect(401);
    post(process, "/session/login", login(STRANGER, &WRONG_PASSWORD.into())).await.expect(401);
    let by_basic = process
        .http
        .post(format!("{}/session/login", process.issuer()))
        .header("authorization", basic("alice", user["password"].as_str().unwrap()));
    note(&Answer::to(by_basic).await.expect(200), secrets);

    let second = process.refresh(pair.refresh_token()).await.expect(200);
    note(&second, secrets);
    let body = json!({ "refresh_token": second.refresh_token() });
    let third = post(process, "/session/refresh", body).await.expect(200);
    note(&third, secrets);
    process.refresh(pair.refresh_token()).await.expect(400);
    process.refresh(third.refresh_token()).await.expect(400);
    process.refresh("mint_rt_made-up-by-somebody").await.expect(400);
    secrets.push("made-up-by-somebody".to_owned());

    let other = process.login().await;
    note(&other, secrets);
    let form = format!("client_id=demo-app&token={}", other.refresh_token());
    process.post("/oauth/revoke", None, &form).await.expect(200);
    let form = format!("client_id=demo-app&token={}", other.access_token());
    process.post("/oauth/revoke", None, &form).await.expect(200);
    for token in [third.access_token(), third.refresh_token(), other.access_token()] {
        let form = format!("token={token}");
        process.post("/oauth/introspect", Some("client"), &form).await.expect(200);
        process.post("/oauth/introspect", None, &form).await.expect(401);
    }
}

/// Tokens for clients, and the request id of one that was refused.
async fn use_clients(process: &Process, secrets: &mut Vec<String>) -> String {
    let form = "grant_type=client_credentials";
    note(&process.post("/oauth/token", Some("client"), form).await.expect(200), secrets);
    let wrong = basic("demo-service", WRONG_SECRET);
    secrets.push(wrong.replace("Basic ", ""));
    let request = process.http.post(format!("{}/oauth/token?q={QUERY}", process.issuer()));
    let request = request.header("authorization", wrong).form(&[("grant_type", "x")]);
    let refused = Answer::to(request).await.expect(401);
    let form = format!("{form}&client_id={STRANGER}&client_secret={WRONG_SECRET}");
    process.post("/oauth/token", None, &form).await.expect(401);
    process.post("/oauth/token", None, &format!("%ff&{WRONG_SECRET}")).await.expect(400);
    refused.header("x-request-id").unwrap().to_owned()
}

async fn use_admin(process: &Process, secrets: &mut Vec<String>) {
    let form = "grant_type=client_credentials";
    let admin = process.post("/oauth/token", Some("admin"), form).await.expect(200);
    note(&admin, secrets);
    let get = |path: &str, token: &str| {
        let url = format!("{}{path}", process.issuer());
        Answer::to(process.http.get(url).bearer_auth(token))
    };
    let token = admin.access_token();
    get("/admin/v1/keys", token).await.expect(200);
    get(&format!("/admin/v1/sessions?user=alice&device_id={DEVICE}"), token).await.expect(200);
    get(&format!("/admin/v1/sessions?user=alice&limit={QUERY}"), token).await.expect(400);
    get("/admin/v1/keys", &format!("{token}x")).await.expect(401);
    get("/admin/v1/keys", WRONG_SECRET).await.expect(401);
    let url = format!("{}/admin/v1/keys/rotate", process.issuer());
    let request = process.http.post(url).bearer_auth(token).json(&json!({ "mode": "immediate" }));
    Answer::to(request).await.expect(200);
}

/// Line breaks and escape sequences wherever a request can have text, plain and encoded; gives the
/// address that the connections came from.
fn forge_lines(process: &Process) -> String {
    let encoded = format!("GET /%0d%0aforged%1b[31m?%0aforged={QUERY} HTTP/1.1\r\n");
    let plain = "GET /nothing\x1b[31m HTTP/1.1\r\n".to_owned();
    let body = "POST /oauth/token HTTP/1.1\r\nContent-Length: 30\r\n".to_owned()
        + "Content-Type: application/x-www-form-urlencoded\r\n";
    for start in [encoded, plain, body] {
        let headers =
            format!("Host: x\r\nUser-Agent: \x1b[31m{AGENT}\r\nX-Forwarded-For: \nforged\r\n");
        let form = "client_id=%0aforged%1b[31m&a=b";
        Raw::exchange(process.issuer(), format!("{start}{headers}Connection: close\r\n\r\n{form}"));
        let headers = format!("Host: x\r\nX-Forwarded-For: {ADDRESS}\r\n");
        Raw::exchange(process.issuer(), format!("{start}{headers}Connection: close\r\n\r\n{form}"));
    }
    let mut last = Raw::to(process.issuer());
    last.send("GET /nothing HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert!(last.read_to_end().starts_with("HTTP/1.1 404"));
    last.local_address().to_string()
}
