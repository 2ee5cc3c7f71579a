//! The short run: each scenario that needs no special rights, and the tests of the checker, as tests.
use crate::{
    checker, findings,
    scenario::{self, Plan, Scenario},
};
use anyhow::Context;
use libtest_mimic::{Arguments, Failed, Trial};

/// A run that fails is repeated with the same choices.
const SEED: u64 = 1;

pub fn run() -> anyhow::Result<()> {
    let arguments = Arguments::from_args();
    let of_checker = checker::tests::ALL.iter().map(|&(name, test)| {
        Trial::test(format!("checker::{name}"), move || {
            test();
            Ok(())
        })
    });
    let scenarios = scenario::ALL.iter().filter(|scenario| scenario.short > 0);
    let scenarios = scenarios
        .map(|scenario| Trial::test(format!("faults::{}", scenario.name), move || play(scenario)));
    libtest_mimic::run(&arguments, of_checker.chain(scenarios).collect()).exit()
}

fn play(scenario: &Scenario) -> Result<(), Failed> {
    let postgres = std::env::var("TEST_POSTGRES_URL")
        .context("TEST_POSTGRES_URL names a PostgreSQL server; ./test starts one and sets it");
    let plan = Plan {
        name: scenario.name,
        faults: scenario.short,
        seed: SEED,
        short: true,
        postgres: postgres.map_err(|error| error.to_string())?,
        findings: findings(),
    };
    let runtime = tokio::runtime::Runtime::new()?;
    let verdict = runtime.block_on((scenario.run)(plan)).map_err(|error| format!("{error:#}"))?;
    if let Some(violation) = verdict.violations.first() {
        let (count, findings) = (verdict.violations.len(), findings());
        return Err(format!(
            "{count} violations, the first: {violation:?}; the history is in {}",
            findings.display()
        )
        .into());
    }
    if verdict.injected < u64::from(scenario.short) || verdict.granted == 0 {
        return Err(format!("too little happened: {verdict:?}").into());
    }
    Ok(())
}
