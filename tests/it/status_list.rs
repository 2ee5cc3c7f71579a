//! Token status lists (draft-ietf-oauth-status-list), read by a decoder of the test's own.
use crate::{
    on_both,
    support::{Answer, Database, PASSWORD, ResourceServer, Server, StatusReader, part_of},
};
use futures_util::future::join_all;
use mintmark::model::{ClientMetadata, ClientType, StatusIndex};
use serde_json::{Value, json};
use std::{collections::HashSet, time::Duration};

on_both!(
    a_token_names_its_bit_for_as_long_as_its_session_lives,
    a_list_is_a_jwt_as_the_draft_has_it,
    a_resource_server_sees_a_revocation_within_the_ttl_on_another_replica,
    a_copy_is_confirmed_until_the_list_changes_or_grows_old,
    what_is_no_list_is_not_found,
    no_place_is_given_twice,
    a_block_that_a_failover_lost_is_not_used_again,
    a_list_is_signed_by_a_key_that_is_published,
    short_lived_tokens_have_short_lived_lists,
);

/// A public client `tracked`, whose sessions are in a list.
async fn start(database: Database) -> Server {
    let server = Server::start(database).await;
    add_tracked(&server).await;
    server
}

async fn add_tracked(server: &Server) {
    let grants = vec!["refresh_token".into()];
    let metadata = ClientMetadata::new(ClientType::Public, grants);
    let metadata = ClientMetadata { status_list: true, ..metadata };
    server.add_client("tracked", metadata, None).await;
}

async fn login(server: &Server) -> Answer {
    let body = json!({ "username": "alice", "password": PASSWORD, "client_id": "tracked" });
    server.post_json("/session/login", body).await.expect(200)
}

async fn refresh(server: &Server, token: &str) -> Answer {
    let form = format!("grant_type=refresh_token&client_id=tracked&refresh_token={token}");
    server.post("/oauth/token", None, &form).await
}

async fn revoke(server: &Server, pair: &Answer) {
    let form = format!("client_id=tracked&token={}", pair.refresh_token());
    server.post("/oauth/revoke", None, &form).await.expect(200);
}

fn status(pair: &Answer) -> Value {
    part_of(pair.access_token(), 1)["status"].clone()
}

fn idx(pair: &Answer) -> i64 {
    status(pair)["status_list"]["idx"].as_i64().unwrap()
}

async fn a_token_names_its_bit_for_as_long_as_its_session_lives(database: Database) {
    let server = start(database).await;
    let first = login(&server).await;
    let uri = format!("{}/oauth/status/1", server.url);
    assert_eq!(status(&first), json!({ "status_list": { "idx": idx(&first), "uri": uri } }));
    assert!((0..1024).contains(&idx(&first)));
    let second = refresh(&server, first.refresh_token()).await.expect(200);
    let retried = refresh(&server, first.refresh_token()).await.expect(200);
    assert_eq!(retried.refresh_token(), second.refresh_token());
    assert_eq!((status(&second), status(&retried)), (status(&first), status(&first)));
    assert_ne!(idx(&login(&server).await), idx(&first));

    assert_eq!(status(&server.login(None).await), Value::Null, "its client has no list");
    let own = server.admin_token().await;
    assert_eq!(part_of(&own, 1).get("status"), None, "it has no session");
}

async fn a_list_is_a_jwt_as_the_draft_has_it(database: Database) {
    let server = start(database).await;
    let pair = login(&server).await;
    let list = server.get("/oauth/status/1").await.expect(200);
    assert_eq!(list.header("content-type"), Some("application/statuslist+jwt"));
    assert_eq!(list.header("cache-control"), Some("no-cache"));
    assert_eq!(list.header("access-control-allow-origin"), Some("*"));
    assert!(ResourceServer::fetch(&server).await.accepts(&list.text));
    let header = part_of(&list.text, 0);
    assert_eq!((&header["typ"], &header["alg"]), (&json!("statuslist+jwt"), &json!("ES256")));
    let mut claims = part_of(&list.text, 1);
    assert_eq!(StatusReader::bits(&claims), vec![0; 128 * 1024]);
    claims["status_list"]["lst"] = Value::Null;
    let now = server.clock.now().seconds();
    let expected = json!({
        "iss": server.url, "sub": format!("{}/oauth/status/1", server.url), "iat": now,
        "exp": now + 600, "ttl": 60, "status_list": { "bits": 1, "lst": null },
    });
    assert_eq!(claims, expected);

    revoke(&server, &pair).await;
    let list = server.get("/oauth/status/1").await.expect(200).text;
    let mut one = vec![0; 128 * 1024];
    one[usize::try_from(idx(&pair) / 8).unwrap()] = 1 << (idx(&pair) % 8);
    assert_eq!(StatusReader::bits(&part_of(&list, 1)), one);
}

async fn a_resource_server_sees_a_revocation_within_the_ttl_on_another_replica(database: Database) {
    let first = start(database).await;
    let second = first.replica().await;
    let (pair, other) = (login(&first).await, login(&second).await);
    let mut reader = StatusReader::at(&second);
    for second_of_ttl in 0..60 {
        assert_eq!(reader.status(pair.access_token()).await, 0, "after {second_of_ttl} s");
        if second_of_ttl == 0 {
            // At once after it was fetched: the worst case.
            revoke(&first, &pair).await;
        }
        first.advance(1);
    }
    assert_eq!(reader.status(pair.access_token()).await, 1);
    assert_eq!(reader.status(other.access_token()).await, 0);
    assert_eq!(reader.fetched, 2);
}

