//! A database that comes back without the last rotations: a restored backup, and a standby that took
//! over and lagged. Honest clients stay logged in, and a thief is still caught.
use crate::support::{Answer, Cluster, Database, Forwarder, Process, Server};
use std::{path::Path, time::Duration};

/// The successive refresh tokens of one session.
struct Chain(Vec<String>);

impl Chain {
    fn begin(login: &Answer) -> Self {
        Self(vec![login.refresh_token().to_owned()])
    }

    fn last(&self) -> &str {
        self.0.last().unwrap()
    }

    fn push(&mut self, pair: Answer) {
        self.0.push(pair.expect(200).refresh_token().to_owned());
    }
}

/// Whoever refreshes tokens: the service in this process or in another.
trait Refreshes {
    async fn present(&self, token: &str) -> Answer;

    async fn rotate(&self, chain: &mut Chain, times: usize) {
        for _ in 0..times {
            let pair = self.present(chain.last()).await;
            chain.push(pair);
        }
    }

    async fn assert_reuse(&self, token: &str) {
        let refused = self.present(token).await;
        assert_eq!(refused.error_code(), "obsolete_refresh_token", "{refused:?}");
    }

    async fn assert_ended(&self, chain: &Chain) {
        let refused = self.present(chain.last()).await;
        assert_eq!(refused.text_of("error_description"), "ended: reuse_detected");
    }
}

impl Refreshes for Server {
    async fn present(&self, token: &str) -> Answer {
        self.refresh(token).await
    }
}

impl Refreshes for Process {
    async fn present(&self, token: &str) -> Answer {
        self.refresh(token).await
    }
}

/// Sessions as they were when the database lost what came later, at generation 2, and what came later.
struct Sessions {
    /// Used three times more.
    honest: Chain,
    /// Not used again.
    idle: Chain,
    /// A thief has a copy of a token from before.
    stolen_before: Chain,
    /// A thief has a copy of a token from after, and waits until its owner has come back.
    stolen_after: Chain,
    /// The same, but the thief comes before its owner.
    raced: Chain,
}

impl Sessions {
    async fn begin(service: &impl Refreshes, login: impl AsyncFn() -> Answer) -> Self {
        let begin = async || {
            let mut chain = Chain::begin(&login().await);
            service.rotate(&mut chain, 2).await;
            chain
        };
        Self {
            honest: begin().await,
            idle: begin().await,
            stolen_before: begin().await,
            stolen_after: begin().await,
            raced: begin().await,
        }
    }

    /// What will be lost.
    async fn go_on(&mut self, service: &impl Refreshes) {
        let Self { honest, stolen_before, stolen_after, raced, idle: _ } = self;
        for chain in [honest, stolen_before, stolen_after, raced] {
            service.rotate(chain, 3).await;
        }
    }

    /// Everybody comes back. How many came from ahead of their row.
    async fn come_back(mut self, service: &impl Refreshes) -> i64 {
        service.rotate(&mut self.honest, 1).await;
        let answered = self.honest.0.len() - 1;
        let retried = service.present(&self.honest.0[answered - 1]).await;
        assert_eq!(retried.expect(200).refresh_token(), self.honest.last(), "the answer was lost");
        service.rotate(&mut self.honest, 1).await;
        service.rotate(&mut self.idle, 1).await;

        service.assert_reuse(&self.stolen_before.0[0]).await;
        service.assert_ended(&self.stolen_before).await;

        service.rotate(&mut self.stolen_after, 1).await;
        service.assert_reuse(&self.stolen_after.0[3]).await;
        service.assert_ended(&self.stolen_after).await;

        // Nobody can tell yet that this is not the owner; the next that comes too late shows it.
        let thief = service.present(&self.raced.0[3]).await.expect(200);
        service.rotate(&mut self.raced, 1).await;
        service.assert_reuse(thief.refresh_token()).await;
        service.assert_ended(&self.raced).await;
        4
    }
}

