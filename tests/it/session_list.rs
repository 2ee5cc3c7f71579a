//! Sessions by state and group, over HTTP and on the command line alike.
use crate::{
    on_both,
    support::{Answer, Database, Outcome, PASSWORD, Server, run_with},
};
use mintmark::model::{ClientMetadata, ClientType, UserClaims};
use serde_json::{Value, json};
use std::time::Duration;

const SESSIONS: &str = "/admin/v1/sessions";

on_both!(
    ended_sessions_are_listed_with_when_and_why,
    a_session_whose_lifetime_is_over_has_ended_before_it_is_marked,
    a_clients_own_idle_lifetime_counts,
    a_group_is_that_of_one_user,
    more_sessions_than_one_step_ends_all_end,
    the_command_line_lists_what_the_api_lists,
    the_command_line_ends_what_it_is_told,
    what_means_everybody_is_refused_on_the_command_line,
);

async fn admin(server: &Server, method: &str, query: &str) -> Value {
    let path = format!("{SESSIONS}?{query}");
    server.admin(method, &path, &server.admin_token().await, None).await.expect(200).json
}

fn ids(list: &Value) -> Vec<&str> {
    list["items"].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap()).collect()
}

async fn login(server: &Server, user: &str, device: Option<&str>, group: Option<&str>) -> Answer {
    let body = json!({
        "username": user, "password": PASSWORD, "device_id": device, "group": group,
        "device_name": device.map(|device| format!("the {device}")),
    });
    server.post_json("/session/login", body).await.expect(200)
}

fn device(server: &Server, arguments: &[&str]) -> Outcome {
    run_with(&[&["device"], arguments, &["--database", &server.database.url]].concat(), &[], "")
}

async fn ended_sessions_are_listed_with_when_and_why(database: Database) {
    let server = Server::start(database).await;
    let replaced = server.login(Some("phone")).await;
    let live = server.login(Some("phone")).await;
    let service = server.login_with_service().await;
    let [replaced, live, service] = [&replaced, &live, &service].map(|pair| pair.text_of("sid"));
    for user in ["", "&user=alice"] {
        for (state, expected) in [
            ("", vec![live, service]),
            ("state=live", vec![live, service]),
            ("state=ended", vec![replaced]),
            ("state=all", vec![replaced, live, service]),
            ("state=ended&client=service", vec![]),
            ("state=all&client=app", vec![replaced, live]),
            ("state=all&device_id=phone", vec![replaced, live]),
        ] {
            let list = admin(&server, "GET", &format!("{state}{user}")).await;
            let mut expected = expected;
            expected.sort_unstable();
            assert_eq!(ids(&list), expected, "{state}{user}");
        }
    }
    let list = admin(&server, "GET", "state=all&client=app").await;
    let (first, second) = (&list["items"][0], &list["items"][1]);
    let (ended, live) = if first["id"] == replaced { (first, second) } else { (second, first) };
    assert_eq!((&ended["state"], &ended["end_reason"]), (&json!("ended"), &json!("replaced")));
    assert_eq!(ended["ended_at"], server.clock.now().to_string());
    assert_eq!((&live["state"], &live["username"]), (&json!("live"), &json!("alice")));
    assert!(live.get("ended_at").is_none() && live.get("end_reason").is_none(), "{live}");
    let answer = server
        .admin("GET", &format!("{SESSIONS}?state=dead"), &server.admin_token().await, None)
        .await;
    assert_eq!(answer.rejection(), (400, "invalid_request"));
}

async fn a_session_whose_lifetime_is_over_has_ended_before_it_is_marked(database: Database) {
    let server = Server::start(database).await;
    server.login(None).await;
    let idle_at = server.clock.now() + server.app.settings.sessions.idle_lifetime;
    for (seconds, state) in [(30 * 24 * 3600 - 1, "live"), (1, "ended")] {
        server.advance(seconds);
        for user in ["", "&user=alice"] {
            for wanted in ["live", "ended"] {
                let list = admin(&server, "GET", &format!("state={wanted}{user}")).await;
                assert_eq!(
                    ids(&list).len(),
                    usize::from(wanted == state),
                    "{wanted}{user} {state}"
                );
            }
            let list = admin(&server, "GET", &format!("state=all{user}")).await;
            assert_eq!(list["items"][0]["state"], state);
        }
    }
    let session = &admin(&server, "GET", "state=ended").await["items"][0];
    assert_eq!(
        (&session["end_reason"], &session["ended_at"]),
        (&json!("idle"), &json!(idle_at.to_string()))
    );
    server.advance(60);
    server.app.prune().await.unwrap();
    let session = &admin(&server, "GET", "state=ended").await["items"][0];
    assert_eq!(session["end_reason"], "idle", "and it is marked now");
}

