//! What clients were told fits together.
use super::{Chains, Evidence};
use crate::history::{Act, Event, Outcome, Token};
use std::collections::HashMap;

/// All who came with one token were given the same next one, and no two tokens lead to the same: each
/// session is one chain, never a tree.
pub fn one_successor(evidence: &Evidence, chains: &Chains<'_>) -> Vec<String> {
    let mut found = Vec::new();
    let mut parents: HashMap<Token, Token> = HashMap::new();
    for (&token, next) in &chains.successors {
        if next.len() > 1 {
            found.push(format!("token {token} got the successors {next:?}"));
        }
        for &next in next {
            if let Some(other) = parents.insert(next, token) {
                found.push(format!("tokens {token} and {other} both got {next}"));
            }
        }
    }
    let first = evidence.events.iter().filter(|event| matches!(event.act, Act::Login { .. }));
    for event in first {
        if let Outcome::Granted(token) = event.outcome
            && let Some(parent) = parents.get(&token)
        {
            found.push(format!("the first token {token} is also the successor of {parent}"));
        }
    }
    found
}

/// Once the successor was used and that was answered, a token gets nothing any more.
pub fn spent_stays_spent(evidence: &Evidence, chains: &Chains<'_>) -> Vec<String> {
    let spent = |event: &&Event| {
        let (Act::Refresh { token }, Outcome::Granted(_)) = (&event.act, &event.outcome) else {
            return false;
        };
        chains
            .uses_of_successors(*token)
            .any(|other| matches!(other.outcome, Outcome::Granted(_)) && other.end <= event.begin)
    };
    evidence.events.iter().filter(spent).map(|event| format!("accepted again: {event:?}")).collect()
}

/// After an acknowledged end nobody gets a pair, from no replica.
pub fn ended_stays_ended(_: &Evidence, chains: &Chains<'_>) -> Vec<String> {
    let mut found = Vec::new();
    for (chain, events) in &chains.by_chain {
        let replaced = chains.replacements.get(chain).into_iter().flatten();
        let ends = events
            .iter()
            .filter(|event| acknowledges_an_end(event))
            .chain(replaced.filter(|event| matches!(event.outcome, Outcome::Granted(_))));
        let Some(ended) = ends.min_by_key(|event| event.end) else { continue };
        for event in events.iter().filter(|event| is_granted_refresh(event)) {
            if event.begin >= ended.end {
                found.push(format!("{event:?} after {ended:?}"));
            }
        }
    }
    found
}

fn acknowledges_an_end(event: &Event) -> bool {
    match (&event.act, &event.outcome) {
        (Act::Revoke | Act::End, Outcome::Done) => true,
        (Act::Refresh { .. }, Outcome::Refused(code)) => {
            ["obsolete_refresh_token", "session_ended"].contains(&code.as_str())
        }
        _ => false,
    }
}

fn is_granted_refresh(event: &Event) -> bool {
    matches!((&event.act, &event.outcome), (Act::Refresh { .. }, Outcome::Granted(_)))
}

/// A token that nobody has sent before is accepted unless its session was ended.
pub fn what_was_granted_holds(evidence: &Evidence, chains: &Chains<'_>) -> Vec<String> {
    refused_without_reason(evidence, chains, true)
}

/// A client that asks again in time, because no answer came or a 503, gets one.
pub fn retries_are_honoured(evidence: &Evidence, chains: &Chains<'_>) -> Vec<String> {
    refused_without_reason(evidence, chains, false)
}

fn refused_without_reason(
    evidence: &Evidence,
    chains: &Chains<'_>,
    first_use: bool,
) -> Vec<String> {
    let without_reason = |event: &&Event| {
        let (Act::Refresh { token }, Outcome::Refused(_)) = (&event.act, &event.outcome) else {
            return false;
        };
        let first = chains.uses[token].iter().all(|other| other.begin >= event.begin);
        first == first_use
            && !chains.ended_for_a_reason(event)
            && !chains.is_late(event, &evidence.terms)
    };
    let found = evidence.events.iter().filter(without_reason);
    found.map(|event| format!("refused: {event:?}")).collect()
}
