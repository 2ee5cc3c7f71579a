//! Revocation of access tokens (RFC 7009).
use crate::{
    on_both,
    support::{Database, SECRET, Server},
};
use mintmark::model::{ClientMetadata, ClientType};

on_both!(
    an_access_token_goes_alone,
    the_admin_api_refuses_a_revoked_token,
    a_session_ends_with_its_access_token_if_its_client_wants_that,
    only_its_own_client_revokes_an_access_token,
    the_deny_list_is_as_long_as_tokens_live,
    a_long_deny_list_is_shortened_in_steps,
);

const DENIED: &str = "SELECT COUNT(*) FROM denied_tokens";

async fn an_access_token_goes_alone(database: Database) {
    let server = Server::start(database).await;
    server.add_resource_server().await;
    for hint in ["", "&token_type_hint=refresh_token", "&token_type_hint=unheard_of"] {
        let (login, other) = (server.login(None).await, server.login(None).await);
        let again = server.refresh(login.refresh_token()).await.expect(200);
        assert!(server.is_active(login.access_token()).await);
        let form = format!("client_id=app&token={}{hint}", login.access_token());
        let answer = server.post("/oauth/revoke", None, &form).await.expect(200);
        assert_eq!((answer.text.as_str(), answer.header("cache-control")), ("", Some("no-store")));
        assert!(!server.is_active(login.access_token()).await, "{hint}");
        for untouched in [again.access_token(), other.access_token()] {
            assert!(server.is_active(untouched).await);
        }
        let next = server.refresh(again.refresh_token()).await.expect(200);
        assert!(server.is_active(next.access_token()).await, "the session goes on");
        server.post("/oauth/revoke", None, &form).await.expect(200);
    }
    assert_eq!(server.audited("token.revoked").await, 3, "once for each");
    assert_eq!(server.audited("session.revoked").await, 0);
    let actor = "SELECT COUNT(*) FROM audit_events WHERE action = 'token.revoked'
                 AND actor = 'client:app' AND client_id = 'app' AND session_id IS NOT NULL
                 AND request_id IS NOT NULL AND detail LIKE '%jti%'";
    assert_eq!(server.database.number(actor).await, 3);
}

async fn the_admin_api_refuses_a_revoked_token(database: Database) {
    let server = Server::start(database).await;
    let (token, other) = (server.admin_token().await, server.admin_token().await);
    for path in ["/admin/v1/keys", "/admin/v1/sessions"] {
        server.admin("GET", path, &token, None).await.expect(200);
    }
    let form = format!("token={token}");
    server.post("/oauth/revoke", Some("admin"), &form).await.expect(200);
    let replica = server.replica().await;
    for server in [&server, &replica] {
        for path in ["/admin/v1/keys", "/admin/v1/sessions"] {
            server.admin("GET", path, &token, None).await.assert_refused(path);
            server.admin("GET", path, &other, None).await.expect(200);
        }
    }
}

async fn a_session_ends_with_its_access_token_if_its_client_wants_that(database: Database) {
    let server = Server::start(database).await;
    server.add_resource_server().await;
    let metadata = ClientMetadata {
        revoke_ends_session: true,
        ..ClientMetadata::new(
            ClientType::Confidential,
            vec!["refresh_token".into(), "client_credentials".into()],
        )
    };
    server.database.execute("DELETE FROM clients WHERE id = 'service'").await;
    server.add_client("service", metadata, Some(SECRET)).await;
    let login = server.login_with_service().await;
    let next = server.refresh_with_service(login.refresh_token()).await.expect(200);
    let revoke = async |token: &str| {
        server.post("/oauth/revoke", Some("service"), &format!("token={token}")).await.expect(200)
    };
    revoke(login.access_token()).await;
    for token in [login.access_token(), next.access_token()] {
        assert!(!server.is_active(token).await);
    }
    let refused = server.refresh_with_service(next.refresh_token()).await;
    assert_eq!(refused.text_of("error_description"), "ended: revoked");
    assert_eq!(server.audited("session.revoked").await, 1);
    // One without a session goes alone.
    let form = "grant_type=client_credentials";
    let own = server.post("/oauth/token", Some("service"), form).await.expect(200);
    revoke(own.access_token()).await;
    assert!(!server.is_active(own.access_token()).await);
    assert_eq!(server.database.number(DENIED).await, 1);
}

/// Case 222.
async fn only_its_own_client_revokes_an_access_token(database: Database) {
    let server = Server::start(database).await;
    server.add_resource_server().await;
    let login = server.login_with_service().await;
    let token = login.access_token();
    for client in ["other", "api", "admin"] {
        server.post("/oauth/revoke", Some(client), &format!("token={token}")).await.expect(200);
    }
    server.revoke_as("app", token).await;
    for form in ["", "&client_id=service", "&client_id=service&client_secret=wrong"] {
        let answer = server.post("/oauth/revoke", None, &format!("token={token}{form}")).await;
        assert_eq!(answer.rejection(), (401, "invalid_client"), "{form}");
    }
    assert!(server.is_active(token).await);
    assert_eq!(server.database.number(DENIED).await, 0);
    assert_eq!(server.audited("token.revoked").await, 0);
}

/// A token that has expired needs no entry; one that has not keeps its own, also for a slow clock.
async fn the_deny_list_is_as_long_as_tokens_live(database: Database) {
    let server = Server::start(database).await;
    let (early, late) = (server.login(None).await, server.login(None).await);
    server.revoke_as("app", early.access_token()).await;
    server.advance(599);
    server.app.prune().await.unwrap();
    assert_eq!(server.database.number(DENIED).await, 1);
    server.advance(1);
    server.revoke_as("app", late.access_token()).await;
    assert_eq!(server.database.number(DENIED).await, 1, "it has expired");
    server.advance(59);
    server.app.prune().await.unwrap();
    assert_eq!(server.database.number(DENIED).await, 1, "a slow clock may still accept it");
    server.advance(1);
    server.app.prune().await.unwrap();
    assert_eq!(server.database.number(DENIED).await, 0);
}

async fn a_long_deny_list_is_shortened_in_steps(database: Database) {
    let server = Server::start(database).await;
    let live = server.clock.now().0 + 1;
    let rows: Vec<_> = (0..1234).map(|n| format!("('t{n}', {n})")).collect();
    let insert = "INSERT INTO denied_tokens (jti, expires_at) VALUES";
    server.database.execute(&format!("{insert} {}, ('live', {live})", rows.join(","))).await;
    server.app.prune().await.unwrap();
    assert_eq!(server.database.texts("SELECT jti FROM denied_tokens").await, ["live"]);
}
