//! What must be true of any history, whatever faults were injected: decided from the log of the clients and
//! the database at the end, without I/O. docs/reliability.md says the same in words.
mod chains;
mod evidence;
mod failures;
mod reality;
mod stored;
pub mod tests;

pub use chains::Chains;
pub use evidence::{Evidence, Look, Terms};

/// Something that must not have happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    pub rule: &'static str,
    pub what: String,
}

type Rule = fn(&Evidence, &Chains<'_>) -> Vec<String>;

/// All rules by their names.
const RULES: &[(&str, Rule)] = &[
    ("one successor", reality::one_successor),
    ("spent stays spent", reality::spent_stays_spent),
    ("ended stays ended", reality::ended_stays_ended),
    ("what was granted holds", reality::what_was_granted_holds),
    ("a retry in time needs no login", reality::retries_are_honoured),
    ("what was acknowledged is stored", stored::acknowledged_is_stored),
    ("a token moves its chain once", stored::moves_once),
    ("each change has its audit entry", stored::audited),
    ("nothing was rolled back", stored::nothing_rolled_back),
    ("the file is sound", stored::sound),
    ("errors have their shape", failures::shape),
    ("nothing hangs", failures::nothing_hangs),
    ("reading goes on", failures::reading_goes_on),
    ("it recovers in time", failures::recovers),
    ("no transaction is left open", failures::no_open_transaction),
    ("nothing leaks", failures::nothing_leaks),
    ("nothing panics", failures::nothing_panics),
];

pub fn check(evidence: &Evidence) -> Vec<Violation> {
    let chains = Chains::of(&evidence.events);
    let violations = RULES.iter().flat_map(|(rule, find)| {
        find(evidence, &chains).into_iter().map(|what| Violation { rule, what })
    });
    violations.collect()
}

/// Devices whose user had to log in although nobody had ended the session: their retry came too late.
pub fn forced_logins(evidence: &Evidence) -> usize {
    let chains = Chains::of(&evidence.events);
    evidence.events.iter().filter(|event| chains.is_late(event, &evidence.terms)).count()
}
