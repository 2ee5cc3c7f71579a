//! The audit log, over HTTP and on the command line, and what suspicious uses leave in it.
use crate::{
    on_both,
    support::{Answer, Database, Server, run_with},
};
use serde_json::{Value, json};

on_both!(
    entries_come_newest_first_and_in_pages,
    entries_are_found_by_what_they_are_about,
    each_suspicion_has_an_entry_with_its_request,
    the_command_line_shows_the_same_entries_and_tells_why,
);

async fn audit(server: &Server, query: &str) -> Value {
    let path = format!("/admin/v1/audit?{query}");
    server.admin("GET", &path, &server.admin_token().await, None).await.expect(200).json
}

fn items(list: &Value) -> &Vec<Value> {
    list["items"].as_array().unwrap()
}

async fn entries_come_newest_first_and_in_pages(database: Database) {
    let server = Server::start(database).await;
    let mut sids = Vec::new();
    for _ in 0..7 {
        sids.push(server.login(None).await.json["sid"].clone());
        server.advance(1);
    }
    sids.reverse();
    let (mut seen, mut after, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let page = audit(&server, &format!("action=session.started&limit=3{after}")).await;
        seen.extend(items(&page).iter().map(|entry| entry["session_id"].clone()));
        pages += 1;
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    assert_eq!((pages, seen), (3, sids));
    let token = server.admin_token().await;
    for bad in ["limit=x", "after=x", "session=x", "limit=1&limit=2"] {
        let answer = server.admin("GET", &format!("/admin/v1/audit?{bad}"), &token, None).await;
        assert_eq!(answer.rejection(), (400, "invalid_request"), "{bad}");
    }
}

async fn entries_are_found_by_what_they_are_about(database: Database) {
    let server = Server::start(database).await;
    let (phone, service) = (server.login(Some("phone")).await, server.login_with_service().await);
    let (sid, sub) = (phone.text_of("sid"), phone.text_of("sub"));
    let path = format!("/admin/v1/sessions/{sid}");
    server.advance(1);
    server.admin("DELETE", &path, &server.admin_token().await, None).await.expect(204);
    let request = service.header("x-request-id").unwrap();
    for (query, actions) in [
        ("action=session.ended", &["session.ended"][..]),
        ("action=nothing", &[]),
        (&format!("session={sid}"), &["session.ended", "session.started"]),
        (&format!("session={sid}&action=session.started"), &["session.started"]),
        ("user=alice", &["session.ended", "session.started", "session.started"]),
        (&format!("user={sub}&client=service"), &["session.started"]),
        ("client=app", &["session.ended", "session.started"]),
        (&format!("request={request}"), &["session.started"]),
        (&format!("session={sid}&request={request}"), &[]),
        ("user=nobody", &[]),
    ] {
        let list = audit(&server, query).await;
        let found: Vec<_> =
            items(&list).iter().map(|entry| entry["action"].as_str().unwrap()).collect();
        assert_eq!(found, actions, "{query}");
    }
    let all = audit(&server, "").await;
    assert!(items(&all).len() > 3, "also what happened to keys");
    let entry = &audit(&server, "action=session.ended").await["items"][0];
    assert_eq!((&entry["actor"], &entry["client_id"]), (&json!("client:admin"), &json!("app")));
    assert_eq!((&entry["session_id"], &entry["user_id"]), (&json!(sid), &json!(sub)));
    assert_eq!(entry["at"], server.clock.now().to_string());
}

/// Each with the request, the address, the user agent and the generation that was presented.
async fn each_suspicion_has_an_entry_with_its_request(database: Database) {
    let server = Server::start(database).await;
    let login = server.login(Some("phone")).await;
    let sid = login.text_of("sid");
    let token = server.refresh(login.refresh_token()).await.expect(200).refresh_token().to_owned();
    let refresh = async |client: &str, more: &str| {
        let form =
            format!("grant_type=refresh_token&client_id={client}&refresh_token={token}{more}");
        Answer::to(server.form("/oauth/token", &form).header("user-agent", "somebody/1")).await
    };
    let secret = format!("&client_secret={}", crate::support::SECRET);
    let foreign = refresh("other", &secret).await.expect(400);
    let mismatch = refresh("app", "&device_id=laptop").await.expect(400);
    let back = "UPDATE sessions SET generation = 0";
    server.database.execute(back).await;
    let ahead = refresh("app", "").await.expect(200);
    server.advance(31);
    let reuse = refresh("app", "").await.expect(400);
    for (action, answer, actor) in [
        ("session.foreign_client", foreign, "client:other"),
        ("session.device_mismatch", mismatch, "client:app"),
        ("session.generation_ahead", ahead, "client:app"),
        ("session.reuse_detected", reuse, "client:app"),
    ] {
        let list = audit(&server, &format!("session={sid}&action={action}")).await;
        let [entry] = items(&list).as_slice() else { panic!("{action}: {list}") };
        assert_eq!(entry["request_id"], answer.header("x-request-id").unwrap(), "{action}");
        assert_eq!((&entry["actor"], &entry["user_id"]), (&json!(actor), &login.json["sub"]));
        let detail = &entry["detail"];
        assert_eq!(
            (&detail["user_agent"], &detail["address"]),
            (&json!("somebody/1"), &json!("127.0.0.1"))
        );
        assert_eq!(detail["presented_generation"], 1, "{action}");
        let device = detail.get("presented_device_id");
        assert_eq!(device, (action == "session.device_mismatch").then_some(&json!("laptop")));
    }
}

async fn the_command_line_shows_the_same_entries_and_tells_why(database: Database) {
    let server = Server::start(database).await;
    let login = server.login(Some("phone")).await;
    let (token, sid) = (login.refresh_token().to_owned(), login.text_of("sid").to_owned());
    server.refresh(&token).await.expect(200);
    server.advance(31);
    server.refresh(&token).await.expect(400);
    let run = |arguments: &[&str], input: &str| {
        let master = server.database.dir.path().join("master.key");
        let variables = [("MINTMARK__MASTER_KEY__FILE", master.to_str().unwrap())];
        run_with(&[arguments, &["--database", &server.database.url]].concat(), &variables, input)
    };
    let listed = run(&["audit", "list", "--session", &sid, "--json"], "").expect(0).json();
    assert_eq!(listed, audit(&server, &format!("session={sid}")).await);
    let table = run(&["audit", "list", "--action", "session.reuse_detected"], "").expect(0).stdout;
    assert!(table.contains("client:app") && table.contains("presented_generation=0"), "{table}");
    run(&["audit", "list", "--user", "nobody"], "").expect(1);

    let body = json!({ "token": token });
    let path = "/admin/v1/sessions/why";
    let admin =
        server.admin("POST", path, &server.admin_token().await, Some(body)).await.expect(200);
    for (argument, input) in [(token.as_str(), ""), ("-", format!("{token}\n").as_str())] {
        let why = run(&["session", "why", argument, "--json"], input).expect(0).json();
        assert_eq!(why, admin.json, "{argument}");
    }
    let told = run(&["session", "why", "-"], &token).expect(0).stdout;
    for part in
        ["refresh token 0", "reuse_detected", "alice", "phone", "session.started", "127.0.0.1"]
    {
        assert!(told.contains(part), "no {part} in {told}");
    }
    assert!(!told.contains(&token), "{told}");
    let garbage = run(&["session", "why", "garbage"], "").expect(0).stdout;
    assert!(garbage.contains("no token of this service"), "{garbage}");
}
