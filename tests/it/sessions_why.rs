//! What is told of a token that somebody has at hand: by `POST /admin/v1/sessions/why`.
use crate::{
    on_both,
    support::{Answer, Database, Server},
};
use serde_json::{Value, json};
use std::time::Duration;

const WHY: &str = "/admin/v1/sessions/why";

on_both!(
    a_current_token_would_be_accepted_and_looking_spends_nothing,
    a_spent_token_tells_who_spent_it_and_until_when_it_is_retried,
    a_confidential_client_may_retry_without_a_limit,
    an_older_token_was_spent_before_what_is_kept,
    a_reused_token_tells_who_presented_it,
    each_end_is_told_with_its_reason,
    an_access_token_leads_to_its_session,
    an_access_token_that_was_revoked_says_so,
    what_is_not_ours_is_told_apart,
    a_session_that_was_forgotten_is_said_to_be,
    a_token_of_a_key_that_is_gone_says_nothing,
    the_token_is_in_no_answer_and_no_entry,
);

async fn why(server: &Server, token: &str) -> Value {
    let admin = server.admin_token().await;
    server.admin("POST", WHY, &admin, Some(json!({ "token": token }))).await.expect(200).json
}

fn told(why: &Value) -> String {
    let sentences = why["explanation"].as_array().unwrap().iter();
    sentences.map(|sentence| sentence.as_str().unwrap()).collect::<Vec<_>>().join(" ")
}

/// A refresh by a program of that name.
async fn refresh_by(server: &Server, agent: &str, token: &str) -> Answer {
    let form = format!("grant_type=refresh_token&client_id=app&refresh_token={token}");
    Answer::to(server.form("/oauth/token", &form).header("user-agent", agent)).await
}

async fn a_current_token_would_be_accepted_and_looking_spends_nothing(database: Database) {
    let server = Server::start(database).await;
    let login = server.login(Some("phone")).await;
    for _ in 0..3 {
        let why = why(&server, login.refresh_token()).await;
        assert_eq!((&why["status"], &why["token"]), (&json!("current"), &json!("refresh_token")));
        assert_eq!((&why["session_id"], &why["generation"]), (&login.json["sid"], &json!(0)));
        assert_eq!((&why["spent"], &why["retry_until"]), (&Value::Null, &Value::Null));
        let session = &why["session"];
        assert_eq!((&session["username"], &session["state"]), (&json!("alice"), &json!("live")));
        assert_eq!(why["events"][0]["action"], "session.started");
    }
    let next = server.refresh(login.refresh_token()).await.expect(200);
    server.refresh(next.refresh_token()).await.expect(200);
    // Long after, one that was spent: whoever looks is no thief.
    server.advance(3600);
    assert_eq!(why(&server, login.refresh_token()).await["status"], "spent");
    assert_eq!(why(&server, &format!(" {}\n", login.refresh_token())).await["status"], "spent");
    assert_eq!(server.audited("session.reuse_detected").await, 0);
    let live = "SELECT COUNT(*) FROM sessions WHERE ended_at IS NULL AND generation = 2";
    assert_eq!(server.database.number(live).await, 1);
}

async fn a_spent_token_tells_who_spent_it_and_until_when_it_is_retried(database: Database) {
    let server = Server::start(database).await;
    let login = server.login(None).await;
    server.advance(60);
    refresh_by(&server, "spender/1", login.refresh_token()).await.expect(200);
    let spent_at = server.clock.now();
    server.advance(29);
    let retry = why(&server, login.refresh_token()).await;
    assert_eq!(retry["status"], "retry");
    let until = spent_at + Duration::from_secs(30);
    assert_eq!(retry["retry_until"], until.to_string());
    assert_eq!(retry["spent"]["at"], spent_at.to_string());
    assert_eq!(retry["spent"]["user_agent"], "spender/1");
    assert_eq!(retry["spent"]["address"], "127.0.0.1");
    assert!(told(&retry).contains("from 127.0.0.1 by spender/1"), "{retry}");
    server.advance(1);
    let late = why(&server, login.refresh_token()).await;
    assert_eq!((&late["status"], &late["retry_until"]), (&json!("spent"), &Value::Null));
    assert_eq!(late["spent"], retry["spent"]);
}

async fn a_confidential_client_may_retry_without_a_limit(database: Database) {
    let server = Server::start(database).await;
    let login = server.login_with_service().await;
    server.refresh_with_service(login.refresh_token()).await.expect(200);
    server.advance(24 * 3600);
    let why = why(&server, login.refresh_token()).await;
    assert_eq!((&why["status"], &why["retry_until"]), (&json!("retry"), &Value::Null));
    assert!(told(&why).contains("however late"), "{why}");
    server.refresh_with_service(login.refresh_token()).await.expect(200);
}

