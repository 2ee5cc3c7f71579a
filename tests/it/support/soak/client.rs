use super::super::{Answer, Random, Server};
use mintmark::clock::{Clock, Timestamp};
use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::sync::{Semaphore, mpsc};

/// Gets one token after the other, of any replica and by any grant, and hands each to all verifiers.
pub struct Client {
    pub replicas: Arc<Vec<Server>>,
    pub clock: Clock,
    pub random: Random,
    pub outputs: Vec<mpsc::Sender<Arc<str>>>,
    pub allowed: Arc<Semaphore>,
    pub done: Arc<AtomicU64>,
    pub failures: Arc<Mutex<Vec<String>>>,
    /// The refresh token, and when to log in again.
    pub session: Option<(String, Timestamp)>,
}

/// How long a session is refreshed; the settings have to let it live longer.
const SESSION: Duration = Duration::from_mins(50);

/// After so many refusals the service is not worth asking.
const ATTEMPTS: usize = 20;

impl Client {
    pub async fn work(mut self) {
        let allowed = Arc::clone(&self.allowed);
        while let Ok(one) = allowed.acquire().await {
            one.forget();
            let token = self.token().await;
            for output in &self.outputs {
                output.send(Arc::clone(&token)).await.unwrap();
            }
            self.done.fetch_add(1, Ordering::SeqCst);
        }
    }

    async fn token(&mut self) -> Arc<str> {
        for _ in 0..ATTEMPTS {
            let answer = self.ask().await;
            if answer.status == 200 {
                return answer.access_token().into();
            }
            self.failures.lock().unwrap().push(format!("{answer:?}"));
        }
        panic!("{:?}", self.failures.lock().unwrap().last());
    }

    async fn ask(&mut self) -> Answer {
        let replicas = Arc::clone(&self.replicas);
        let server = &replicas[self.random.index(replicas.len())];
        let form = "grant_type=client_credentials";
        match self.random.below(3) {
            0 => server.post("/oauth/token", Some("service"), form).await,
            1 => server.post("/oauth/token", Some("rsa"), form).await,
            _ => self.refresh(server).await,
        }
    }

    async fn refresh(&mut self, server: &Server) -> Answer {
        let now = self.clock.now();
        let (answer, until) = match self.session.take() {
            Some((token, until)) if now < until => (server.refresh(&token).await, until),
            _ => (server.login(None).await, now + SESSION),
        };
        self.session = answer.json["refresh_token"].as_str().map(|token| (token.to_owned(), until));
        answer
    }
}
