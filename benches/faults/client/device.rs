use super::{Api, api::Who};
use crate::{
    history::{Act, Chain, Event, History, Outcome},
    random::Random,
};
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;
use uuid::Uuid;

/// A device, and those who have stolen from it.
pub struct Device {
    api: Arc<Api>,
    history: Arc<History>,
    random: Random,
    name: String,
    renamed: u32,
    who: Who,
    session: Option<Session>,
    /// Sessions of the past, whose tokens thieves still have.
    past: Vec<Session>,
    /// After a lost answer it takes its time: what was sent first may still be under way, and would look
    /// like a thief if it came after the successor's use.
    rests_until: Instant,
}

struct Session {
    chain: Chain,
    id: Uuid,
    /// All of them; the last is the one to use.
    tokens: Vec<String>,
}

impl Session {
    /// What an answer means for the session: it lives, it is over, or nobody knows.
    fn decided(&mut self, answer: Result<String, Outcome>) -> Option<bool> {
        match answer {
            Ok(token) => {
                self.tokens.push(token);
                Some(true)
            }
            Err(Outcome::Lost | Outcome::Unavailable) => None,
            Err(_) => Some(false),
        }
    }
}

const REST: Duration = Duration::from_millis(1_500);
const BETWEEN_RETRIES: Duration = Duration::from_millis(25);
const MOST_PAST: usize = 4;

impl Device {
    pub fn new(api: Arc<Api>, history: Arc<History>, name: String, mut random: Random) -> Self {
        let who = if random.percent(70) { Who::Public } else { Who::Confidential };
        let rests_until = Instant::now();
        Self {
            api,
            history,
            random,
            name,
            renamed: 0,
            who,
            session: None,
            past: Vec::new(),
            rests_until,
        }
    }

    pub fn rests(&self) -> bool {
        self.session.is_some() && Instant::now() < self.rests_until
    }

    /// One thing that a user, an administrator or a thief does.
    pub async fn step(&mut self) {
        let Some(mut session) = self.session.take() else { return self.login(None).await };
        let live = match self.random.below(100) {
            0..=1 if session.tokens.len() > 2 => self.steal(&mut session).await,
            2 => self.revoke(&mut session).await,
            3 => self.end(&mut session).await,
            4 => {
                self.login(Some(session.chain)).await;
                self.keep_past(session);
                return;
            }
            5..=7 => return self.use_past(session).await,
            8..=15 => self.refresh_twice_at_once(&mut session).await,
            _ => self.refresh(&mut session).await,
        };
        if live {
            self.session = Some(session);
        } else {
            self.keep_past(session);
        }
    }

    /// Without faults: the current token works, no spent one does, and that ends the session.
    pub async fn probe(&mut self) {
        let Some(mut session) = self.session.take() else { return };
        if self.refresh(&mut session).await && session.tokens.len() > 2 {
            for _ in 0..3 {
                let spent = self.random.index(session.tokens.len() - 2);
                drop(self.present(&session, spent).await);
            }
            drop(self.present(&session, session.tokens.len() - 1).await);
        }
        self.past.push(session);
        for session in std::mem::take(&mut self.past) {
            let any = self.random.index(session.tokens.len());
            drop(self.present(&session, any).await);
        }
    }

    async fn login(&mut self, replaces: Option<Chain>) {
        let name = format!("{}.{}", self.name, self.renamed);
        let (chain, begin, replica) =
            (self.history.next_chain(), self.history.now(), self.replica());
        let answer = self.api.login(replica, self.who, &name).await;
        let outcome = match answer {
            Ok(granted) => {
                self.history.name_session(chain, granted.session);
                let outcome = Outcome::Granted(self.history.number_of(&granted.refresh_token));
                let tokens = vec![granted.refresh_token];
                self.session = Some(Session { chain, id: granted.session, tokens });
                outcome
            }
            Err(outcome) => {
                // What was asked for may still happen, and would end the session of the next login here.
                self.renamed += 1;
                outcome
            }
        };
        self.record(chain, Act::Login { replaces }, (replica, begin), outcome);
    }

