//! What clients did and what they were told, in the order in which it ended.
use std::{
    collections::HashMap,
    io::Write,
    path::Path,
    sync::{Mutex, MutexGuard},
    time::Instant,
};
use uuid::Uuid;

/// A refresh token, by a number: what is logged can be shown to anybody.
pub type Token = u32;
/// A login and all that came of it.
pub type Chain = u32;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// On the device of another chain, which ends for it.
    Login {
        replaces: Option<Chain>,
    },
    Refresh {
        token: Token,
    },
    Revoke,
    /// An administrator ends the session.
    End,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    Granted(Token),
    Done,
    /// `invalid_grant` with this `error_code`.
    Refused(String),
    /// 503 `temporarily_unavailable` with `Retry-After`.
    Unavailable,
    /// No whole answer came.
    Lost,
    /// An answer that no fault excuses.
    Wrong(String),
}

#[derive(Debug, Clone)]
pub struct Event {
    pub chain: Chain,
    /// Of a client that authenticates: its retries are in time until the successor is used.
    pub patient: bool,
    pub act: Act,
    #[expect(dead_code, reason = "for people who read a history")]
    pub replica: usize,
    /// In microseconds since the start of the history.
    pub begin: u64,
    pub end: u64,
    pub outcome: Outcome,
}

#[derive(Debug)]
pub struct History {
    started: Instant,
    inner: Mutex<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    events: Vec<Event>,
    chains: Chain,
    tokens: HashMap<String, Token>,
    sessions: HashMap<Chain, Uuid>,
}

impl Default for History {
    fn default() -> Self {
        Self { started: Instant::now(), inner: Mutex::default() }
    }
}

impl History {
    /// Microseconds since the start.
    pub fn now(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_micros()).expect("shorter than an age")
    }

    pub fn next_chain(&self) -> Chain {
        let mut inner = self.inner();
        inner.chains += 1;
        inner.chains
    }

    /// The same number for the same token.
    pub fn number_of(&self, token: &str) -> Token {
        let mut inner = self.inner();
        let next = Token::try_from(inner.tokens.len()).expect("few enough");
        *inner.tokens.entry(token.to_owned()).or_insert(next)
    }

    pub fn name_session(&self, chain: Chain, id: Uuid) {
        self.inner().sessions.insert(chain, id);
    }

    pub fn record(&self, event: Event) {
        self.inner().events.push(event);
    }

    /// Whether a request that began then or later was granted a pair.
    pub fn granted_after(&self, instant: u64) -> bool {
        let inner = self.inner();
        let recent = inner.events.iter().rev().take_while(|event| event.end >= instant);
        recent
            .filter(|event| event.begin >= instant)
            .any(|event| matches!(event.outcome, Outcome::Granted(_)))
    }

    /// How many pairs were granted so far.
    pub fn granted(&self) -> usize {
        let granted = |event: &&Event| matches!(event.outcome, Outcome::Granted(_));
        self.inner().events.iter().filter(granted).count()
    }

    pub fn events(&self) -> Vec<Event> {
        self.inner().events.clone()
    }

    pub fn sessions(&self) -> HashMap<Chain, Uuid> {
        self.inner().sessions.clone()
    }

    /// One line for each event, by its begin.
    pub fn dump(&self, path: &Path) -> std::io::Result<()> {
        let mut events = self.events();
        events.sort_by_key(|event| event.begin);
        let mut file = std::io::BufWriter::new(std::fs::File::create(path)?);
        for event in events {
            writeln!(file, "{event:?}")?;
        }
        file.flush()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("nobody panics while recording")
    }
}
