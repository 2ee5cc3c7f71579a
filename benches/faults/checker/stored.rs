//! The database holds what clients were told.
use super::{Chains, Evidence};
use crate::{
    database::SessionRow,
    history::{Act, Event, Outcome},
};
use std::collections::{HashMap, HashSet};
use uuid::Uuid;

/// A pair, or an end, that was answered had been committed.
pub fn acknowledged_is_stored(evidence: &Evidence, chains: &Chains<'_>) -> Vec<String> {
    let mut found = Vec::new();
    for_each_chain(evidence, chains, |chain, row, events| {
        let Some(row) = row else {
            return found.push(format!("chain {chain} has no row"));
        };
        let granted = events.iter().filter_map(|event| match (&event.act, &event.outcome) {
            (Act::Refresh { .. }, Outcome::Granted(token)) => Some(token),
            _ => None,
        });
        let granted = granted.collect::<HashSet<_>>().len();
        if usize::try_from(row.generation).is_ok_and(|stored| stored < granted) {
            found.push(format!("chain {chain}: {granted} rotations answered, {row:?}"));
        }
        let ended = events.iter().any(|event| {
            matches!(event.act, Act::Revoke | Act::End) && event.outcome == Outcome::Done
        });
        if ended && row.end_reason.is_none() {
            found.push(format!("chain {chain} was ended, {row:?}"));
        }
    });
    found
}

/// However often a token is presented.
pub fn moves_once(evidence: &Evidence, chains: &Chains<'_>) -> Vec<String> {
    let mut found = Vec::new();
    for_each_chain(evidence, chains, |chain, row, events| {
        let presented = events.iter().filter_map(|event| match event.act {
            Act::Refresh { token } => Some(token),
            Act::Login { .. } | Act::Revoke | Act::End => None,
        });
        let presented = presented.collect::<HashSet<_>>().len();
        if row
            .is_some_and(|row| usize::try_from(row.generation).is_ok_and(|moved| moved > presented))
        {
            found.push(format!("chain {chain}: {presented} tokens presented, {row:?}"));
        }
    });
    found
}

fn for_each_chain(
    evidence: &Evidence,
    chains: &Chains<'_>,
    mut look: impl FnMut(u32, Option<&SessionRow>, &[&Event]),
) {
    let rows: HashMap<Uuid, &SessionRow> = evidence.rows.iter().map(|row| (row.id, row)).collect();
    for (&chain, session) in &evidence.sessions {
        let events = chains.by_chain.get(&chain).map_or(&[][..], Vec::as_slice);
        look(chain, rows.get(session).copied(), events);
    }
}

/// What each end that has an entry is called there.
const ENTRIES: &[(&str, &str)] = &[
    ("revoked", "session.revoked"),
    ("ended_by_administrator", "session.ended"),
    ("reuse_detected", "session.reuse_detected"),
];

/// Each session's start and end is in the audit log, once: whether or not anybody was told.
pub fn audited(evidence: &Evidence, _: &Chains<'_>) -> Vec<String> {
    let mut entries: HashMap<(Uuid, &str), usize> = HashMap::new();
    for entry in &evidence.audit {
        if let Some(session) = entry.session {
            *entries.entry((session, &entry.action)).or_default() += 1;
        }
    }
    let count = |row: &SessionRow, action| entries.get(&(row.id, action)).copied().unwrap_or(0);
    let mut found = Vec::new();
    for row in &evidence.rows {
        let started = count(row, "session.started");
        if started != 1 {
            found.push(format!("{started} entries of the start of {row:?}"));
        }
        for &(reason, action) in ENTRIES {
            let (ended, logged) = (row.end_reason.as_deref() == Some(reason), count(row, action));
            if logged != usize::from(ended) {
                found.push(format!("{logged} entries {action} for {row:?}"));
            }
        }
    }
    found
}

/// Nobody came with a token that the database did not know of.
pub fn nothing_rolled_back(evidence: &Evidence, _: &Chains<'_>) -> Vec<String> {
    let ahead = evidence.audit.iter().filter(|entry| entry.action == "session.generation_ahead");
    ahead.map(|entry| format!("{entry:?}")).collect()
}

pub fn sound(evidence: &Evidence, _: &Chains<'_>) -> Vec<String> {
    evidence.damage.clone()
}
