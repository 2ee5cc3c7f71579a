//! Clocks that jump: nobody is logged out, and the schedule does not run twice.
use crate::{
    on_both,
    support::{Database, ResourceServer, Server},
};
use mintmark::clock::Clock;
use std::sync::{
    Arc,
    atomic::{AtomicI64, Ordering},
};

const MINUTE: i64 = 60 * 1000;
const HOUR: i64 = 60 * MINUTE;

on_both!(a_clock_that_jumps_makes_no_keys_and_ends_no_session);

async fn a_clock_that_jumps_makes_no_keys_and_ends_no_session(database: Database) {
    let time = Arc::new(AtomicI64::new(Clock::manual().now().0));
    let clock = Clock::Manual(Arc::clone(&time));
    let server = Server::with_clock(database, clock, |_| ()).await;
    let mut token = server.login(None).await.refresh_token().to_owned();
    // To the hour in which the next keys are announced, and around it.
    for jump in
        [HOUR, -10 * MINUTE, 29 * 24 * HOUR - 30 * MINUTE, -10 * MINUTE, HOUR, -HOUR, 2 * HOUR]
    {
        time.fetch_add(jump, Ordering::Relaxed);
        server.app.keys.maintain().await.unwrap();
        let pair = server.refresh(&token).await.expect(200);
        pair.refresh_token().clone_into(&mut token);
        let access = server.admin_token().await;
        assert!(ResourceServer::fetch(&server).await.accepts(&access), "after a jump of {jump} ms");
        server.admin("GET", "/admin/v1/keys", &access, None).await.expect(200);
        let most = "SELECT MAX(number) FROM keys";
        assert!(server.database.number(most).await <= 2, "after a jump of {jump} ms");
    }
    let made = "SELECT COUNT(*) FROM keys WHERE number = 2";
    assert_eq!(server.database.number(made).await, 3, "the next of each line, once");
    assert_eq!(server.audited("session.reuse_detected").await, 0);
}
