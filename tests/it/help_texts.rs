//! `--help`: every command and every argument is explained in a sentence.
use crate::support::run;

/// The lines of a section, such as `Options:`.
fn section<'a>(help: &'a str, heading: &str) -> Vec<&'a str> {
    let lines = help.lines().skip_while(|line| *line != heading).skip(1);
    lines.take_while(|line| line.is_empty() || line.starts_with(' ')).collect()
}

/// The names in a section with what is said of each. A name is set in by up to six blanks, what is
/// said of it stands behind two blanks or on lines that are set in further.
fn entries(help: &str, heading: &str) -> Vec<(String, String)> {
    let mut entries: Vec<(String, String)> = Vec::new();
    for line in section(help, heading).into_iter().filter(|line| !line.trim().is_empty()) {
        let text = line.trim_start();
        if line.len() - text.len() <= 6 {
            let (name, said) = text.split_once("  ").unwrap_or((text, ""));
            entries.push((name.to_owned(), said.trim().to_owned()));
        } else if let Some((_, said)) = entries.last_mut() {
            said.push(' ');
            said.push_str(text);
        }
    }
    entries
}

fn commands(help: &str) -> Vec<String> {
    let names = entries(help, "Commands:").into_iter().map(|(name, _)| name);
    names.filter(|name| name != "help").collect()
}

#[test]
fn every_command_and_argument_is_explained() {
    let mut paths: Vec<Vec<String>> = vec![vec![]];
    let mut seen = Vec::new();
    while let Some(path) = paths.pop() {
        let mut arguments: Vec<&str> = path.iter().map(String::as_str).collect();
        arguments.push("--help");
        let help = run(&arguments).expect(0).stdout;
        for heading in ["Commands:", "Arguments:", "Options:"] {
            for (name, said) in entries(&help, heading) {
                let said = said.split(" [").next().unwrap();
                let words = said.split_whitespace().count();
                let usual = name.contains("--help") || name.contains("--version") || name == "help";
                assert!(usual || words >= 3, "{path:?} says of {name} only `{said}`");
                seen.push(format!("{} {name}", path.join(" ")));
            }
        }
        for command in commands(&help) {
            paths.push([path.clone(), vec![command]].concat());
        }
    }
    // What the walk must have come by.
    for expected in [
        " dev",
        "dev --data <DIR>",
        "serve --config <FILE>",
        "client create --redirect-uri <URI>",
        "client new-secret <CLIENT_ID>",
        "device list --state <STATE>",
        "device revoke [SESSION_ID]",
        "session why <HANDLE>",
        "audit list --action <ACTION>",
        "keys revoke <KID>",
        "keys export-jwks --output <FILE>",
        "user set-password <USERNAME>",
        "user create --permission <PERMISSION>",
    ] {
        assert!(seen.iter().any(|name| name == expected), "no {expected} in {seen:#?}");
    }
}

#[test]
fn the_version_is_that_of_the_package() {
    let version = run(&["--version"]).expect(0).stdout;
    assert_eq!(version, concat!("mintmark ", env!("CARGO_PKG_VERSION"), "\n"));
    run(&[]).expect(2);
    run(&["destroy"]).expect(2);
}