    /// Repeats the request until it is decided. False if the session is over.
    async fn refresh(&mut self, session: &mut Session) -> bool {
        loop {
            let outcome = self.present(session, session.tokens.len() - 1).await;
            if let Some(live) = session.decided(outcome) {
                return live;
            }
            self.rests_until = Instant::now() + REST;
            tokio::time::sleep(BETWEEN_RETRIES).await;
        }
    }

    /// As two tabs of a browser do.
    async fn refresh_twice_at_once(&mut self, session: &mut Session) -> bool {
        let last = session.tokens.len() - 1;
        let (one, two) = (self.prepare(), self.prepare());
        let (one, two) = tokio::join!(self.send(session, last, one), self.send(session, last, two));
        if one.as_ref().and(two.as_ref()).is_err() {
            self.rests_until = Instant::now() + REST;
        }
        match session.decided(one).or_else(|| session.decided(two)) {
            Some(live) => live,
            None => self.refresh(session).await,
        }
    }

    /// A thief comes with a token that was spent before the last. Whatever it is told, its owner goes on
    /// and finds out.
    async fn steal(&mut self, session: &mut Session) -> bool {
        let spent = self.random.index(session.tokens.len() - 2);
        drop(self.present(session, spent).await);
        self.refresh(session).await
    }

    async fn revoke(&mut self, session: &mut Session) -> bool {
        let (begin, replica) = (self.history.now(), self.replica());
        let token = session.tokens.last().expect("a session has a token").clone();
        let outcome = self.api.revoke(replica, self.who, &token).await;
        self.record(session.chain, Act::Revoke, (replica, begin), outcome);
        self.refresh(session).await
    }

    async fn end(&mut self, session: &mut Session) -> bool {
        let (begin, replica) = (self.history.now(), self.replica());
        let outcome = self.api.end(replica, session.id).await;
        self.record(session.chain, Act::End, (replica, begin), outcome);
        self.refresh(session).await
    }

    async fn use_past(&mut self, session: Session) {
        self.session = Some(session);
        if let Some(past) = self.past.pop() {
            let any = self.random.index(past.tokens.len());
            drop(self.present(&past, any).await);
            self.past.insert(0, past);
        }
    }

    async fn present(&mut self, session: &Session, nth: usize) -> Result<String, Outcome> {
        let prepared = self.prepare();
        self.send(session, nth, prepared).await
    }

    /// Which replica, and whether by the session API.
    fn prepare(&mut self) -> (usize, bool) {
        (self.replica(), self.random.percent(30))
    }

    async fn send(
        &self,
        session: &Session,
        nth: usize,
        (replica, by_session_api): (usize, bool),
    ) -> Result<String, Outcome> {
        let (token, begin) = (&session.tokens[nth], self.history.now());
        let number = self.history.number_of(token);
        let answer = self.api.refresh(replica, self.who, token, by_session_api).await;
        let (outcome, result) = match answer {
            Ok(granted) if granted.session != session.id => {
                let wrong = Outcome::Wrong("a token of another session".to_owned());
                (wrong.clone(), Err(wrong))
            }
            Ok(granted) => {
                let number = self.history.number_of(&granted.refresh_token);
                (Outcome::Granted(number), Ok(granted.refresh_token))
            }
            Err(outcome) => (outcome.clone(), Err(outcome)),
        };
        self.record(session.chain, Act::Refresh { token: number }, (replica, begin), outcome);
        result
    }

    fn record(&self, chain: Chain, act: Act, (replica, begin): (usize, u64), outcome: Outcome) {
        let (patient, end) = (self.who == Who::Confidential, self.history.now());
        self.history.record(Event { chain, patient, act, replica, begin, end, outcome });
    }

    fn replica(&mut self) -> usize {
        let open = self.api.open();
        open[self.random.index(open.len())]
    }

    fn keep_past(&mut self, session: Session) {
        self.past.push(session);
        if self.past.len() > MOST_PAST {
            self.past.remove(0);
        }
    }
}
