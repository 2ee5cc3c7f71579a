use super::Terms;
use crate::history::{Act, Chain, Event, Outcome, Token};
use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

/// The history by chain and by token.
pub struct Chains<'a> {
    pub by_chain: HashMap<Chain, Vec<&'a Event>>,
    /// The tokens that were given for a token.
    pub successors: HashMap<Token, HashSet<Token>>,
    pub uses: HashMap<Token, Vec<&'a Event>>,
    /// Logins on the device of a chain.
    pub replacements: HashMap<Chain, Vec<&'a Event>>,
}

impl<'a> Chains<'a> {
    pub fn of(events: &'a [Event]) -> Self {
        let mut chains = Self {
            by_chain: HashMap::new(),
            successors: HashMap::new(),
            uses: HashMap::new(),
            replacements: HashMap::new(),
        };
        for event in events {
            chains.add(event);
        }
        chains
    }

    fn add(&mut self, event: &'a Event) {
        self.by_chain.entry(event.chain).or_default().push(event);
        match event.act {
            Act::Refresh { token } => {
                self.uses.entry(token).or_default().push(event);
                if let Outcome::Granted(next) = event.outcome {
                    self.successors.entry(token).or_default().insert(next);
                }
            }
            Act::Login { replaces: Some(chain) } => {
                self.replacements.entry(chain).or_default().push(event);
            }
            Act::Login { replaces: None } | Act::Revoke | Act::End => {}
        }
    }

    fn uses_of(&self, token: Token) -> impl Iterator<Item = &'a Event> {
        self.uses.get(&token).into_iter().flatten().copied()
    }

    /// Uses of what was given for this token.
    pub fn uses_of_successors(&self, token: Token) -> impl Iterator<Item = &'a Event> {
        let next = self.successors.get(&token).into_iter().flatten();
        next.flat_map(|&next| self.uses_of(next))
    }

    /// It may be taken for a thief's: the successor was used, or at least sent, before this was answered.
    pub fn may_be_reuse(&self, event: &Event) -> bool {
        let Act::Refresh { token } = event.act else { return false };
        self.uses_of_successors(token).any(|other| other.begin < event.end)
    }

    /// The token may have been spent longer ago than its client may retry.
    pub fn too_late(&self, event: &Event, window: Duration) -> bool {
        let Act::Refresh { token } = event.act else { return false };
        let first = self.uses_of(token).map(|other| other.begin).min();
        !event.patient && first.is_some_and(|first| event.end > first + micros(window))
    }

    /// Something other than lateness that explains why the session has ended by the end of this event.
    pub fn ended_for_a_reason(&self, event: &Event) -> bool {
        let of_chain = self.by_chain.get(&event.chain).into_iter().flatten();
        let of_others = self.replacements.get(&event.chain).into_iter().flatten();
        of_chain.chain(of_others).any(|other| {
            let ends = match other.act {
                Act::Revoke | Act::End => true,
                Act::Login { replaces } => replaces == Some(event.chain),
                Act::Refresh { .. } => self.may_be_reuse(other),
            };
            ends && other.begin < event.end
        })
    }

    /// Refused, and nothing explains it but that some retry of the chain was late.
    pub fn is_late(&self, event: &Event, terms: &Terms) -> bool {
        let refused = matches!(event.act, Act::Refresh { .. })
            && matches!(event.outcome, Outcome::Refused(_))
            && !self.ended_for_a_reason(event);
        let mut of_chain = self.by_chain.get(&event.chain).into_iter().flatten();
        refused
            && of_chain.any(|other| other.begin <= event.end && self.too_late(other, terms.window))
    }
}

pub fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).expect("shorter than an age")
}
