//! Faults, injected on purpose while clients use the service, and a checker that looks for what they may
//! have broken. docs/reliability.md says what is promised and how it is tested.
//!
//! As a test it runs a short version of what needs no special rights; `cargo bench --bench faults` runs
//! the long one.
#![allow(clippy::large_futures, reason = "they are few, and live as long as the run")]

mod checker;
mod client;
mod cluster;
mod database;
mod history;
mod long;
mod process;
mod proxy;
mod random;
mod report;
mod scenario;
mod short;

fn main() -> anyhow::Result<()> {
    if std::env::args().any(|argument| argument == "--bench") { long::run() } else { short::run() }
}

/// Where the history of a violation goes.
fn findings() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("faults")
}