async fn an_older_token_was_spent_before_what_is_kept(database: Database) {
    let server = Server::start(database).await;
    let login = server.login(None).await;
    let second = server.refresh(login.refresh_token()).await.expect(200);
    server.advance(5);
    refresh_by(&server, "second/1", second.refresh_token()).await.expect(200);
    let why = why(&server, login.refresh_token()).await;
    assert_eq!(why["status"], "spent");
    let spent = &why["spent"];
    assert_eq!(spent["before"], server.clock.now().to_string());
    assert_eq!((&spent["at"], &spent["user_agent"]), (&Value::Null, &Value::Null), "not its own");
}

async fn a_reused_token_tells_who_presented_it(database: Database) {
    let server = Server::start(database).await;
    let login = server.login(Some("phone")).await;
    let stolen = refresh_by(&server, "thief/1", login.refresh_token()).await.expect(200);
    server.advance(31);
    let refused = refresh_by(&server, "owner/1", login.refresh_token()).await;
    assert_eq!(refused.error_code(), "obsolete_refresh_token");
    for token in [&login, &stolen] {
        let why = why(&server, token.refresh_token()).await;
        assert_eq!(why["status"], "ended");
        assert_eq!(why["session"]["end_reason"], "reuse_detected");
        assert_eq!(why["session"]["ended_at"], server.clock.now().to_string());
        let event = &why["events"][0];
        assert_eq!(event["action"], "session.reuse_detected");
        assert_eq!(event["request_id"], refused.header("x-request-id").unwrap());
        assert_eq!(event["detail"]["user_agent"], "owner/1");
        assert_eq!(event["detail"]["address"], "127.0.0.1");
        assert_eq!(event["detail"]["presented_generation"], 0);
    }
    let why = why(&server, login.refresh_token()).await;
    assert_eq!(why["spent"]["user_agent"], "thief/1");
    assert!(told(&why).contains("reuse_detected"), "{why}");
}

async fn each_end_is_told_with_its_reason(database: Database) {
    let server = Server::start(database).await;
    let (replaced, revoked) =
        (server.login(Some("phone")).await, server.login(Some("tablet")).await);
    server.login(Some("phone")).await;
    let form = format!("client_id=app&token={}", revoked.refresh_token());
    server.post("/oauth/revoke", None, &form).await.expect(200);
    let idle = server.login(None).await;
    for (token, reason) in [(&replaced, "replaced"), (&revoked, "revoked")] {
        let why = why(&server, token.refresh_token()).await;
        assert_eq!((&why["status"], &why["session"]["state"]), (&json!("ended"), &json!("ended")));
        assert_eq!(why["session"]["end_reason"], reason);
        assert!(told(&why).contains(reason), "{why}");
    }
    server.database.execute("UPDATE users SET disabled_at = 1").await;
    assert_eq!(why(&server, idle.refresh_token()).await["status"], "user_disabled");
    // Its lifetime is over, and nobody has marked it yet.
    let over_at = server.clock.now() + server.app.settings.sessions.idle_lifetime;
    server.advance(30 * 24 * 3600);
    let why = why(&server, idle.refresh_token()).await;
    assert_eq!((&why["status"], &why["session"]["end_reason"]), (&json!("ended"), &json!("idle")));
    assert_eq!(why["session"]["ended_at"], over_at.to_string());
}

async fn an_access_token_leads_to_its_session(database: Database) {
    let server = Server::start(database).await;
    let login = server.login(Some("phone")).await;
    let second = server.refresh(login.refresh_token()).await.expect(200);
    let why_of = async |pair: &Answer| why(&server, pair.access_token()).await;
    for (pair, status, generation) in [(&login, "retry", 0), (&second, "current", 1)] {
        let why = why_of(pair).await;
        assert_eq!((&why["token"], &why["status"]), (&json!("access_token"), &json!(status)));
        assert_eq!(
            (&why["session_id"], &why["generation"]),
            (&login.json["sid"], &json!(generation))
        );
        assert!(told(&why).contains("expires at"), "{why}");
    }
    // Also when it has expired, and its key has left the JWKS.
    server.advance(3600);
    let admin = server.admin_token().await;
    server
        .admin("POST", "/admin/v1/keys/rotate", &admin, Some(json!({ "mode": "immediate" })))
        .await;
    server.advance(24 * 3600);
    let why = why_of(&second).await;
    assert_eq!((&why["status"], &why["generation"]), (&json!("current"), &json!(1)));
    assert!(told(&why).contains("expired at"), "{why}");
    let own = server.admin_token().await;
    let own = self::why(&server, &own).await;
    assert_eq!((&own["status"], &own["session"]), (&json!("no_session"), &Value::Null));
}

