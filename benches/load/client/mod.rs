//! The load: keep-alive connections that send the same bytes again and again, on one thread. It shares
//! the cores with the servers, so it does as little as it can.
mod connection;

use anyhow::Context;
use connection::Connection;
use std::{
    collections::VecDeque,
    net::SocketAddr,
    time::{Duration, Instant},
};
use tokio::task::JoinSet;

/// What one connection sends.
#[derive(Clone)]
pub struct Request {
    pub bytes: Vec<u8>,
    /// The refresh tokens of other sessions, if it ends in one: each successor goes to the end of this
    /// queue, and the first of it into the request.
    pub chains: Option<VecDeque<Vec<u8>>>,
}

#[derive(Clone, Copy)]
pub struct Load {
    pub requests: u32,
    pub elapsed: Duration,
}

/// What an answer may take beyond its turn before the run fails.
const PATIENCE: Duration = Duration::from_secs(10);

impl Request {
    pub fn get(path: &str) -> Self {
        let text = format!("GET {path} HTTP/1.1\r\nhost: load\r\n\r\n");
        Self { bytes: text.into_bytes(), chains: None }
    }

    /// `headers` are whole lines.
    pub fn post(path: &str, headers: &str, form: &str) -> Self {
        let text = format!(
            "POST {path} HTTP/1.1\r\nhost: load\r\n\
             content-type: application/x-www-form-urlencoded\r\n\
             {headers}content-length: {}\r\n\r\n{form}",
            form.len()
        );
        Self { bytes: text.into_bytes(), chains: None }
    }

    /// Sends it once, on a connection of its own; the answer's head and body.
    pub fn send(&self, address: SocketAddr) -> anyhow::Result<(String, Vec<u8>)> {
        runtime()?.block_on(async {
            let mut connection = Connection::open(address, self.clone()).await?;
            let exchange = connection.exchange();
            let head = tokio::time::timeout(PATIENCE, exchange).await.context("no answer")??;
            let (head, body) = connection.answer.split_at(head);
            Ok((String::from_utf8(head.to_vec())?, body.to_vec()))
        })
    }
}

/// Sends each request over a connection of its own, again as soon as it is answered, for the time of
/// the turn. What chained requests have become is left in their place.
pub fn load(address: SocketAddr, requests: &mut [Request], turn: Duration) -> anyhow::Result<Load> {
    runtime()?.block_on(async {
        let mut connections = Vec::with_capacity(requests.len());
        for request in requests.iter() {
            connections.push(Connection::open(address, request.clone()).await?);
        }
        let start = Instant::now();
        let mut tasks = JoinSet::new();
        for (place, connection) in connections.into_iter().enumerate() {
            let work = connection.work(start + turn);
            tasks.spawn(async move { (place, work.await) });
        }
        let finish = async {
            let mut total = 0;
            while let Some(done) = tasks.join_next().await {
                let (place, outcome) = done?;
                let (request, sent) = outcome?;
                requests[place] = request;
                total += sent;
            }
            anyhow::Ok(Load { requests: total, elapsed: start.elapsed() })
        };
        let finished = tokio::time::timeout(turn + PATIENCE, finish).await;
        finished.context("an answer did not come")?
    })
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}