const AHEAD: &str = "SELECT COUNT(*) FROM audit_events WHERE action = 'session.generation_ahead'";
const REUSED: &str = "SELECT COUNT(*) FROM audit_events WHERE action = 'session.reuse_detected'";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_restored_copy_of_sqlite_keeps_clients_and_finds_thieves() {
    let database = Database::sqlite();
    let process = Process::start(&database);
    let mut sessions = Sessions::begin(&process, async || process.login().await).await;
    let file = database.url.strip_prefix("sqlite:").unwrap().to_owned();
    let backup = format!("{file}.backup");
    database.execute(&format!("VACUUM INTO '{backup}'")).await;
    sessions.go_on(&process).await;
    let login = process.login().await;
    let mut lost = Chain::begin(&login);
    let (code, log) = process.terminate();
    assert_eq!(code, Some(0));
    // What is lost with the table can be looked up.
    let entry = log.lines().rfind(|line| line.contains("session.started")).unwrap();
    for (name, id) in [("session_id", login.text_of("sid")), ("user_id", login.text_of("sub"))] {
        assert!(entry.contains(&format!("{name}={id}")), "no {name} in {entry}");
    }
    assert!(entry.contains("client_id=demo-app"), "{entry}");

    // As the runbook has it: what belongs to the file goes with it.
    for part in ["-wal", "-shm"].map(|suffix| format!("{file}{suffix}")) {
        assert!(!Path::new(&part).exists() || std::fs::remove_file(part).is_ok());
    }
    std::fs::rename(backup, &file).unwrap();
    let process = Process::start(&database);
    let ahead = sessions.come_back(&process).await;
    assert_eq!(database.number(AHEAD).await, ahead);
    assert_eq!(database.number(REUSED).await, 3);
    let refused = process.refresh(lost.last()).await;
    assert_eq!(refused.error_code(), "invalid_refresh_token");
    lost.push(process.login().await);
}

/// The service with its database behind an address that can lead elsewhere.
async fn on(cluster: &Cluster) -> (Server, Forwarder) {
    let forwarder = Forwarder::to(cluster.address());
    let mut url = url::Url::parse(&cluster.url).unwrap();
    url.set_port(Some(forwarder.address.port())).unwrap();
    let database = Database { url: url.to_string(), dir: tempfile::tempdir().unwrap() };
    let server = Server::with(database, |settings| {
        settings.database.acquire_timeout = Duration::from_secs(1);
    });
    (server.await, forwarder)
}

/// The refusals that pass are over, without anybody restarting anything.
async fn until_it_answers(server: &Server) {
    let ready = async {
        while server.get("/health/ready").await.status != 200 {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), ready).await.expect("it recovers");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_standby_that_lagged_keeps_clients_and_finds_thieves() {
    let primary = Cluster::start();
    let standby = primary.standby();
    let (server, forwarder) = on(&primary).await;
    let mut sessions = Sessions::begin(&server, async || server.login(None).await).await;
    let revoked = server.login(None).await;
    primary.is_followed_by(&standby).await;
    standby.stop_following().await;
    sessions.go_on(&server).await;
    let lost = server.login(None).await;
    let form = format!("client_id=app&token={}", revoked.refresh_token());
    server.post("/oauth/revoke", None, &form).await.expect(200);

    forwarder.cut();
    primary.stop();
    forwarder.retarget(standby.address());
    forwarder.heal();
    // It can be read, but what it says may be out of date.
    for _ in 0..10 {
        server.refresh(sessions.honest.last()).await.expect(503);
    }
    server.get("/health/ready").await.expect(503);
    standby.promote();
    until_it_answers(&server).await;

    let ahead = sessions.come_back(&server).await;
    assert_eq!(server.database.number(AHEAD).await, ahead);
    assert_eq!(server.database.number(REUSED).await, 3);
    let refused = server.refresh(lost.refresh_token()).await;
    assert_eq!(refused.error_code(), "invalid_refresh_token");
    server.refresh(revoked.refresh_token()).await.expect(200);
    drop(server);
}

/// The old primary lives on and takes no changes, so connections to it stay open.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_to_an_old_primary_are_not_kept() {
    let primary = Cluster::start();
    let standby = primary.standby();
    let (server, forwarder) = on(&primary).await;
    let mut pair = server.login(None).await;
    pair = server.refresh(pair.refresh_token()).await.expect(200);
    primary.is_followed_by(&standby).await;
    primary.become_read_only().await;
    server.refresh(pair.refresh_token()).await.expect(503);
    standby.promote();
    forwarder.retarget(standby.address());
    let replaced = async {
        loop {
            let answer = server.refresh(pair.refresh_token()).await;
            if answer.status == 200 {
                break answer;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    let next = tokio::time::timeout(Duration::from_secs(20), replaced).await;
    pair = next.expect("its connections are replaced");
    for _ in 0..10 {
        pair = server.refresh(pair.refresh_token()).await.expect(200);
    }
    drop(server);
}

/// An address that leads to the standby for a while, as one that is switched too early does: the
/// connections made meanwhile would stay, and could never be written to.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn connections_to_a_standby_are_not_kept() {
    let primary = Cluster::start();
    let standby = primary.standby();
    let (server, forwarder) = on(&primary).await;
    let token = server.login(None).await;
    forwarder.cut();
    forwarder.retarget(standby.address());
    forwarder.heal();
    // The first failures are of the connections that were cut.
    for _ in 0..10 {
        server.refresh(token.refresh_token()).await.expect(503);
    }
    forwarder.retarget(primary.address());
    until_it_answers(&server).await;
    for _ in 0..10 {
        server.refresh(token.refresh_token()).await.expect(200);
    }
    drop(server);
}
