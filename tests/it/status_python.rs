//! The Python of `docs/resource-servers.md` as it stands there, with tokens and status lists of ours.
use crate::support::{Answer, Database, PASSWORD, Server};
use mintmark::model::{ClientMetadata, ClientType};
use serde_json::json;
use std::process::Command;

const ASK: &str = "
import sys
for token in sys.argv[1:]:
    claims = verify(token)
    print(claims['client_id'], has_ended(claims))
";

/// What the document's functions say of each token: its client, and whether its session has ended.
fn ask(server: &Server, tokens: &[&str]) -> Vec<String> {
    let document = std::fs::read_to_string("docs/resource-servers.md").unwrap();
    let blocks = document.split("```python\n").skip(1);
    let blocks: Vec<_> = blocks.map(|rest| rest.split("```").next().unwrap()).collect();
    assert_eq!(blocks.len(), 2);
    let program = format!("{}\n{ASK}", blocks.join("\n"));
    let program = program
        .replace("https://auth.example.org", &server.url)
        .replace("https://api.example.org", &server.url);
    let python = std::env::var("MINTMARK_TEST_PYTHON")
        .expect("MINTMARK_TEST_PYTHON names a Python with tests/requirements.txt; ./test sets it");
    let output = Command::new(python).arg("-c").arg(program).args(tokens).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

async fn login(server: &Server) -> Answer {
    let body = json!({ "username": "alice", "password": PASSWORD, "client_id": "tracked" });
    server.post_json("/session/login", body).await.expect(200)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_python_of_the_document_sees_which_session_has_ended() {
    let server = Server::start(Database::sqlite()).await;
    let metadata = ClientMetadata::new(ClientType::Public, vec!["refresh_token".into()]);
    let metadata = ClientMetadata { status_list: true, ..metadata };
    server.add_client("tracked", metadata, None).await;
    let (live, ended) = (login(&server).await, login(&server).await);
    let form = format!("client_id=tracked&token={}", ended.refresh_token());
    server.post("/oauth/revoke", None, &form).await.expect(200);
    let without = server.admin_token().await;
    assert_eq!(
        ask(&server, &[live.access_token(), ended.access_token(), &without]),
        ["tracked False", "tracked True", "admin False"]
    );
}
