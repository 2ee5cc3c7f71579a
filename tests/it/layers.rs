//! The architecture, checked: each library has one home, and no layer knows one above it.
use std::{
    fs,
    path::{Path, PathBuf},
};

#[test]
fn each_library_has_one_home() {
    for (library, home) in [
        ("actix_web::", "src/http"),
        ("tracing_actix_web::", "src/http"),
        ("minijinja::", "src/http"),
        ("sqlx::", "src/store"),
        ("josekit::", "src/jose"),
        ("argon2::", "src/password.rs"),
        ("clap::", "src/cli"),
    ] {
        for file in naming(library, Path::new("src")) {
            let at_home = file.starts_with(home) || file == Path::new("src/main.rs");
            assert!(at_home, "{} names {library}, whose home is {home}", file.display());
        }
    }
}

/// Layers on one line may not name each other's insides either way, unless listed in `ALLOWED`.
const LAYERS: &[&[&str]] = &[
    &["cli"],
    &["http"],
    &["oauth", "oidc"],
    &["app"],
    &["session"],
    &["keys"],
    &["store", "jose", "password"],
    &["model", "config", "offload", "telemetry"],
    &["secret"],
    &["clock"],
];

#[test]
fn no_layer_knows_one_above_it() {
    for (depth, layer) in LAYERS.iter().enumerate() {
        for name in *layer {
            for above in LAYERS[..depth].iter().copied().flatten() {
                let found = naming(above, &source(name));
                assert!(found.is_empty(), "{name} names {above} in {found:?}");
            }
        }
    }
}

#[test]
fn every_module_has_its_layer() {
    for entry in fs::read_dir("src").unwrap() {
        let name = entry.unwrap().path().file_stem().unwrap().to_str().unwrap().to_owned();
        let placed = LAYERS.iter().copied().flatten().any(|layer| *layer == name);
        assert!(placed || ["main", "lib"].contains(&name.as_str()), "{name} has no layer");
    }
}

/// The budget of a file. A file that outgrows it is two.
#[test]
fn no_file_is_longer_than_three_hundred_lines() {
    for file in rust_files(Path::new("src")).into_iter().chain(rust_files(Path::new("tests"))) {
        let lines = fs::read_to_string(&file).unwrap().lines().count();
        assert!(lines <= 300, "{} has {lines} lines", file.display());
    }
}

fn source(module: &str) -> PathBuf {
    let file = Path::new("src").join(format!("{module}.rs"));
    if file.exists() { file } else { Path::new("src").join(module) }
}

/// The files under a path with code that spells `library::`, or that imports or spells a module.
fn naming(name: &str, path: &Path) -> Vec<PathBuf> {
    let names_it = |file: &PathBuf| {
        let code: String = fs::read_to_string(file)
            .unwrap()
            .lines()
            .filter(|line| !line.trim_start().starts_with("//"))
            .flat_map(|line| [line.trim_start(), "\n"])
            .collect();
        if name.ends_with("::") {
            return code.contains(name);
        }
        let in_braces = code.split("use crate::{").skip(1).any(|rest| {
            let list = rest.split("};").next().unwrap_or("");
            list.lines().any(|line| {
                line.starts_with(&format!("{name}::")) || line.starts_with(&format!("{name},"))
            }) || list.starts_with(&format!("{name}::"))
                || list.contains(&format!(" {name}::"))
        });
        in_braces
            || code.contains(&format!("crate::{name}::"))
            || code.contains(&format!("crate::{name};"))
    };
    rust_files(path).into_iter().filter(names_it).collect()
}

fn rust_files(path: &Path) -> Vec<PathBuf> {
    if path.is_file() {
        return vec![path.to_owned()];
    }
    let entries = fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    entries
        .flat_map(|entry| match entry.extension() {
            Some(extension) if extension == "rs" => vec![entry],
            None if entry.is_dir() => rust_files(&entry),
            _ => vec![],
        })
        .collect()
}
