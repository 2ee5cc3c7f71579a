//! A new master key: what the old one sealed is sealed anew.
use crate::{
    on_both,
    support::{Database, Server},
};
use mintmark::{
    app::App,
    clock::Clock,
    config::Settings,
    keys::{Error, MasterKeys, Rekeyed},
};
use serde_json::json;

on_both!(
    everything_is_sealed_anew_and_the_old_key_can_go,
    a_row_that_does_not_open_stops_it_before_anything_changes,
    servers_go_on_while_it_runs,
    what_was_erased_meanwhile_stays_erased,
);

/// Puts a new master key first in the server's file, and gives settings with the new one alone.
fn add_master_key(server: &Server) -> Settings {
    let mut settings = server.app.settings.clone();
    let old = std::fs::read_to_string(&settings.master_key.file).unwrap();
    let file = server.database.dir.path().join("new.key");
    MasterKeys::create_file(&file).unwrap();
    let new = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&settings.master_key.file, new + &old).unwrap();
    file.to_str().unwrap().clone_into(&mut settings.master_key.file);
    settings
}

/// With the master keys that the settings name.
async fn rekey(server: &Server, settings: &Settings) -> Result<Rekeyed, Error> {
    let keys = MasterKeys::load(&settings.master_key).unwrap();
    keys.rekey(&server.app.store, &server.clock, "test").await
}

async fn everything_is_sealed_anew_and_the_old_key_can_go(database: Database) {
    let server = Server::start(database).await;
    server.rotate(json!({ "alg": "ES256" })).await.expect(200);
    let alone = add_master_key(&server);
    assert!(App::open(alone.clone(), Clock::manual()).await.is_err(), "the old key is needed");
    let before = server.database.keys().await;

    let done = rekey(&server, &server.app.settings).await.unwrap();
    assert_eq!((done.sealed_anew, done.unchanged), (4, 0));
    let after = server.database.keys().await;
    for (old, new) in before.iter().zip(&after) {
        assert!(new[4].starts_with(&format!("v1.{}.", done.master_key)) && new[4] != old[4]);
        assert_eq!((&new[..4], &new[5..]), (&old[..4], &old[5..]), "nothing else changes");
    }
    assert_eq!(server.audited("key.sealed_anew").await, 4);
    App::open(alone, Clock::manual()).await.expect("the new key is enough");

    let again = rekey(&server, &server.app.settings).await.unwrap();
    assert_eq!((again.sealed_anew, again.unchanged), (0, 4));
    assert_eq!(server.database.keys().await, after);
    assert_eq!(server.audited("key.sealed_anew").await, 4);
}

async fn a_row_that_does_not_open_stops_it_before_anything_changes(database: Database) {
    let server = Server::start(database).await;
    let alone = add_master_key(&server);
    let rows = server.database.keys().await;
    let refused = rekey(&server, &alone).await.unwrap_err().to_string();
    assert!(
        refused.contains("key ES256/1") && refused.contains("nothing was changed"),
        "{refused}"
    );
    assert_eq!(server.database.keys().await, rows);

    server.database.execute("UPDATE keys SET sealed = 'v1.a.b.c.d' WHERE line = 'handle'").await;
    let rows = server.database.keys().await;
    let refused = rekey(&server, &server.app.settings).await.unwrap_err().to_string();
    assert!(refused.contains("key handle/1"), "{refused}");
    assert_eq!(server.database.keys().await, rows);
}

/// Also one that was started before there was a new key: it holds what it needs.
async fn servers_go_on_while_it_runs(database: Database) {
    let server = Server::start(database).await;
    let pair = server.login(None).await;
    add_master_key(&server);
    rekey(&server, &server.app.settings).await.unwrap();
    server.app.keys.reload().await.expect("keys that are open stay open");
    let pair = server.refresh(pair.refresh_token()).await.expect(200);
    let restarted = server.replica().await;
    restarted.refresh(pair.refresh_token()).await.expect(200);
    server.rotate(json!({ "mode": "immediate", "alg": "ES256" })).await.expect(200);
}

async fn what_was_erased_meanwhile_stays_erased(database: Database) {
    let server = Server::start(database).await;
    let rows = server.app.store.keys().await.unwrap();
    let row = rows.iter().find(|row| row.line == "ES256").unwrap();
    let mut conn = server.app.store.autocommit().await.unwrap();
    assert!(conn.erase_key("ES256", 1).await.unwrap());
    assert!(!conn.reseal_key(row, "sealed anew from what was read before").await.unwrap());
    drop(conn);
    let erased = "SELECT COUNT(*) FROM keys WHERE line = 'ES256' AND sealed IS NULL";
    assert_eq!(server.database.number(erased).await, 1);
}
