//! The table of a long run, in Markdown.
use crate::{checker::Violation, scenario::Verdict};

pub fn head(seed: u64) {
    println!("seed {seed}\n");
    println!(
        "| fault | injected | requests | pairs granted | 503 | lost | forced logins | slowest answer \
         | slowest key set | slowest recovery | took | violations |"
    );
    println!("|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|");
}

pub fn line(name: &str, verdict: &Verdict) {
    if let Some(why) = &verdict.not_run {
        return println!("| `{name}` | not run: {why} |");
    }
    println!(
        "| `{name}` | {} | {} | {} | {} | {} | {} | {:.2} s | {:.2} s | {:.2} s | {:.0} s | {} |",
        verdict.injected,
        verdict.operations,
        verdict.granted,
        verdict.unavailable,
        verdict.lost,
        verdict.forced_logins,
        verdict.slowest.as_secs_f64(),
        verdict.slowest_look.as_secs_f64(),
        verdict.slowest_recovery.as_secs_f64(),
        verdict.took.as_secs_f64(),
        verdict.violations.len(),
    );
    tell(name, &verdict.violations);
}

/// Of each rule that was broken: how often, and one case.
fn tell(name: &str, violations: &[Violation]) {
    for of_one_rule in violations.chunk_by(|one, other| one.rule == other.rule) {
        let Violation { rule, what } = &of_one_rule[0];
        eprintln!("{name}: \"{rule}\" was broken {} times: {what}", of_one_rule.len());
    }
}