async fn a_clients_own_idle_lifetime_counts(database: Database) {
    let server = Server::start(database).await;
    let hasty = ClientMetadata {
        idle_lifetime: Some(Duration::from_mins(10)),
        ..ClientMetadata::new(ClientType::Public, vec!["refresh_token".into()])
    };
    server.add_client("hasty", hasty, None).await;
    let body = json!({ "username": "alice", "password": PASSWORD, "client_id": "hasty" });
    let hasty = server.post_json("/session/login", body).await.expect(200);
    let usual = server.login(None).await;
    server.advance(600);
    for more in ["", "&user=alice"] {
        assert_eq!(
            ids(&admin(&server, "GET", &format!("state=live{more}")).await),
            [usual.text_of("sid")]
        );
        assert_eq!(
            ids(&admin(&server, "GET", &format!("state=ended{more}")).await),
            [hasty.text_of("sid")]
        );
    }
    assert_eq!(ids(&admin(&server, "GET", "state=ended&client=hasty").await).len(), 1);
    assert_eq!(ids(&admin(&server, "GET", "state=ended&client=app").await).len(), 0);
}

async fn a_group_is_that_of_one_user(database: Database) {
    let server = Server::start(database).await;
    server.add_user("bob", PASSWORD, UserClaims::default()).await;
    let first = login(&server, "alice", Some("phone"), Some("home")).await;
    let second = login(&server, "alice", Some("tablet"), Some("home")).await;
    let work = login(&server, "alice", Some("laptop"), Some("work")).await;
    let bob = login(&server, "bob", Some("phone"), Some("home")).await;
    assert_eq!(ids(&admin(&server, "GET", "user=alice&group=home").await).len(), 2);
    let token = server.admin_token().await;
    for query in ["group=home", "group=home&client=app", "group=home&user="] {
        let answer = server.admin("DELETE", &format!("{SESSIONS}?{query}"), &token, None).await;
        assert_eq!(answer.rejection(), (400, "invalid_request"), "{query}");
    }
    assert_eq!(admin(&server, "DELETE", "user=alice&group=none").await["ended"], 0);
    assert_eq!(admin(&server, "DELETE", "user=alice&group=home").await["ended"], 2);
    for (pair, status) in [(&first, 400), (&second, 400), (&work, 200), (&bob, 200)] {
        server.refresh(pair.refresh_token()).await.expect(status);
    }
    assert_eq!(ids(&admin(&server, "GET", "user=alice&group=home&state=ended").await).len(), 2);
    assert_eq!(server.database.number("SELECT COUNT(*) FROM user_sessions").await, 2);
}

/// A step is 500.
async fn more_sessions_than_one_step_ends_all_end(database: Database) {
    let server = Server::start(database).await;
    server.login(None).await;
    let other = server.login_with_service().await;
    let id = |n: u32| {
        let id = format!("01900000-0000-7000-8000-{n:012x}");
        let blob = format!("x'{}'", id.replace('-', ""));
        if server.database.is_sqlite() { blob } else { format!("'{id}'::uuid") }
    };
    let mine = "FROM sessions WHERE client_id = 'app' AND device_name IS NULL";
    let copies: Vec<_> = (0..1234).collect();
    for copies in copies.chunks(200) {
        let session = |&n: &u32| {
            format!(
                "SELECT {}, user_id, client_id, 'many', scope, 0, 0, expires_at, 0, 0, last_used_at {mine}",
                id(n)
            )
        };
        let sessions: Vec<_> = copies.iter().map(session).collect();
        server.database.execute(&format!(
            "INSERT INTO sessions (id, user_id, client_id, device_name, scope, auth_time, created_at,
                                   expires_at, generation, previous_generation, last_used_at) {}",
            sessions.join(" UNION ALL ")
        )).await;
    }
    server
        .database
        .execute(
            "INSERT INTO user_sessions (user_id, client_id, session_id)
         SELECT user_id, client_id, id FROM sessions WHERE device_name = 'many'",
        )
        .await;
    assert_eq!(admin(&server, "DELETE", "client=app").await["ended"], 1235);
    let left = "SELECT COUNT(*) FROM sessions WHERE ended_at IS NULL";
    assert_eq!(server.database.number(left).await, 1);
    assert_eq!(server.database.number("SELECT COUNT(*) FROM user_sessions").await, 1);
    assert_eq!(server.audited("session.ended").await, 1235);
    server.refresh_with_service(other.refresh_token()).await.expect(200);
}