async fn a_copy_is_confirmed_until_the_list_changes_or_grows_old(database: Database) {
    let server = start(database).await;
    let pair = login(&server).await;
    let etag = async || {
        let list = server.get("/oauth/status/1").await.expect(200);
        list.header("etag").unwrap().to_owned()
    };
    let first = etag().await;
    assert!(first.starts_with('"') && first.len() > 20, "{first}");
    server.advance(299);
    login(&server).await;
    assert_eq!(etag().await, first, "a login changes no bit");
    for (tag, status) in [(first.as_str(), 304), ("*", 304), ("\"other\"", 200)] {
        let request = server.http.get(format!("{}/oauth/status/1", server.url));
        let answer = Answer::to(request.header("if-none-match", tag)).await.expect(status);
        assert_eq!(answer.header("etag"), Some(first.as_str()));
        assert_eq!(answer.text.is_empty(), status == 304);
    }
    server.advance(1);
    let aged = etag().await;
    assert_ne!(aged, first, "half of its lifetime is over");
    revoke(&server, &pair).await;
    assert_ne!(etag().await, aged);
}

async fn what_is_no_list_is_not_found(database: Database) {
    let server = start(database).await;
    server.get("/oauth/status/1").await.expect(404);
    login(&server).await;
    server.get("/oauth/status/1").await.expect(200);
    for number in ["0", "2", "-1", "x", "1.0", "", "9223372036854775807", "9223372036854775808"] {
        let answer = server.get(&format!("/oauth/status/{number}")).await;
        assert_eq!(answer.rejection(), (404, "not_found"), "{number}");
    }
    let of_the_past = server.get("/oauth/status/1?time=1686925000").await;
    assert_eq!(of_the_past.rejection(), (501, "invalid_request"));
    server.get("/oauth/status/1?timed").await.expect(200);

    // The last place of the first list was taken.
    let last = StatusIndex::PER_LIST / StatusIndex::PER_BLOCK - 1;
    let renumber = format!("UPDATE status_blocks SET number = {last}");
    assert_eq!(server.database.execute(&renumber).await, 1);
    server.get("/oauth/status/2").await.expect(404);
    let on_second = login(&server.replica().await).await;
    assert_eq!(status(&on_second)["status_list"]["uri"], format!("{}/oauth/status/2", server.url));
    server.get("/oauth/status/2").await.expect(200);
    server.get("/oauth/status/3").await.expect(404);
}

async fn no_place_is_given_twice(database: Database) {
    let first = start(database).await;
    let second = first.replica().await;
    let logins = (0..12).map(|n| login(if n % 2 == 0 { &first } else { &second }));
    let places: Vec<i64> = join_all(logins).await.iter().map(idx).collect();
    let distinct: HashSet<_> = places.iter().copied().collect();
    assert_eq!(distinct.len(), places.len(), "{places:?}");
    let blocks: HashSet<_> = places.iter().map(|place| place / 1024).collect();
    assert_eq!(blocks, HashSet::from([0, 1]), "each process has a block");
}

/// The standby that took over had not heard of it, and gave its number to another.
async fn a_block_that_a_failover_lost_is_not_used_again(database: Database) {
    let first = start(database).await;
    let second = first.replica().await;
    assert_eq!(idx(&login(&first).await) / 1024, 0);
    assert_eq!(first.database.execute("DELETE FROM status_blocks").await, 1);
    assert_eq!(idx(&login(&second).await) / 1024, 0);
    assert_eq!(idx(&login(&first).await) / 1024, 1);
    assert_eq!(idx(&login(&second).await) / 1024, 0);
}

async fn a_list_is_signed_by_a_key_that_is_published(database: Database) {
    let first = start(database).await;
    let second = first.replica().await;
    login(&first).await;
    let kid = |list: &Answer| part_of(&list.text, 0)["kid"].as_str().unwrap().to_owned();
    let before = second.get("/oauth/status/1").await.expect(200);
    for body in [
        json!({ "mode": "immediate" }),
        json!({ "mode": "compromised", "kid": first.signing_kid().await }),
    ] {
        first.rotate(body).await.expect(200);
        second.app.keys.reload().await.unwrap();
        let list = second.get("/oauth/status/1").await.expect(200);
        assert_ne!(kid(&list), kid(&before));
        assert!(ResourceServer::fetch(&first).await.accepts(&list.text));
    }
}

async fn short_lived_tokens_have_short_lived_lists(database: Database) {
    let server = Server::with(database, |settings| {
        settings.tokens.access_token_lifetime = Duration::from_secs(30);
    })
    .await;
    add_tracked(&server).await;
    let pair = login(&server).await;
    let list = part_of(&server.get("/oauth/status/1").await.expect(200).text, 1);
    let lifetime = list["exp"].as_i64().unwrap() - list["iat"].as_i64().unwrap();
    assert_eq!((lifetime, &list["ttl"]), (30, &json!(15)));
    assert_eq!(StatusReader::at(&server).status(pair.access_token()).await, 0);
}
