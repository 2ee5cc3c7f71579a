//! Two real processes on one database.
use crate::{
    on_both,
    support::{Database, Process},
};
use std::time::Duration;

on_both!(
    two_processes_share_keys_and_sessions,
    processes_that_start_together_on_an_empty_database_agree,
);

const VARIABLES: &[(&str, &str)] =
    &[("MINTMARK__KEYS__POLL_INTERVAL", "500ms"), ("MINTMARK__LOG__FILTER", "error")];

async fn two_processes_share_keys_and_sessions(database: Database) {
    let one = Process::start_with(&database, VARIABLES);
    let two = Process::start_with(&database, VARIABLES);
    let jwks = one.get("/.well-known/jwks.json").await.expect(200).text;
    assert_eq!(two.get("/.well-known/jwks.json").await.text, jwks);

    let pair = one.login().await;
    let next = two.refresh(pair.refresh_token()).await.expect(200);
    one.refresh(next.refresh_token()).await.expect(200);

    one.rotate().await;
    let rotated = one.get("/.well-known/jwks.json").await.expect(200).text;
    assert_ne!(rotated, jwks);
    let seen = async {
        while two.get("/.well-known/jwks.json").await.text != rotated {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), seen).await.expect("within the poll interval");
    let (one_kid, two_kid) = (one.signing_kid().await, two.signing_kid().await);
    assert_eq!(one_kid, two_kid);
    assert_eq!(two.terminate().0, Some(0));
}

async fn processes_that_start_together_on_an_empty_database_agree(database: Database) {
    // The folder of the demo credentials is of one process; the database and the master key are not.
    let master_key = "lpmYXKVAmnzkgXEIOPSAnWx5xcVk3fzfVzkXmZW0AYY";
    let file = database.dir.path().join("master.key");
    std::fs::write(&file, master_key).unwrap();
    let start = |n: usize| {
        let dir = tempfile::tempdir().unwrap();
        std::fs::copy(&file, dir.path().join("master.key")).unwrap();
        let database = Database { url: database.url.clone(), dir };
        tokio::task::spawn_blocking(move || {
            (n, Process::start_with(&database, VARIABLES), database)
        })
    };
    let started = futures_util::future::join_all((0..3).map(start)).await;
    let mut jwks = std::collections::HashSet::new();
    for process in started {
        let (_, process, _folder) = process.unwrap();
        jwks.insert(process.get("/.well-known/jwks.json").await.expect(200).text);
        process.get("/health/ready").await.expect(200);
    }
    assert_eq!(jwks.len(), 1);
    assert_eq!(database.number("SELECT COUNT(*) FROM keys").await, 3);
}
