//! The pages that `error_uri` leads to.
use crate::support::{Database, Server, basic};
use mintmark::oauth::{Code, Detail};

async fn server() -> Server {
    Server::start(Database::sqlite()).await
}

fn names() -> impl Iterator<Item = &'static str> {
    let codes = Code::ALL.iter().map(|code| code.as_str());
    codes.chain(Detail::ALL.iter().map(|detail| detail.as_str()))
}

/// The targets of the links in a page.
fn links(page: &str) -> Vec<&str> {
    page.split("href=\"").skip(1).map(|rest| rest.split('"').next().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_error_has_a_page_and_every_link_leads_somewhere() {
    let server = server().await;
    let index = server.get("/help/errors").await.expect(200);
    for name in names() {
        assert!(links(&index.text).contains(&format!("errors/{name}").as_str()), "{name}");
        let page = server.get(&format!("/help/errors/{name}")).await.expect(200);
        assert!(page.text.contains(&format!("<title>{name} ")), "{page:?}");
        let here = url::Url::parse(&format!("{}/help/errors/{name}", server.url)).unwrap();
        assert!(!links(&page.text).is_empty());
        for link in links(&page.text) {
            let target = here.join(link).unwrap();
            server.get(target.path()).await.expect(200);
        }
    }
    let here = url::Url::parse(&format!("{}/help/errors", server.url)).unwrap();
    for link in links(&index.text) {
        server.get(here.join(link).unwrap().path()).await.expect(200);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_error_is_not_found_and_not_repeated() {
    let server = server().await;
    for attempt in [
        "nothing",
        "%3Cscript%3Ealert(1)%3C%2Fscript%3E",
        "<script>alert(1)<%2Fscript>",
        "%22%3E%3Cimg%20src=x%20onerror=alert(1)%3E",
        "%7B%7B7*7%7D%7D",
        "INVALID_GRANT",
        "%0d%0aSet-Cookie:%20a=b",
    ] {
        let page = server.get(&format!("/help/errors/{attempt}")).await.expect(404);
        assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
        let text = page.text.to_lowercase();
        for trace in ["<script", "onerror", "alert(1)", "49", "nothing<"] {
            assert!(!text.contains(trace), "{attempt}: {text}");
        }
        assert_eq!(page.header("set-cookie"), None);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_pages_may_do_nothing_and_be_framed_by_nobody() {
    let server = server().await;
    for path in ["/help/errors", "/help/errors/invalid_grant", "/help/errors/nothing"] {
        let page = server.get(path).await;
        let policy = page.header("content-security-policy").unwrap();
        for rule in ["default-src 'none'", "frame-ancestors 'none'", "form-action 'none'"] {
            assert!(policy.contains(rule), "{path}: {policy}");
        }
        assert!(!policy.contains("script-src"), "{path}: {policy}");
        assert_eq!(page.header("x-frame-options"), Some("DENY"));
        assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
        assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
        assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    }
}

/// Also where the issuer has a path of its own, under which a proxy may or may not pass it on.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_error_uri_of_an_answer_leads_to_its_page() {
    for tenant in ["", "/tenant"] {
        let server = Server::with(Database::sqlite(), |settings| {
            settings.issuer.push_str(tenant);
        })
        .await;
        let wrong = basic("service", "wrong");
        let post = |path: &str| server.http.post(format!("{}{tenant}{path}", server.url));
        let requests = [
            post("/oauth/token").header("authorization", wrong).form(&[("a", "b")]),
            post("/oauth/token").form(&[("client_id", "app"), ("grant_type", "magic")]),
            post("/session/login").json(&serde_json::json!({ "username": "a", "password": "b" })),
            post("/admin/v1/keys/rotate"),
            post("/nothing"),
            server.http.delete(format!("{}{tenant}/oauth/token", server.url)),
        ];
        for request in requests {
            let answer = crate::support::Answer::to(request).await;
            let uri = answer.text_of("error_uri");
            let named = answer.json["error_code"].as_str().unwrap_or(answer.text_of("error"));
            assert_eq!(uri, format!("{}{tenant}/help/errors/{named}", server.url));
            let path = uri.strip_prefix(&server.url).unwrap();
            assert!(server.get(path).await.expect(200).text.contains(named));
        }
        let metadata = format!("{tenant}/.well-known/openid-configuration");
        let metadata = server.get(&metadata).await.expect(200);
        let documentation = metadata.text_of("service_documentation");
        server.get(documentation.strip_prefix(&server.url).unwrap()).await.expect(200);
    }
}
