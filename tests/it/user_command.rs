//! `mintmark user …`, beside a server that runs on the same database.
use crate::{
    on_both,
    support::{Answer, Database, Outcome, Process, part_of, run_with},
};
use serde_json::{Value, json};

on_both!(
    a_user_is_made_and_can_log_in_at_once,
    a_new_password_ends_the_sessions,
    a_disabled_user_is_out_at_once,
    users_are_listed_without_their_hashes,
    what_cannot_work_is_refused_and_changes_nothing,
);

const PASSWORD: &str = "a password of bob";

fn user(database: &Database, arguments: &[&str], input: &str) -> Outcome {
    run_with(&[&["user"], arguments, &["--database", &database.url]].concat(), &[], input)
}

fn create(database: &Database, arguments: &[&str]) -> Outcome {
    let create = ["create", "--username", "Bob", "--password-stdin"];
    user(database, &[&create, arguments].concat(), &format!("{PASSWORD}\n")).expect(0)
}

async fn login(process: &Process, password: &str) -> Answer {
    let body = json!({ "username": "bob", "password": password });
    Answer::to(process.http.post(format!("{}/session/login", process.issuer())).json(&body)).await
}

/// Status, `error_code` and description of a refused refresh.
async fn refused(process: &Process, refresh_token: &str) -> (u16, String, String) {
    let answer = process.refresh(refresh_token).await;
    let description = answer.text_of("error_description").to_owned();
    (answer.status, answer.error_code().to_owned(), description)
}

async fn a_user_is_made_and_can_log_in_at_once(database: Database) {
    let process = Process::start(&database);
    login(&process, PASSWORD).await.expect(401);
    let rights = ["--role", "r1", "--role", "r2", "--group", "g", "--permission", "p"];
    let made =
        create(&database, &[&["--email", "bob@example.com", "--json"], &rights[..]].concat());
    let made = made.json();
    assert_eq!((&made["username"], made.as_object().unwrap().len()), (&json!("bob"), 2));
    let pair = login(&process, PASSWORD).await.expect(200);
    let claims = part_of(pair.access_token(), 1);
    assert_eq!(claims["sub"], made["user_id"]);
    assert_eq!(claims["roles"], json!(["r1", "r2"]));
    assert_eq!((&claims["groups"], &claims["permissions"]), (&json!(["g"]), &json!(["p"])));
}

async fn a_new_password_ends_the_sessions(database: Database) {
    let process = Process::start(&database);
    create(&database, &[]);
    let pair = login(&process, PASSWORD).await.expect(200);
    let demo = process.login().await;
    let set = ["set-password", "BOB", "--password-stdin", "--json"];
    let set = user(&database, &set, "another password").expect(0).json();
    assert_eq!((&set["sessions_ended"], &set["user_id"]), (&json!(1), &pair.json["sub"]));
    let (status, code, why) = refused(&process, pair.refresh_token()).await;
    assert_eq!(
        (status, code.as_str(), why.as_str()),
        (400, "session_ended", "ended: password_changed")
    );
    login(&process, PASSWORD).await.expect(401);
    login(&process, "another password").await.expect(200);
    process.refresh(demo.refresh_token()).await.expect(200);

    let again = user(&database, &["set-password", "bob", "--password-stdin"], "a third password");
    assert!(again.stdout.contains("bob; sessions ended: 1."), "{again:?}");
}

async fn a_disabled_user_is_out_at_once(database: Database) {
    let process = Process::start(&database);
    create(&database, &[]);
    let pairs = [login(&process, PASSWORD).await, login(&process, PASSWORD).await];
    let disabled = user(&database, &["disable", "bob", "--json"], "").expect(0).json();
    assert_eq!(disabled["sessions_ended"], 2);
    for pair in pairs {
        let (status, code, why) = refused(&process, pair.refresh_token()).await;
        assert_eq!(
            (status, code.as_str(), why.as_str()),
            (400, "session_ended", "ended: user_disabled")
        );
    }
    // No different from a wrong password.
    let (right, wrong) = (login(&process, PASSWORD).await, login(&process, "wrong one").await);
    assert_eq!((right.status, &right.json), (401, &wrong.json));
    let again = user(&database, &["disable", "bob"], "").expect(0);
    assert!(again.stdout.contains("bob; sessions ended: 0."), "{again:?}");
}

async fn users_are_listed_without_their_hashes(database: Database) {
    let made = create(&database, &["--role", "editor"]);
    assert!(made.stdout.starts_with("Created bob with the id "), "{made:?}");
    let (list, table) = (
        user(&database, &["list", "--json"], "").expect(0),
        user(&database, &["list"], "").expect(0),
    );
    let users = list.json();
    assert_eq!((&users[0]["username"], &users[0]["disabled_at"]), (&json!("bob"), &Value::Null));
    assert!(made.stdout.contains(users[0]["user_id"].as_str().unwrap()));
    assert_eq!(table.stdout.lines().count(), 2, "{table:?}");
    assert!(table.stdout.contains("USERNAME") && table.stdout.contains("editor"), "{table:?}");
    for outcome in [list, table] {
        assert!(!outcome.stdout.contains("argon2"), "{outcome:?}");
    }
    user(&database, &["disable", "bob"], "").expect(0);
    let users = user(&database, &["list", "--json"], "").expect(0).json();
    assert!(users[0]["disabled_at"].is_string(), "{users}");
}

async fn what_cannot_work_is_refused_and_changes_nothing(database: Database) {
    create(&database, &[]);
    let state = "SELECT password_hash || COALESCE(CAST(disabled_at AS TEXT), '') FROM users";
    let (users, events) = (state, "SELECT COUNT(*) FROM audit_events");
    let before = (database.texts(users).await, database.number(events).await);
    let carol = ["create", "--username", "carol", "--password-stdin"];
    let set = ["set-password", "bob", "--password-stdin"];
    let long = "x".repeat(1025);
    for (code, arguments, input, named) in [
        (
            1,
            &["create", "--username", "BOB", "--password-stdin"][..],
            "long enough",
            "user bob already",
        ),
        (1, &carol, "short", "8 to 1024 bytes"),
        (1, &carol, "", "8 to 1024 bytes"),
        (1, &carol, &long, "8 to 1024 bytes"),
        (1, &["create", "--username", "carol"], "long enough", "--password-stdin"),
        (2, &["create", "--password-stdin"], "long enough", "--username"),
        (
            2,
            &["create", "--username", "a\nb", "--password-stdin"],
            "long enough",
            "control character",
        ),
        (1, &set, "short", "8 to 1024 bytes"),
        (1, &["set-password", "nobody", "--password-stdin"], "long enough", "no user nobody"),
        (1, &["disable", "nobody"], "", "no user nobody"),
        (2, &["disable"], "", "USERNAME"),
    ] {
        let refused = user(&database, arguments, input).expect(code);
        assert!(refused.stderr.contains(named), "no `{named}` in {refused:?}");
        assert!(refused.stdout.is_empty(), "{refused:?}");
    }
    assert_eq!((database.texts(users).await, database.number(events).await), before);
}
