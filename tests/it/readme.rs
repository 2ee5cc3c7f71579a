//! The newcomer's way, as it is written down: the commands of the README and the lines that
//! `mintmark dev` prints are run as they stand.
use crate::support::{Database, PROGRAM, Process};
use mintmark::jose::{PublicJwk, Unverified};
use serde_json::Value;
use std::{
    io::{BufRead, BufReader, Read},
    process::{Command, Stdio},
};

/// A fenced code block: what stands behind the opening fence, and the lines.
struct Block {
    info: String,
    text: String,
}

fn blocks(markdown: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut lines = markdown.lines();
    while let Some(line) = lines.next() {
        if let Some(info) = line.trim_start().strip_prefix("```") {
            let text: Vec<_> =
                lines.by_ref().take_while(|line| line.trim() != "```").map(str::trim_end).collect();
            blocks.push(Block { info: info.trim().to_owned(), text: text.join("\n") });
        }
    }
    blocks
}

/// The names of all members in JSON that may be shortened with `…`: texts with a colon behind them.
fn member_names(json: &str) -> Vec<&str> {
    let parts: Vec<_> = json.split('"').collect();
    let named = parts.windows(2).skip(1).step_by(2);
    named.filter(|pair| pair[1].trim_start().starts_with(':')).map(|pair| pair[0]).collect()
}

/// Runs a script as somebody's shell would, but stops where a command fails.
fn bash(script: &str, variables: &[(&str, &str)]) -> String {
    let output = Command::new("bash")
        .args(["-c", &format!("set -euo pipefail\n{script}")])
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    let (out, err) =
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}: {err}\n{out}\nof\n{script}", output.status);
    out
}

const STEP: &str = "==== the next block of the README ====";
const ADDRESS: &str = "http://127.0.0.1:8080";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_commands_of_the_readme_work_and_answer_as_shown() {
    let readme = std::fs::read_to_string("README.md").unwrap();
    let blocks = blocks(&readme);
    let is_command = |block: &&Block| block.info == "sh quickstart";
    let commands: Vec<_> = blocks.iter().filter(is_command).collect();
    assert!(commands.len() > 1, "README.md has no quickstart");
    // Not run as it stands: what is tested is the program, not that cargo can build it, and the port
    // 8080 may be taken here.
    assert_eq!(commands[0].text, "cargo run --release -- dev");
    let database = Database::sqlite();
    let process = Process::start(&database);

    let steps = commands[1..].iter().map(|block| ["\nprintf '\\n", STEP, "\\n'\n", &block.text]);
    let script: String = steps.flatten().collect();
    let script = script.replace(ADDRESS, process.issuer());
    let secret = |who: &str, member: &str| process.dev[who][member].as_str().unwrap();
    let variables = [
        ("CLIENT_SECRET", secret("client", "client_secret")),
        ("ADMIN_SECRET", secret("admin", "client_secret")),
        ("PASSWORD", secret("user", "password")),
    ];
    let output = bash(&script, &variables);
    let outputs: Vec<_> = output.split(STEP).skip(1).collect();
    assert_eq!(outputs.len(), commands.len() - 1);

    // JSON that stands right behind a command is what it prints.
    let (mut step, mut compared) = (0, 0);
    for pair in blocks.windows(2) {
        step += usize::from(is_command(&&pair[0]));
        if is_command(&&pair[0]) && pair[1].info == "json" {
            let output = outputs[step - 2];
            let fails = |text: &str| text.contains("\"error\"");
            assert_eq!(fails(output), fails(&pair[1].text), "{output}");
            for name in member_names(&pair[1].text) {
                assert!(output.contains(&format!("\"{name}\"")), "no {name} in {output}");
                compared += 1;
            }
        }
    }
    assert!(compared > 40, "README.md shows no output");
}

/// The key sets and the tokens in what the guide's commands print, in order.
fn documents(output: &str) -> Vec<Value> {
    let documents = serde_json::Deserializer::from_str(output).into_iter::<Value>();
    documents.map(|document| document.unwrap_or_else(|error| panic!("{error}: {output}"))).collect()
}

fn verifies(token: &str, jwks: &Value) -> bool {
    let unverified = Unverified::parse(token).unwrap();
    let mut keys = jwks["keys"].as_array().unwrap().iter();
    let Some(key) = keys.find(|key| key["kid"] == unverified.kid()) else { return false };
    let key: PublicJwk = serde_json::from_value(key.clone()).unwrap();
    unverified.verify::<Value>(&key).is_ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_lines_that_dev_prints_lead_through_a_rotation() {
    let dir = tempfile::tempdir().unwrap();
    let mut child = Command::new(PROGRAM)
        .args(["dev", "--listen", "127.0.0.1:0", "--data"])
        .arg(dir.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let (mut heading, mut guide) = (String::new(), String::new());
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    stdout.read_line(&mut heading).unwrap();
    // It goes on until the program ends, so up to where all commands are there.
    while !guide.contains("/admin/v1/sessions") {
        assert!(stdout.read_line(&mut guide).unwrap() > 0, "{guide}");
    }
    let issuer = heading.split_whitespace().find(|word| word.starts_with("http://")).unwrap();
    let first = documents(&bash(&guide, &[]));
    let again = documents(&bash(&guide, &[]));
    let jwks = reqwest::get(format!("{issuer}/.well-known/jwks.json")).await.unwrap();
    let jwks: Value = jwks.json().await.unwrap();
    child.kill().unwrap();
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).unwrap();
    child.wait().unwrap();
    assert_eq!(rest.trim(), "", "there is more in the guide than was run");

    let kid = |document: &Value| {
        let token = document["access_token"].as_str().unwrap();
        Unverified::parse(token).unwrap().kid().to_owned()
    };
    let mut tokens = Vec::new();
    for run in [&first, &again] {
        let [own, pair, refreshed, _, rotated, sessions] = &run[..] else { panic!("{run:#?}") };
        assert_ne!(pair["refresh_token"], refreshed["refresh_token"]);
        assert_eq!(rotated["mode"], "immediate");
        assert_eq!(sessions["items"][0]["device_id"], "phone");
        tokens.extend([own, pair, refreshed].map(|one| one["access_token"].as_str().unwrap()));
    }
    assert_ne!(kid(&first[0]), kid(&again[0]), "there was no rotation in between");
    for token in tokens {
        assert!(verifies(token, &jwks), "{token} with {jwks}");
    }
}
