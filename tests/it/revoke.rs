//! Revocation of refresh tokens (RFC 7009).
use crate::{
    on_both,
    support::{Answer, Database, SECRET, Server},
};

on_both!(
    its_own_refresh_token_ends_a_clients_session,
    any_token_of_the_chain_ends_it,
    a_token_of_another_client_stays_live,
    what_is_no_token_is_no_error,
    a_client_that_proves_nothing_revokes_nothing,
);

const LIVE: &str = "SELECT COUNT(*) FROM sessions WHERE ended_at IS NULL";

async fn revoke(server: &Server, client: Option<&str>, form: &str) -> Answer {
    server.post("/oauth/revoke", client, form).await
}

async fn its_own_refresh_token_ends_a_clients_session(database: Database) {
    let server = Server::start(database).await;
    let (phone, tablet) = (server.login(Some("phone")).await, server.login(Some("tablet")).await);
    let of_service = server.login_with_service().await;
    let form = format!("client_id=app&token={}", phone.refresh_token());
    let answer = revoke(&server, None, &form).await.expect(200);
    assert_eq!((answer.text.as_str(), answer.header("cache-control")), ("", Some("no-store")));
    let ended = server.refresh(phone.refresh_token()).await;
    assert_eq!(ended.rejection(), (400, "invalid_grant"));
    assert_eq!(ended.text_of("error_description"), "ended: revoked");
    // RFC 7009 §2.2: once more is no error, and nothing happens.
    revoke(&server, None, &form).await.expect(200);
    assert_eq!(server.audited("session.revoked").await, 1);

    server.refresh(tablet.refresh_token()).await.expect(200);
    let form = format!("token={}", of_service.refresh_token());
    revoke(&server, Some("service"), &form).await.expect(200);
    server.refresh_with_service(of_service.refresh_token()).await.expect(400);
    assert_eq!(server.database.number(LIVE).await, 1);
    assert_eq!(server.database.number("SELECT COUNT(*) FROM user_sessions").await, 1);
}

/// Also a spent one, and whatever the hint says (RFC 7009 §2.1).
async fn any_token_of_the_chain_ends_it(database: Database) {
    let server = Server::start(database).await;
    for hint in ["", "&token_type_hint=access_token", "&token_type_hint=unheard_of"] {
        let first = server.login(None).await;
        let second = server.refresh(first.refresh_token()).await.expect(200);
        let third = server.refresh(second.refresh_token()).await.expect(200);
        let form = format!("client_id=app&token={}{hint}", first.refresh_token());
        revoke(&server, None, &form).await.expect(200);
        let ended = server.refresh(third.refresh_token()).await;
        assert_eq!(ended.text_of("error_description"), "ended: revoked", "{hint}");
    }
    assert_eq!(server.audited("session.reuse_detected").await, 0);
}

async fn a_token_of_another_client_stays_live(database: Database) {
    let server = Server::start(database).await;
    let (of_app, of_service) = (server.login(None).await, server.login_with_service().await);
    for (client, token) in [("other", &of_service), ("other", &of_app), ("service", &of_app)] {
        let form = format!("token={}", token.refresh_token());
        revoke(&server, Some(client), &form).await.expect(200);
    }
    let form = format!("client_id=app&token={}", of_service.refresh_token());
    revoke(&server, None, &form).await.expect(200);
    assert_eq!(server.audited("session.revoked").await, 0);
    server.refresh(of_app.refresh_token()).await.expect(200);
    server.refresh_with_service(of_service.refresh_token()).await.expect(200);
}

async fn what_is_no_token_is_no_error(database: Database) {
    let server = Server::start(database).await;
    let login = server.login(None).await;
    let (token, damaged) = (login.refresh_token(), login.refresh_token().replace("mint_rt_", ""));
    for garbage in ["x", "mint_rt_", "a.b", "%00", &damaged, &format!("{token}A")] {
        let form = format!("client_id=app&token={garbage}");
        let answer = revoke(&server, None, &form).await.expect(200);
        assert_eq!(answer.text, "", "{garbage}");
    }
    for form in ["client_id=app", "client_id=app&token=", "client_id=app&token=x&token=x"] {
        let answer = revoke(&server, None, form).await;
        assert_eq!(answer.rejection(), (400, "invalid_request"), "{form}");
    }
    server.refresh(token).await.expect(200);
}

async fn a_client_that_proves_nothing_revokes_nothing(database: Database) {
    let server = Server::start(database).await;
    let login = server.login_with_service().await;
    let token = login.refresh_token();
    for more in [
        "",
        "&client_id=service",
        "&client_id=service&client_secret=wrong",
        "&client_id=nobody",
        &format!("&client_id=nobody&client_secret={SECRET}"),
    ] {
        let answer = revoke(&server, None, &format!("token={token}{more}")).await;
        assert_eq!(answer.rejection(), (401, "invalid_client"), "{more}");
    }
    server.refresh_with_service(token).await.expect(200);
}
