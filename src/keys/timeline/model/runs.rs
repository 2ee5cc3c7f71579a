//! The runs. Each explores every history that its scenario allows.
use super::{
    properties::{RULE_1, RULE_2, SECRETS_KEPT, VERIFIED},
    scenario::{Scenario, units},
    sights::{BETWEEN, KEPT_ON, RACED, RAN_OUT, REPLACED, ROTATED, STALE},
};
use stateright::{Checker, HasDiscoveries, Model, Path};

/// Every history keeps every rule, and what is to happen in some does.
fn holds(scenario: Scenario, at_least: usize, seen: &[&'static str]) {
    let checker =
        scenario.checker().finish_when(HasDiscoveries::AnyFailures).threads(2).spawn_bfs().join();
    for (name, path) in checker.discoveries() {
        let broken = checker.model().property(name).expectation.discovery_is_failure();
        assert!(!broken, "{name}, but:\n{}", told(path));
    }
    for name in seen {
        assert!(checker.discovery(name).is_some(), "never seen: {name}");
    }
    let count = checker.unique_state_count();
    println!("{count} states");
    assert!(checker.is_done() && count >= at_least, "only {count} states: is the model whole?");
}

/// Some history breaks this rule.
fn breaks(scenario: Scenario, rule: &'static str) {
    let until = HasDiscoveries::AllOf([rule].into());
    let checker = scenario.checker().finish_when(until).threads(2).spawn_bfs().join();
    assert!(checker.discovery(rule).is_some(), "holds: {rule}");
}

/// A history, step by step.
fn told<S: std::fmt::Debug, A: std::fmt::Debug>(path: Path<S, A>) -> String {
    let step = |(state, action): (S, Option<A>)| format!("{state:?}\n  {action:?}\n");
    path.into_vec().into_iter().map(step).collect::<Vec<_>>().concat()
}

#[test]
fn schedules_hold_through_crashes() {
    holds(Scenario::schedule(), 55_000, &[ROTATED, RACED, STALE, BETWEEN]);
}

#[test]
fn graceful_rotations_hold() {
    holds(Scenario::graceful(), 4_000, &[ROTATED, RACED, STALE]);
}

#[test]
fn immediate_rotations_hold() {
    holds(Scenario::immediate(), 70_000, &[ROTATED, RACED]);
}

#[test]
fn compromised_keys_are_gone_for_good() {
    holds(Scenario::compromised(), 25_000, &[REPLACED, BETWEEN]);
}

#[test]
fn a_key_that_never_signed_is_gone_without_a_trace() {
    holds(Scenario::compromised_when_announced(), 25_000, &[REPLACED, RACED]);
}

#[test]
fn lines_are_replaced_by_others() {
    holds(Scenario::lines(), 45_000, &[RAN_OUT, KEPT_ON, BETWEEN]);
}

#[test]
fn a_short_announcement_is_found_out() {
    let mut scenario = Scenario::settled();
    scenario.settings.announce_for = units(2);
    breaks(scenario, VERIFIED);
}

#[test]
fn leaving_the_leeway_out_is_found_out() {
    let mut scenario = Scenario::settled();
    scenario.settings.leeway = units(0);
    breaks(scenario, SECRETS_KEPT);
    // Announced for long enough, but gone too soon.
    let mut scenario = Scenario { skew: 2, ..Scenario::graceful() };
    scenario.settings.leeway = units(0);
    scenario.settings.announce_for = units(4);
    scenario.settings.rotate_every = units(8);
    breaks(scenario, VERIFIED);
}

#[test]
fn forgetting_how_long_tokens_live_is_found_out() {
    breaks(Scenario { longest_token: units(0), ..Scenario::settled() }, RULE_2);
}

#[test]
fn clocks_that_differ_by_more_are_found_out() {
    breaks(Scenario { skew: 2, ..Scenario::settled() }, RULE_1);
    breaks(Scenario { skew: 3, ..Scenario::settled() }, SECRETS_KEPT);
}

#[test]
fn polling_more_slowly_is_found_out() {
    breaks(Scenario { poll: 2, ..Scenario::settled() }, RULE_1);
}

#[test]
fn an_immediate_rotation_asks_for_closer_clocks() {
    let settings = Scenario::schedule().settings;
    breaks(Scenario { settings, ..Scenario::immediate() }, VERIFIED);
}
