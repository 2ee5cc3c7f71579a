//! What the token endpoint reads, and what it does not (RFC 6749 §3.2).
use crate::{
    on_both,
    support::{Answer, Database, SECRET, Server, basic, part_of},
};
use mintmark::model::{ClientMetadata, ClientType};

on_both!(
    only_a_post_is_answered,
    what_is_no_form_is_refused,
    a_malformed_request_is_refused_for_its_reason,
    a_parameter_comes_once,
    harmless_oddities_do_no_harm,
    a_scope_is_asked_for_within_what_is_registered,
    a_resource_is_asked_for_within_what_is_registered,
);

const GRANT: &str = "grant_type=client_credentials";

async fn ask(server: &Server, form: &str) -> Answer {
    server.post("/oauth/token", Some("service"), form).await
}

async fn only_a_post_is_answered(database: Database) {
    let server = Server::start(database).await;
    let request = |method: &str, path: &str| {
        let method = reqwest::Method::from_bytes(method.as_bytes()).unwrap();
        let url = format!("{}{path}?{GRANT}&_method=POST", server.url);
        let request = server.http.request(method, url).header("x-http-method-override", "POST");
        Answer::to(request.header("authorization", basic("service", SECRET)))
    };
    for path in ["/oauth/token", "/oauth/revoke", "/session/login", "/session/refresh"] {
        for method in ["GET", "HEAD", "PUT", "PATCH", "DELETE", "TRACE", "BREW"] {
            let answer = request(method, path).await;
            assert_eq!(answer.status, 405, "{method} {path}");
            assert_eq!(answer.header("allow"), Some("POST"), "{method} {path}");
            assert!(!answer.text.contains("access_token"));
        }
    }
}

