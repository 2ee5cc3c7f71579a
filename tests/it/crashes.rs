//! `kill -9` in the middle of everything: what was acknowledged holds, and nobody has to log in again.
use crate::{
    on_both,
    support::{Database, PROGRAM, Process},
};
use serde_json::Value;
use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

on_both!(
    killed_during_refreshes_the_service_loses_nothing_it_acknowledged,
    killed_during_rotations_the_service_has_whole_keys,
    killed_at_its_first_start_it_starts,
);

const ROUNDS: u64 = 15;
const SESSIONS: usize = 6;
/// The pipe of the log is read by nobody, so little may be written to it.
const QUIET: &[(&str, &str)] = &[("MINTMARK__LOG__FILTER", "error")];

fn start(database: &Database) -> Process {
    Process::start_with(database, QUIET)
}

/// Different in each round, the same in each run.
fn pause(round: u64) -> Duration {
    Duration::from_millis(20 + round * 7919 % 280)
}

/// One device: it refreshes until the service dies, keeps what it was given last, and counts.
async fn use_up(
    http: reqwest::Client,
    issuer: String,
    client: String,
    mut token: String,
    answered: Arc<AtomicUsize>,
) -> String {
    loop {
        let form = [
            ("grant_type", "refresh_token"),
            ("client_id", client.as_str()),
            ("refresh_token", token.as_str()),
        ];
        let sent = http.post(format!("{issuer}/oauth/token")).form(&form).send().await;
        let Ok(response) = sent else { return token };
        let status = response.status().as_u16();
        // An answer that breaks off was not received.
        let Ok(answer) = response.json::<Value>().await else { return token };
        assert_eq!(status, 200, "{answer}");
        answer["refresh_token"].as_str().unwrap().clone_into(&mut token);
        answered.fetch_add(1, Ordering::Relaxed);
    }
}

async fn killed_during_refreshes_the_service_loses_nothing_it_acknowledged(database: Database) {
    let mut process = start(&database);
    let mut tokens = Vec::new();
    for _ in 0..SESSIONS {
        tokens.push(process.login().await.refresh_token().to_owned());
    }
    let answered = Arc::new(AtomicUsize::new(0));
    for round in 0..ROUNDS {
        let client = process.dev["public_client"]["client_id"].as_str().unwrap().to_owned();
        let devices = tokens.into_iter().map(|token| {
            let (http, issuer) = (process.http.clone(), process.issuer().to_owned());
            tokio::spawn(use_up(http, issuer, client.clone(), token, Arc::clone(&answered)))
        });
        let devices: Vec<_> = devices.collect();
        tokio::time::sleep(pause(round)).await;
        process.kill();
        tokens = Vec::new();
        for device in devices {
            tokens.push(device.await.unwrap());
        }
        process = start(&database);
        // What each device was given last is the current token, or spent by a request whose answer
        // was lost; the retry gets the successor in both cases.
        for token in &mut tokens {
            let next = process.refresh(token).await.expect(200);
            next.refresh_token().clone_into(token);
        }
    }
    let answered = i64::try_from(answered.load(Ordering::Relaxed)).unwrap();
    assert!(answered > i64::try_from(ROUNDS).unwrap(), "there was something to lose: {answered}");
    let moved = database.number("SELECT CAST(SUM(generation) AS BIGINT) FROM sessions").await;
    assert!(moved >= answered, "{moved} rotations are stored of {answered} acknowledged");
    let live = "SELECT COUNT(*) FROM sessions WHERE ended_at IS NULL";
    assert_eq!(database.number(live).await, i64::try_from(SESSIONS).unwrap());
    assert_eq!(count(&database, "session.reuse_detected").await, 0);
    assert_eq!(count(&database, "session.generation_ahead").await, 0, "nothing was rolled back");
    assert_whole(&database).await;
}

async fn count(database: &Database, action: &str) -> i64 {
    let query = format!("SELECT COUNT(*) FROM audit_events WHERE action = '{action}'");
    database.number(&query).await
}

async fn assert_whole(database: &Database) {
    if database.is_sqlite() {
        let sound = "SELECT COUNT(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'";
        assert_eq!(database.number(sound).await, 1);
    }
}

/// The kid of the key that an immediate rotation made, if it was acknowledged.
async fn rotate(process: &Process) -> Option<String> {
    let form = "grant_type=client_credentials";
    let admin = process.post("/oauth/token", Some("admin"), form).await.expect(200);
    let body = serde_json::json!({ "mode": "immediate", "alg": "ES256" });
    let url = format!("{}/admin/v1/keys/rotate", process.issuer());
    let request = process.http.post(url).bearer_auth(admin.access_token()).json(&body);
    let answer: Value = request.send().await.ok()?.json().await.ok()?;
    answer["keys"][0]["kid"].as_str().map(str::to_owned)
}

async fn killed_during_rotations_the_service_has_whole_keys(database: Database) {
    let mut acknowledged = Vec::new();
    for round in 0..ROUNDS {
        let process = start(&database);
        let limit = Duration::from_millis(10 + round * 7919 % 60);
        let kid = tokio::time::timeout(limit, rotate(&process)).await;
        process.kill();
        acknowledged.extend(kid.ok().flatten());
    }
    assert!(!acknowledged.is_empty(), "there was something to lose");
    let process = start(&database);
    let jwks = process.get("/.well-known/jwks.json").await.expect(200).text;
    for kid in &acknowledged {
        assert!(jwks.contains(kid), "an acknowledged key is lost: {jwks}");
    }
    assert!(jwks.contains(&process.signing_kid().await));
    let keys = "SELECT COUNT(*) FROM keys WHERE line = 'ES256'";
    let (keys, newest) = (
        database.number(keys).await,
        database.number("SELECT MAX(number) FROM keys WHERE line = 'ES256'").await,
    );
    assert_eq!(keys, newest, "numbers without gaps and without doubles");
    assert_eq!(count(&database, "key.rotated_immediately").await, keys - 1, "each has its entry");
    let newest_signs = "SELECT COUNT(*) FROM keys WHERE line = 'ES256' AND sealed IS NOT NULL
         AND number = (SELECT MAX(number) FROM keys WHERE line = 'ES256')";
    assert_eq!(database.number(newest_signs).await, 1);
    assert_whole(&database).await;
}

async fn killed_at_its_first_start_it_starts(database: Database) {
    for round in 0..ROUNDS {
        let mut child = std::process::Command::new(PROGRAM)
            .args(["dev", "--json", "--listen", "127.0.0.1:0", "--database", &database.url])
            .arg("--data")
            .arg(database.dir.path())
            .envs(QUIET.iter().copied())
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        tokio::time::sleep(Duration::from_millis(round * 12)).await;
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let process = start(&database);
    let pair = process.login().await;
    process.refresh(pair.refresh_token()).await.expect(200);
    assert_eq!(database.number("SELECT COUNT(*) FROM keys").await, 3);
    assert_whole(&database).await;
}