async fn the_command_line_lists_what_the_api_lists(database: Database) {
    let server = Server::start(database).await;
    server.login(Some("phone")).await;
    login(&server, "alice", Some("phone"), None).await;
    server.login_with_service().await;
    for (arguments, query) in [
        (&["list"][..], ""),
        (&["list", "--user", "alice", "--client", "app"], "user=alice&client=app"),
        (&["list", "--state", "all"], "state=all"),
        (&["list", "--state", "ended", "--device-id", "phone"], "state=ended&device_id=phone"),
        (&["list", "--state", "all", "--limit", "1"], "state=all&limit=1"),
    ] {
        let listed = device(&server, &[arguments, &["--json"]].concat()).expect(0).json();
        assert_eq!(listed, admin(&server, "GET", query).await, "{arguments:?}");
    }
    let table = device(&server, &["list", "--state", "all"]).expect(0).stdout;
    for told in ["alice", "the phone", "127.0.0.1", "live", "replaced"] {
        assert!(table.contains(told), "no {told} in {table}");
    }
    let page = device(&server, &["list", "--state", "all", "--limit", "1"]).expect(0).stdout;
    assert!(page.contains("--after"), "{page}");
    let nobody = device(&server, &["list", "--user", "nobody"]).expect(1);
    assert!(nobody.stderr.contains("no user nobody"), "{nobody:?}");
}

async fn the_command_line_ends_what_it_is_told(database: Database) {
    let server = Server::start(database).await;
    let one = login(&server, "alice", Some("phone"), None).await;
    login(&server, "alice", Some("tablet"), Some("home")).await;
    login(&server, "alice", Some("laptop"), None).await;
    let sid = one.text_of("sid");
    let ended = device(&server, &["revoke", sid, "--json"]).expect(0).json();
    assert_eq!(ended, json!({ "ended": 1 }));
    let again = device(&server, &["revoke", sid]).expect(1);
    assert!(again.stderr.contains("no live session"), "{again:?}");
    let refused = server.refresh(one.refresh_token()).await;
    assert_eq!(refused.json["error_description"], "ended: ended_by_administrator");
    let group = device(&server, &["revoke", "--user", "alice", "--group", "home"]).expect(0);
    assert!(group.stdout.contains("Sessions ended: 1."), "{group:?}");
    let rest = device(&server, &["revoke", "--client", "app", "--json"]).expect(0).json();
    assert_eq!(rest, json!({ "ended": 1 }));
    let entries =
        "SELECT COUNT(*) FROM audit_events WHERE action = 'session.ended' AND actor = 'cli'
                   AND session_id IS NOT NULL AND user_id IS NOT NULL AND client_id = 'app'";
    assert_eq!(server.database.number(entries).await, 3);
}

async fn what_means_everybody_is_refused_on_the_command_line(database: Database) {
    let server = Server::start(database).await;
    let sid = server.login(Some("phone")).await.text_of("sid").to_owned();
    for (code, arguments) in [
        (1, &["revoke"][..]),
        (1, &["revoke", "--device-id", "phone"]),
        (1, &["revoke", "--group", "home"]),
        (1, &["revoke", "--group", "home", "--client", "app"]),
        (1, &["revoke", &sid, "--user", "alice"]),
        (1, &["revoke", "--user", "nobody"]),
        (2, &["revoke", "no-id"]),
        (2, &["list", "--state", "dead"]),
    ] {
        device(&server, arguments).expect(code);
    }
    assert_eq!(ids(&admin(&server, "GET", "").await), [sid.as_str()]);
}
