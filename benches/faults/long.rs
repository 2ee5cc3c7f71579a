//! The long run: as many faults of each kind as the caller wants.
use crate::{
    cluster::Cluster,
    findings, report,
    scenario::{self, Plan, Scenario},
};
use clap::Parser;

#[derive(Debug, Parser)]
#[command(name = "faults", about = "Injects faults and proves what must hold")]
struct Options {
    /// Faults of each quick kind; of those that take seconds or minutes each, a part of that.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    faults: u32,
    /// What choices depend on, but for what time decides.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Only kinds with this in their name.
    #[arg(long, default_value = "", value_name = "PATTERN")]
    only: String,
    /// What cargo says when it runs a benchmark.
    #[arg(long, hide = true)]
    bench: bool,
}

pub fn run() -> anyhow::Result<()> {
    let options = Options::parse();
    let own = match std::env::var("TEST_POSTGRES_URL") {
        Ok(url) => Err(url),
        Err(_) => Ok(Cluster::start()?),
    };
    let postgres = own.as_ref().map_or_else(String::clone, |cluster| cluster.url.clone());
    let chosen = scenario::ALL.iter().filter(|scenario| scenario.name.contains(&options.only));
    report::head(options.seed);
    let mut violations = 0;
    for scenario in chosen {
        violations += play(scenario, &options, &postgres)?;
    }
    anyhow::ensure!(violations == 0, "{violations} violations; see {}", findings().display());
    Ok(())
}

fn play(scenario: &Scenario, options: &Options, postgres: &str) -> anyhow::Result<usize> {
    let plan = Plan {
        name: scenario.name,
        faults: (options.faults / scenario.one_in).max(1),
        seed: options.seed,
        short: false,
        postgres: postgres.to_owned(),
        findings: findings(),
    };
    let runtime = tokio::runtime::Runtime::new()?;
    let verdict = runtime.block_on((scenario.run)(plan))?;
    report::line(scenario.name, &verdict);
    Ok(verdict.violations.len())
}
