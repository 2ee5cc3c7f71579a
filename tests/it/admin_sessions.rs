//! Devices as an administrator sees and ends them.
use crate::{
    on_both,
    support::{Answer, Database, PASSWORD, Server},
};
use mintmark::model::UserClaims;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const SESSIONS: &str = "/admin/v1/sessions";

on_both!(
    sessions_are_found_by_user_client_and_device,
    a_long_list_comes_in_pages,
    ending_a_session_refuses_its_refresh_token,
    a_query_ends_what_it_means_and_nothing_else,
    a_query_that_means_everything_is_refused,
    an_ending_is_audited_with_who_and_which_request,
    administrators_who_end_one_session_at_once_end_it_once,
);

/// Alice on two devices and with the service, Bob on a device of the same name.
struct People {
    server: Server,
    phone: Answer,
    tablet: Answer,
    service: Answer,
    bob: Answer,
}

async fn people(database: Database) -> People {
    let server = Server::start(database).await;
    server.add_user("bob", PASSWORD, UserClaims::default()).await;
    let phone = server.login(Some("phone")).await;
    let tablet = server.login(Some("tablet")).await;
    let service = server.login_with_service().await;
    let body = json!({ "username": "bob", "password": PASSWORD, "device_id": "phone" });
    let bob = server.post_json("/session/login", body).await.expect(200);
    People { server, phone, tablet, service, bob }
}

impl People {
    async fn admin(&self, method: &str, path: &str) -> Answer {
        self.server.admin(method, path, &self.server.admin_token().await, None).await
    }

    /// The sessions that a query finds.
    async fn found(&self, query: &str) -> BTreeSet<String> {
        let list = self.admin("GET", &format!("{SESSIONS}?{query}")).await.expect(200).json;
        ids(&list)
    }
}

fn ids(list: &Value) -> BTreeSet<String> {
    let items = list["items"].as_array().unwrap().iter();
    items.map(|session| session["id"].as_str().unwrap().to_owned()).collect()
}

fn sids(pairs: &[&Answer]) -> BTreeSet<String> {
    pairs.iter().map(|pair| pair.text_of("sid").to_owned()).collect()
}

async fn sessions_are_found_by_user_client_and_device(database: Database) {
    let people = people(database).await;
    let People { phone, tablet, service, bob, .. } = &people;
    let alice = phone.text_of("sub");
    for (query, sessions) in [
        ("", vec![phone, tablet, service, bob]),
        ("user=alice", vec![phone, tablet, service]),
        (&format!("user={alice}"), vec![phone, tablet, service]),
        ("user=bob", vec![bob]),
        ("client=app", vec![phone, tablet, bob]),
        ("client=service", vec![service]),
        ("user=alice&client=app", vec![phone, tablet]),
        ("device_id=phone", vec![phone, bob]),
        ("user=alice&device_id=phone", vec![phone]),
        ("user=alice&client=service&device_id=phone", vec![]),
        ("user=nobody", vec![]),
        ("user=0193e5a0-0000-7000-8000-000000000000", vec![]),
        ("client=nobody", vec![]),
        ("user=alice%27%20OR%201%3D1--", vec![]),
    ] {
        assert_eq!(people.found(query).await, sids(&sessions), "{query}");
    }
    let list = people.admin("GET", &format!("{SESSIONS}?user=alice&device_id=phone")).await.json;
    let session = &list["items"][0];
    assert_eq!(session["user_id"], alice);
    assert_eq!((&session["client_id"], &session["device_id"]), (&json!("app"), &json!("phone")));
    assert_eq!((&session["generation"], &session["scope"]), (&json!(0), &json!("read write")));
    assert_eq!(session["created_at"], people.server.clock.now().to_string());
    for bad in ["client=", "limit=x", "after=x", "limit=1&limit=2"] {
        let status = people.admin("GET", &format!("{SESSIONS}?{bad}")).await.status;
        assert_eq!(status, if bad == "client=" { 200 } else { 400 }, "{bad}");
    }
}

