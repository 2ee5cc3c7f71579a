//! The documents, held against the program: links lead somewhere, the `OpenAPI` description has exactly
//! the paths and methods that the service has, and settings that are named exist.
use crate::{
    on_both,
    support::{Answer, Database, Server},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

#[test]
fn every_relative_link_leads_to_a_file_and_its_heading() {
    let mut count = 0;
    for file in markdown_files(Path::new(".")) {
        let text = fs::read_to_string(&file).unwrap();
        for link in text.split("](").skip(1).map(|rest| rest.split(')').next().unwrap()) {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            let (path, heading) = link.split_once('#').unwrap_or((link, ""));
            let target =
                if path.is_empty() { file.clone() } else { file.parent().unwrap().join(path) };
            assert!(target.exists(), "{} links to {link}, which is not there", file.display());
            let found = heading.is_empty() || headings(&target).contains(heading);
            assert!(found, "{} links to {link}, which has no such heading", file.display());
            count += 1;
        }
    }
    assert!(count > 20, "only {count} links were found");
}

#[test]
fn the_openapi_description_names_every_path_and_no_other() {
    let mut paths = quoted("src/http/mod.rs", |text| text.starts_with('/'));
    let names = quoted("src/http/metadata.rs", |text| !text.contains(['/', '{', ' ']));
    assert_eq!(names.len(), 2, "{names:?}");
    paths.extend(names.into_iter().map(|name| format!("/.well-known/{name}")));
    assert_eq!(operations().into_keys().collect::<BTreeSet<_>>(), paths);
}

on_both!(the_service_has_the_methods_of_the_description_and_no_others);

async fn the_service_has_the_methods_of_the_description_and_no_others(database: Database) {
    let server = Server::start(database).await;
    for (path, described) in operations() {
        let concrete = path.replace("{id}", "01a200b0-fbb4-78ee-9394-a023340cf532");
        let url = format!("{}{}", server.url, concrete.replace("{code}", "invalid_request"));
        for &method in METHODS {
            let name = reqwest::Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
            let answer = Answer::to(server.http.request(name, &url)).await;
            let (allowed, description) = (answer.status != 405, &answer.json["error_description"]);
            assert_eq!(allowed, described.contains(method), "{method} {path}: {answer:?}");
            assert_ne!(description, "there is nothing under this path", "{method} {path}");
        }
    }
}

#[test]
fn every_setting_that_a_document_names_exists() {
    let known = settings();
    let mut named = BTreeSet::new();
    for file in markdown_files(Path::new(".")) {
        let text = fs::read_to_string(&file).unwrap();
        let variables = text.split("MINTMARK__").skip(1).map(|rest| {
            let end = rest.find(|c: char| !c.is_ascii_uppercase() && c != '_');
            rest.get(..end.unwrap_or(rest.len())).unwrap().to_lowercase().replace("__", ".")
        });
        let variables = variables.map(|name| name.trim_end_matches("_file").to_owned());
        let spans = text.split('`').filter(|span| {
            let section = span.split_once('.').map_or("", |(section, _)| section);
            let plain = span.chars().all(|c| c.is_ascii_lowercase() || matches!(c, '_' | '.'));
            plain && known.iter().any(|key| key.starts_with(&format!("{section}.")))
        });
        named.extend(variables.chain(spans.map(str::to_owned)));
    }
    let unknown: Vec<_> = named.difference(&known).collect();
    assert!(unknown.is_empty(), "no such settings: {unknown:?}");
    assert!(named.len() > 15, "only {named:?} were found");
}

#[test]
fn every_list_of_algorithms_is_complete() {
    let names = mintmark::model::Algorithm::names();
    let description = fs::read_to_string("docs/openapi.yaml").unwrap();
    let lists: Vec<_> = description.lines().filter(|line| line.contains(" alg: {")).collect();
    assert!(lists.len() >= 4, "only {lists:?} were found");
    for list in lists {
        assert!(list.contains(&format!("enum: [{names}]")), "{list}");
    }
    for file in ["config/default.toml", "docs/resource-servers.md", "docs/key-rotation.md"] {
        let text = fs::read_to_string(file).unwrap();
        for name in names.split(", ") {
            assert!(text.contains(name), "{file} does not name {name}");
        }
    }
}

const METHODS: &[&str] = &["get", "post", "put", "patch", "delete"];

/// The paths of the description with their methods. It is indented by two blanks, which is enough to
/// read it as text.
fn operations() -> BTreeMap<String, BTreeSet<String>> {
    let mut operations: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut path = None;
    for line in fs::read_to_string("docs/openapi.yaml").unwrap().lines() {
        if line.starts_with("  /") {
            path = line.trim().strip_suffix(':').map(str::to_owned);
            operations.entry(path.clone().unwrap()).or_default();
        } else if !line.is_empty() && !line.starts_with("   ") {
            path = None;
        } else if let (Some(path), Some(rest)) = (&path, line.strip_prefix("    ")) {
            let method = rest.split(':').next().unwrap();
            if METHODS.contains(&method) {
                operations.get_mut(path).unwrap().insert(method.to_owned());
            }
        }
    }
    operations
}

/// The string literals of a source file that are as wanted.
fn quoted(file: &str, wanted: impl Fn(&str) -> bool) -> BTreeSet<String> {
    let source = fs::read_to_string(file).unwrap();
    let code = source.lines().filter(|line| !line.trim_start().starts_with("//"));
    let literals = code.flat_map(|line| line.split('"').skip(1).step_by(2));
    literals.filter(|text| !text.is_empty() && wanted(text)).map(str::to_owned).collect()
}

/// `section.key`, or `key` at the top.
fn settings() -> BTreeSet<String> {
    let mut section = String::new();
    let mut settings = BTreeSet::new();
    for line in fs::read_to_string("config/default.toml").unwrap().lines() {
        if let Some(name) = line.strip_prefix('[') {
            section = name.replace(']', ".");
        } else if let Some((key, _)) = line.split_once(" = ").filter(|_| !line.starts_with('#')) {
            settings.insert(format!("{section}{key}"));
        }
    }
    settings
}

/// The anchors of a file's headings, as hosting platforms make them.
fn headings(file: &Path) -> BTreeSet<String> {
    let text = fs::read_to_string(file).unwrap();
    let titles = text.lines().filter(|line| line.starts_with('#'));
    let anchor = |line: &str| -> String {
        let title = line.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
        title.chars().filter(|c| c.is_alphanumeric() || matches!(c, '-' | '_')).collect()
    };
    titles.map(anchor).collect()
}

fn markdown_files(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() && !name.starts_with('.') && !["target", "data"].contains(&name) {
            files.extend(markdown_files(&path));
        } else if path.extension().is_some_and(|extension| extension == "md") {
            files.push(path);
        }
    }
    files
}
