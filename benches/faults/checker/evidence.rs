use crate::{
    database::{AuditRow, SessionRow},
    history::{Chain, Event},
    process::Usage,
};
use std::{collections::HashMap, time::Duration};
use uuid::Uuid;

/// All that is known of a run.
#[derive(Debug, Default)]
pub struct Evidence {
    pub events: Vec<Event>,
    /// The session of each chain whose login was answered.
    pub sessions: HashMap<Chain, Uuid>,
    pub rows: Vec<SessionRow>,
    pub audit: Vec<AuditRow>,
    /// What is wrong with a SQLite file.
    pub damage: Vec<String>,
    /// Reads of the key set and the metadata while the faults went on.
    pub looks: Vec<Look>,
    /// From the end of each fault to the first pair that was granted after it.
    pub recoveries: Vec<Duration>,
    /// Backends seen idle in a transaction for more than five seconds.
    pub open_transactions: i64,
    /// Of processes that lived through all faults: before the first and after the last.
    pub usage: Vec<(Usage, Usage)>,
    /// Lines of the log that tell of a panic.
    pub panics: Vec<String>,
    pub terms: Terms,
}

#[derive(Debug, Clone)]
pub struct Look {
    #[expect(dead_code, reason = "for people who read a violation")]
    pub path: &'static str,
    /// None if no answer came.
    pub status: Option<u16>,
    pub took: Duration,
}

/// What holds during a scenario.
#[derive(Debug, Clone)]
pub struct Terms {
    /// For how long a public client may retry.
    pub window: Duration,
    /// Processes die or connections break: answers may be lost.
    pub answers_may_be_lost: bool,
    pub longest_answer: Duration,
    pub longest_recovery: Duration,
}

impl Terms {
    /// There the time that something takes says little.
    pub fn on_a_slow_machine() -> Self {
        let longest_recovery = Duration::from_mins(1);
        Self { longest_answer: Duration::from_secs(18), longest_recovery, ..Self::default() }
    }
}

impl Default for Terms {
    fn default() -> Self {
        Self {
            window: Duration::from_secs(30),
            answers_may_be_lost: true,
            longest_answer: Duration::from_secs(10),
            longest_recovery: Duration::from_secs(5),
        }
    }
}
