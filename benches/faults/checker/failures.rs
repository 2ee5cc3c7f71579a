//! How the service fails, and that it gets over it.
use super::{Chains, Evidence, chains::micros};
use crate::{history::Outcome, process::Usage};

/// Errors are 503 with `Retry-After`, or a connection that breaks where connections were broken.
pub fn shape(evidence: &Evidence, _: &Chains<'_>) -> Vec<String> {
    let wrong = evidence.events.iter().filter(|event| match event.outcome {
        Outcome::Wrong(_) => true,
        Outcome::Lost => !evidence.terms.answers_may_be_lost,
        Outcome::Granted(_) | Outcome::Done | Outcome::Refused(_) | Outcome::Unavailable => false,
    });
    wrong.map(|event| format!("{event:?}")).collect()
}

pub fn nothing_hangs(evidence: &Evidence, _: &Chains<'_>) -> Vec<String> {
    let longest = micros(evidence.terms.longest_answer);
    let slow = evidence.events.iter().filter(|event| event.end - event.begin > longest);
    slow.map(|event| format!("{event:?}")).collect()
}

/// The key set and the metadata need no database.
pub fn reading_goes_on(evidence: &Evidence, _: &Chains<'_>) -> Vec<String> {
    let failed = evidence.looks.iter().filter(|look| look.status != Some(200));
    failed.map(|look| format!("{look:?}")).collect()
}

pub fn recovers(evidence: &Evidence, _: &Chains<'_>) -> Vec<String> {
    let longest = evidence.terms.longest_recovery;
    let late = evidence.recoveries.iter().filter(|took| **took > longest);
    late.map(|took| format!("the first pair came {took:?} after the fault")).collect()
}

pub fn no_open_transaction(evidence: &Evidence, _: &Chains<'_>) -> Vec<String> {
    let open = evidence.open_transactions;
    if open == 0 { Vec::new() } else { vec![format!("{open} backends")] }
}

/// Memory, descriptors and threads are back to where they were.
pub fn nothing_leaks(evidence: &Evidence, _: &Chains<'_>) -> Vec<String> {
    let leaks = |(before, after): &&(Usage, Usage)| after.exceeds(before);
    let found = evidence.usage.iter().filter(leaks);
    found.map(|(before, after)| format!("{before:?}, then {after:?}")).collect()
}

pub fn nothing_panics(evidence: &Evidence, _: &Chains<'_>) -> Vec<String> {
    evidence.panics.clone()
}