async fn a_long_list_comes_in_pages(database: Database) {
    let server = Server::start(database).await;
    let mut all = BTreeSet::new();
    for device in 0..7 {
        all.insert(server.login(Some(&format!("d{device}"))).await.text_of("sid").to_owned());
        server.advance(1);
    }
    let token = server.admin_token().await;
    let (mut seen, mut after, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let path = format!("{SESSIONS}?user=alice&limit=3{after}");
        let page = server.admin("GET", &path, &token, None).await.expect(200).json;
        let items = page["items"].as_array().unwrap().iter();
        seen.extend(items.map(|session| session["id"].as_str().unwrap().to_owned()));
        pages += 1;
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    assert_eq!((pages, seen.len()), (3, 7));
    assert!(seen.is_sorted(), "in order of creation");
    assert_eq!(seen.into_iter().collect::<BTreeSet<_>>(), all);
}

async fn ending_a_session_refuses_its_refresh_token(database: Database) {
    let people = people(database).await;
    let path = format!("{SESSIONS}/{}", people.phone.text_of("sid"));
    let ended = people.admin("DELETE", &path).await.expect(204);
    assert_eq!(ended.text, "");
    let again = people.admin("DELETE", &path).await;
    assert_eq!(again.rejection(), (404, "not_found"));
    let refused = people.server.refresh(people.phone.refresh_token()).await;
    assert_eq!(refused.rejection(), (400, "invalid_grant"));
    assert_eq!(refused.error_code(), "session_ended");
    assert_eq!(refused.json["error_description"], "ended: ended_by_administrator");
    people.server.refresh(people.tablet.refresh_token()).await.expect(200);
    for unknown in ["no-id", "0193e5a0-0000-7000-8000-000000000000", "%00"] {
        let answer = people.admin("DELETE", &format!("{SESSIONS}/{unknown}")).await;
        assert_eq!(answer.rejection(), (404, "not_found"), "{unknown}");
    }
}

async fn a_query_ends_what_it_means_and_nothing_else(database: Database) {
    let people = people(database).await;
    let end = async |query: &str| {
        let answer = people.admin("DELETE", &format!("{SESSIONS}?{query}")).await;
        answer.expect(200).json["ended"].as_i64().unwrap()
    };
    assert_eq!(end("user=nobody").await, 0);
    assert_eq!(end("user=alice&client=app&device_id=phone").await, 1);
    assert_eq!(people.found("").await, sids(&[&people.tablet, &people.service, &people.bob]));
    assert_eq!(end("user=alice").await, 2);
    assert_eq!(end("user=alice").await, 0);
    assert_eq!(people.found("").await, sids(&[&people.bob]));
    let refused = people.server.refresh(people.tablet.refresh_token()).await;
    assert_eq!(refused.json["error_description"], "ended: ended_by_administrator");
    people.server.refresh(people.bob.refresh_token()).await.expect(200);
    assert_eq!(end("client=app").await, 1);
    assert_eq!(people.found("").await, sids(&[]));
}

async fn a_query_that_means_everything_is_refused(database: Database) {
    let people = people(database).await;
    for query in ["", "user=", "client=&user=", "device_id=phone", "users=alice", "user=a&user=b"] {
        let answer = people.admin("DELETE", &format!("{SESSIONS}?{query}")).await;
        assert_eq!(answer.rejection(), (400, "invalid_request"), "{query}");
    }
    assert_eq!(people.found("").await.len(), 4);
}

async fn an_ending_is_audited_with_who_and_which_request(database: Database) {
    let people = people(database).await;
    let path = format!("{SESSIONS}/{}", people.phone.text_of("sid"));
    let one = people.admin("DELETE", &path).await.expect(204);
    people.admin("DELETE", &path).await.expect(404);
    let two = people.admin("DELETE", &format!("{SESSIONS}?user=alice")).await.expect(200);
    for (answer, entries) in [(one, 1), (two, 2)] {
        let query = format!(
            "SELECT COUNT(*) FROM audit_events WHERE action = 'session.ended'
             AND actor = 'client:admin' AND session_id IS NOT NULL AND request_id = '{}'",
            answer.header("x-request-id").unwrap()
        );
        assert_eq!(people.server.database.number(&query).await, entries);
    }
    assert_eq!(people.server.audited("session.ended").await, 3);
}

async fn administrators_who_end_one_session_at_once_end_it_once(database: Database) {
    let people = people(database).await;
    let path = format!("{SESSIONS}/{}", people.phone.text_of("sid"));
    let token = people.server.admin_token().await;
    let calls = (0..10).map(|_| people.server.admin("DELETE", &path, &token, None));
    let answers = futures_util::future::join_all(calls).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 204).count(), 1);
    assert_eq!(answers.iter().filter(|answer| answer.status == 404).count(), 9);
    assert_eq!(people.server.audited("session.ended").await, 1);
}