async fn what_is_no_form_is_refused(database: Database) {
    let server = Server::start(database).await;
    let send = |content_type: Option<&str>, body: &[u8]| {
        let mut request = server.http.post(format!("{}/oauth/token", server.url));
        if let Some(content_type) = content_type {
            request = request.header("content-type", content_type);
        }
        let request = request.header("authorization", basic("service", SECRET));
        Answer::to(request.body(body.to_vec()))
    };
    let form = Some("application/x-www-form-urlencoded");
    for (content_type, body) in [
        (Some("application/json"), &br#"{"grant_type":"client_credentials"}"#[..]),
        (Some("multipart/form-data; boundary=x"), GRANT.as_bytes()),
        (Some("text/plain"), GRANT.as_bytes()),
        (None, GRANT.as_bytes()),
        (form, b""),
        (form, b"grant_type=client_credentials&scope=%ff"),
        (form, b"grant_type=client_credentials&x=\xff"),
        (form, b"\x00\x01\x02"),
    ] {
        let answer = send(content_type, body).await;
        assert_eq!(answer.rejection(), (400, "invalid_request"), "{content_type:?} {body:?}");
    }
    for good in
        ["Application/X-WWW-Form-URLencoded", "application/x-www-form-urlencoded; charset=UTF-8"]
    {
        send(Some(good), GRANT.as_bytes()).await.expect(200);
    }
}

async fn a_malformed_request_is_refused_for_its_reason(database: Database) {
    let server = Server::start(database).await;
    let grants = vec!["client_credentials".into()];
    let metadata = ClientMetadata::new(ClientType::Confidential, grants);
    server.add_client("worker", metadata, Some(SECRET)).await;
    for (client, form, error) in [
        ("service", "scope=read", "invalid_request"),
        ("service", "grant_type=", "invalid_request"),
        ("service", "grant_type", "invalid_request"),
        ("service", "grant_type[]=client_credentials", "invalid_request"),
        ("service", "grant_type=client_credentials;scope=read", "unsupported_grant_type"),
        ("service", "grant_type==client_credentials", "unsupported_grant_type"),
        ("service", "grant_type=CLIENT_CREDENTIALS", "unsupported_grant_type"),
        ("service", "grant_type=client_credentials%00", "unsupported_grant_type"),
        ("service", "grant_type=password&username=alice&password=x", "unsupported_grant_type"),
        ("worker", "grant_type=refresh_token&refresh_token=x", "unauthorized_client"),
        ("service", "grant_type=refresh_token", "invalid_request"),
        ("service", "grant_type=refresh_token&refresh_token=", "invalid_request"),
        ("service", "grant_type=refresh_token&refresh_token=%00", "invalid_grant"),
    ] {
        let answer = server.post("/oauth/token", Some(client), form).await;
        assert_eq!(answer.rejection(), (400, error), "{client} {form}");
    }
    // A refresh token belongs in the body, nowhere else (RFC 6749 §6).
    let in_query = "/oauth/token?grant_type=refresh_token&refresh_token=x&client_id=app";
    assert_eq!(server.post(in_query, None, "").await.rejection(), (401, "invalid_client"));
    assert_eq!(
        server.post(in_query, None, "client_id=app").await.rejection(),
        (400, "invalid_request")
    );
}

async fn a_parameter_comes_once(database: Database) {
    let server = Server::start(database).await;
    for name in [
        "grant_type",
        "scope",
        "refresh_token",
        "device_id",
        "client_id",
        "client_secret",
        "code",
        "redirect_uri",
        "code_verifier",
        "client_assertion",
        "audience",
        "unheard_of",
    ] {
        let answer = ask(&server, &format!("{GRANT}&{name}=a&{name}=a")).await;
        assert_eq!(answer.rejection(), (400, "invalid_request"), "{name}");
        let description = answer.text_of("error_description");
        assert_eq!(description, "a parameter comes more than once", "{name}");
        let spelled = name.replace('e', "%65");
        let answer = ask(&server, &format!("{GRANT}&{name}=a&{spelled}=b")).await;
        assert_eq!(answer.rejection(), (400, "invalid_request"), "{name}");
    }
}

async fn harmless_oddities_do_no_harm(database: Database) {
    let server = Server::start(database).await;
    for form in [
        "&&&grant_type=client_credentials&",
        "grant_type=client_credentials&foo=bar&=x&scope=read+write",
        "grant_type=client%5Fcredentials",
        "grant_type=client_credentials&scope=&scope=read&foo=&foo=",
        &format!("{GRANT}&{}=x", "n".repeat(60_000)),
    ] {
        ask(&server, form).await.expect(200);
    }
    let many = (0..5_000).fold(String::new(), |form, n| form + &format!("&p{n}=1"));
    assert_eq!(ask(&server, &format!("{GRANT}{many}")).await.rejection(), (400, "invalid_request"));
}

async fn a_scope_is_asked_for_within_what_is_registered(database: Database) {
    let server = Server::start(database).await;
    let same = "+read".repeat(5_000);
    let many = (0..5_000).fold(String::new(), |scope, n| scope + &format!("+s{n}"));
    for bad in [
        "admin",
        "read+admin",
        "READ",
        "read%09write",
        "read%00",
        "%22",
        "%5C",
        "r%C3%A9ad",
        "read,write",
        "+",
        &many,
    ] {
        let answer = ask(&server, &format!("{GRANT}&scope={bad}")).await;
        assert_eq!(answer.rejection(), (400, "invalid_scope"), "{bad}");
    }
    for (wanted, granted) in [
        ("", "read write"),
        ("read", "read"),
        ("write+read", "read write"),
        ("+read++read+", "read"),
        (&same, "read"),
    ] {
        let answer = ask(&server, &format!("{GRANT}&scope={wanted}")).await.expect(200);
        assert_eq!(part_of(answer.access_token(), 1)["scope"], answer.json["scope"]);
        assert_eq!(answer.text_of("scope"), granted, "{wanted}");
    }
}

/// RFC 8707 §2.
async fn a_resource_is_asked_for_within_what_is_registered(database: Database) {
    let server = Server::start(database).await;
    let (a, b) = ("https://a.example", "https://b.example/api");
    let metadata = ClientMetadata {
        audience: vec![a.into(), b.into()],
        ..ClientMetadata::new(ClientType::Confidential, vec!["client_credentials".into()])
    };
    server.add_client("reader", metadata, Some(SECRET)).await;
    let ask = |resources: Vec<String>| {
        let form = resources.iter().fold(GRANT.to_owned(), |form, uri| form + "&resource=" + uri);
        let server = &server;
        async move { server.post("/oauth/token", Some("reader"), &form).await }
    };
    let many = (0..90).map(|n| format!("https://{n}.example")).collect();
    for bad in [
        vec!["https://c.example".into()],
        vec![a.into(), "https://c.example".into()],
        vec!["/api".into()],
        vec![format!("{a}%23part")],
        vec![format!("{a}/")],
        vec!["HTTPS://A.EXAMPLE".into()],
        many,
    ] {
        let answer = ask(bad.clone()).await;
        assert_eq!(answer.rejection(), (400, "invalid_target"), "{bad:?}");
    }
    for (wanted, audience) in [
        (vec![], serde_json::json!([a, b])),
        (vec![b.to_owned()], serde_json::json!(b)),
        (vec![b.to_owned(), a.to_owned()], serde_json::json!([b, a])),
    ] {
        let answer = ask(wanted).await.expect(200);
        assert_eq!(part_of(answer.access_token(), 1)["aud"], audience);
    }
}