async fn an_access_token_that_was_revoked_says_so(database: Database) {
    let server = Server::start(database).await;
    let login = server.login_with_service().await;
    let form = "grant_type=client_credentials";
    let own = server.post("/oauth/token", Some("service"), form).await.expect(200);
    for (token, status) in [(&login, "current"), (&own, "no_session")] {
        let before = why(&server, token.access_token()).await;
        assert_eq!((&before["status"], &before["revoked"]), (&json!(status), &json!(false)));
        let form = format!("token={}", token.access_token());
        server.post("/oauth/revoke", Some("service"), &form).await.expect(200);
        let after = why(&server, token.access_token()).await;
        assert_eq!((&after["status"], &after["revoked"]), (&json!(status), &json!(true)));
        assert!(told(&after).contains("itself was revoked"), "{after}");
    }
    assert_eq!(why(&server, login.refresh_token()).await["revoked"], false);
}

async fn what_is_not_ours_is_told_apart(database: Database) {
    let server = Server::start(database).await;
    let pair = server.login(None).await;
    let (token, jwt) = (pair.refresh_token(), pair.access_token());
    let swap = |text: &str, at: usize| {
        let mut bytes = text.as_bytes().to_vec();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        String::from_utf8(bytes).unwrap()
    };
    for (text, status) in [
        ("nonsense", "unreadable"),
        ("mint_rt_", "unreadable"),
        (&token[..token.len() - 1], "unreadable"),
        (&token["mint_rt_".len()..], "unreadable"),
        (&jwt[..jwt.len() - 4], "forged"),
        // The number of the key that made the MAC.
        (&swap(token, 11), "key_gone"),
        (&swap(token, 60), "forged"),
        (&swap(token, 20), "forged"),
        (&swap(jwt, jwt.len() - 10), "forged"),
    ] {
        let why = why(&server, text).await;
        assert_eq!(why["status"], status, "{text}");
        for member in ["token", "session_id", "generation", "session", "spent"] {
            assert_eq!(why[member], Value::Null, "{text}: {member}");
        }
        assert_eq!(why["events"], json!([]));
    }
}

async fn a_session_that_was_forgotten_is_said_to_be(database: Database) {
    let server = Server::start(database).await;
    let pair = server.login(None).await;
    let token = pair.refresh_token();
    server.database.execute("DELETE FROM sessions").await;
    let unknown = why(&server, token).await;
    assert_eq!(
        (&unknown["status"], &unknown["session_id"]),
        (&json!("session_unknown"), &pair.json["sid"])
    );
    let admin = server.admin_token().await;
    for body in
        [json!({}), json!({ "token": " " }), json!({ "handle": "x" }), json!({ "token": 1 })]
    {
        let answer = server.admin("POST", WHY, &admin, Some(body)).await;
        assert_eq!(answer.rejection(), (400, "invalid_request"));
    }
}

async fn a_token_of_a_key_that_is_gone_says_nothing(database: Database) {
    let server = Server::start(database).await;
    let pair = server.login(None).await;
    // Another database: one whose keys are not those that made the token.
    let elsewhere = Server::start(Database::sqlite()).await;
    assert_eq!(why(&elsewhere, pair.access_token()).await["status"], "key_gone");
    let admin = server.admin_token().await;
    let kid = crate::support::part_of(pair.access_token(), 0)["kid"].clone();
    let revoke = json!({ "mode": "compromised", "kid": kid });
    server.admin("POST", "/admin/v1/keys/rotate", &admin, Some(revoke)).await.expect(200);
    let why = why(&server, pair.access_token()).await;
    assert_eq!((&why["status"], &why["session_id"]), (&json!("key_gone"), &Value::Null));
}

async fn the_token_is_in_no_answer_and_no_entry(database: Database) {
    let server = Server::start(database).await;
    let pair = server.login(None).await;
    for token in [pair.refresh_token(), pair.access_token()] {
        let why = why(&server, token).await.to_string();
        assert!(!why.contains(token) && !why.contains("mint_rt_"), "{why}");
    }
    let entries = "SELECT COUNT(*) FROM audit_events WHERE action LIKE 'session.%'";
    assert_eq!(server.database.number(entries).await, 1, "looking is no event");
}
