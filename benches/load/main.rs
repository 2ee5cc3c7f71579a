//! What Mintmark's busy endpoints cost, beside the least that the same answers cost any program here.
//!
//! `cargo bench --bench load`; docs/benchmarks.md says what each line means. Everything runs on
//! loopback, for a bounded time, and shares the machine: compare figures of one run only.
mod client;
mod crowd;
mod growth;
mod limit;
mod postgres;
mod probe;
mod refresh;
mod report;
mod run;
mod server;
mod updates;
mod variant;

use clap::Parser;
use std::{path::PathBuf, time::Duration};

/// The limits have the allocator of the program.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[derive(Debug, Parser)]
#[command(name = "load", about = "Measures requests per second and CPU time per request")]
pub struct Options {
    /// How often each variant has its turn.
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=100))]
    rounds: u16,
    /// How long a turn takes.
    #[arg(long, default_value_t = 2.0, value_parser = seconds)]
    seconds: f64,
    /// Connections of every variant but refresh, which has its own.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=256))]
    connections: u16,
    /// Also measure refresh among so many live sessions, beside few; 0 leaves it out.
    #[arg(long, default_value_t = 0, value_parser = clap::value_parser!(u32).range(..=20_000_000))]
    sessions: u32,
    /// Instead of all that: rotate so often on each database, and print what the sessions take
    /// meanwhile; 10000000 take about half an hour.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(10..=100_000_000))]
    rotations: Option<u32>,
    /// Only variants with this in their name, and the limits they are compared with.
    #[arg(long, default_value = "", value_name = "PATTERN")]
    only: String,
    /// What cargo says when it runs a benchmark, as opposed to a test.
    #[arg(long, hide = true)]
    bench: bool,
    /// Be the server of the limits; the file has the answer that its JWKS handler gives.
    #[arg(long, hide = true, value_name = "FILE")]
    serve_limits: Option<PathBuf>,
}

fn seconds(text: &str) -> Result<f64, String> {
    let seconds: f64 = text.parse().map_err(|_| "not a number".to_owned())?;
    let in_bounds = (0.1..=60.0).contains(&seconds);
    in_bounds.then_some(seconds).ok_or_else(|| "has to be from 0.1 to 60".to_owned())
}

impl Options {
    fn turn(&self) -> Duration {
        Duration::from_secs_f64(self.seconds)
    }
}

fn main() -> anyhow::Result<()> {
    let options = Options::parse();
    if let Some(answer) = &options.serve_limits {
        return limit::serve(answer);
    }
    if !options.bench {
        // `cargo test --all-targets` starts it as well, and a measurement is no test.
        eprintln!("nothing is measured; start it as `cargo bench --bench load`");
        return Ok(());
    }
    // In the build's folder, not in the system's temporary one: that may be in memory.
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    match options.rotations {
        Some(rotations) => growth::run(rotations, dir.path()),
        None => run::run(&options, dir.path()),
    }
}
