//! Rotations that share a commit: none is lost, none waits for company, and one that fails harms no other.
use crate::{
    hang_ups::{refresh, send_and_reset},
    on_both,
    support::{Answer, Database, Server},
};
use futures_util::future::join_all;
use mintmark::config::Settings;
use sqlx::{Connection, Executor, PgConnection, SqliteConnection};
use std::{collections::HashSet, time::Duration};

on_both!(
    rotations_that_wait_for_a_commit_share_the_next,
    with_one_rotation_per_commit_each_has_its_own,
    a_refusal_harms_nobody_else_in_the_group,
    the_successor_goes_to_the_one_whose_use_was_right,
    a_row_that_cannot_be_read_harms_nobody_else_in_the_group,
    a_caller_who_hung_up_has_moved_the_chain_all_the_same,
    a_caller_who_hung_up_alone_has_moved_it_too,
);

const SESSIONS: usize = 24;

/// Holds up every change to the sessions, as a commit that takes long does.
enum Lock {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

impl Lock {
    async fn take(database: &Database) -> Self {
        if database.is_sqlite() {
            let mut conn = SqliteConnection::connect(&database.url).await.unwrap();
            conn.execute("BEGIN IMMEDIATE").await.unwrap();
            Self::Sqlite(conn)
        } else {
            let mut conn = PgConnection::connect(&database.url).await.unwrap();
            conn.execute("BEGIN; LOCK TABLE sessions IN SHARE MODE").await.unwrap();
            Self::Postgres(conn)
        }
    }

    async fn release(self) {
        match self {
            Self::Sqlite(mut conn) => conn.execute("COMMIT").await.map(drop),
            Self::Postgres(mut conn) => conn.execute("COMMIT").await.map(drop),
        }
        .unwrap();
    }
}

/// How many transactions wrote the sessions as they are now.
async fn commits(database: &Database, wal_before: &[u8]) -> usize {
    if !database.is_sqlite() {
        let count = "SELECT COUNT(DISTINCT xmin::text) FROM sessions";
        return usize::try_from(database.number(count).await).unwrap();
    }
    // https://sqlite.org/fileformat2.html#the_write_ahead_log: a header of 32 bytes, then frames of 24
    // bytes and a page; the last frame of a transaction has a size of the database.
    let wal = wal(database);
    assert_eq!(wal[..32], wal_before[..32], "no checkpoint came between");
    let page = u32::from_be_bytes(wal[8..12].try_into().unwrap()) as usize;
    let frames = wal[wal_before.len()..].chunks_exact(24 + page);
    frames.filter(|frame| frame[4..8] != [0; 4]).count()
}

fn wal(database: &Database) -> Vec<u8> {
    std::fs::read(database.dir.path().join("mintmark.db-wal")).unwrap_or_default()
}

async fn log_in(server: &Server) -> Vec<String> {
    let mut tokens = Vec::new();
    for device in 0..SESSIONS {
        let login = server.login(Some(&format!("device {device}"))).await;
        tokens.push(login.refresh_token().to_owned());
    }
    tokens
}

/// Sends all of them while nothing can be committed; the answers, once it can.
async fn refresh_at_once(server: &Server, tokens: &[String]) -> Vec<Answer> {
    let lock = Lock::take(&server.database).await;
    let release = async {
        // Time for all to arrive. If it were too short, they would need more commits, not fewer.
        tokio::time::sleep(Duration::from_millis(700)).await;
        lock.release().await;
    };
    let uses = join_all(tokens.iter().map(|token| server.refresh(token)));
    tokio::join!(uses, release).0
}

fn successors(answers: Vec<Answer>) -> HashSet<String> {
    answers.into_iter().map(|answer| answer.expect(200).refresh_token().to_owned()).collect()
}

async fn rotations_that_wait_for_a_commit_share_the_next(database: Database) {
    let server = Server::start(database).await;
    let tokens = log_in(&server).await;
    let before = wal(&server.database);
    let next = successors(refresh_at_once(&server, &tokens).await);
    assert_eq!(next.len(), SESSIONS, "each has a successor of its own");
    // The first, which waited for no company, and all others.
    let commits = commits(&server.database, &before).await;
    assert!((1..=3).contains(&commits), "{commits} commits");
    for token in next {
        server.refresh(&token).await.expect(200);
    }
}

/// Takes 200 ms for each statement that updates sessions, and counts them.
const SLOW_COMMITS: [&str; 3] = [
    "CREATE SEQUENCE commits",
    "CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS
         $$ BEGIN PERFORM nextval('commits'), pg_sleep(0.2); RETURN NULL; END $$",
    "CREATE TRIGGER slow AFTER UPDATE ON sessions FOR EACH STATEMENT EXECUTE FUNCTION slow()",
];

/// Where a commit takes long, clients that come again as soon as they are answered share each of them:
/// else half of them would wait while the other half is committed, by turns.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn those_who_are_just_answered_come_along_on_a_slow_disk() {
    const ROUNDS: usize = 6;
    let server = Server::start(Database::postgres().await).await;
    let tokens = log_in(&server).await;
    for statement in SLOW_COMMITS {
        server.database.execute(statement).await;
    }
    let clients = tokens.into_iter().map(async |mut token| {
        for _ in 0..ROUNDS {
            token = server.refresh(&token).await.expect(200).refresh_token().to_owned();
        }
    });
    join_all(clients).await;
    let commits = server.database.number("SELECT last_value FROM commits").await;
    assert!(commits <= 9, "{commits} commits of {ROUNDS} rounds");
}

async fn with_one_rotation_per_commit_each_has_its_own(database: Database) {
    let server = Server::with(database, |settings| {
        settings.database.rotations_per_commit = 1;
    })
    .await;
    let tokens = log_in(&server).await;
    let before = wal(&server.database);
    assert_eq!(successors(refresh_at_once(&server, &tokens).await).len(), SESSIONS);
    assert_eq!(commits(&server.database, &before).await, SESSIONS);
}

async fn a_refusal_harms_nobody_else_in_the_group(database: Database) {
    let server = Server::start(database).await;
    let mut tokens = log_in(&server).await;
    // The first was spent too long ago, the second's session has ended, the third comes twice.
    let spent = server.refresh(&tokens[0]).await.expect(200);
    server.refresh(spent.refresh_token()).await.expect(200);
    let form = format!("client_id=app&token={}", tokens[1]);
    server.post("/oauth/revoke", None, &form).await.expect(200);
    tokens.push(tokens[2].clone());
    let mut answers = refresh_at_once(&server, &tokens).await;
    let twin = answers.pop().unwrap().expect(200);
    assert_eq!(twin.refresh_token(), answers[2].refresh_token());
    let refused: Vec<_> = answers.drain(..2).collect();
    assert_eq!(refused[0].error_code(), "obsolete_refresh_token");
    assert_eq!(refused[1].error_code(), "session_ended");
    assert_eq!(successors(answers).len(), SESSIONS - 2);
}

/// Of two uses of one token at the same time, one names another device.
async fn the_successor_goes_to_the_one_whose_use_was_right(database: Database) {
    let server = Server::start(database).await;
    let tokens = log_in(&server).await;
    let refresh = |token: &str, device: &str| {
        let form = format!(
            "grant_type=refresh_token&client_id=app&refresh_token={token}&device_id={device}"
        );
        let server = &server;
        async move { server.post("/oauth/token", None, &form).await }
    };
    let uses = tokens.iter().enumerate().map(async |(nth, token)| {
        let own = format!("device+{nth}");
        // Now the one comes first, now the other.
        let (first, second) = if nth % 2 == 0 { (&*own, "other") } else { ("other", &*own) };
        let (first, second) = tokio::join!(refresh(token, first), refresh(token, second));
        if nth % 2 == 0 { (first, second) } else { (second, first) }
    });
    let lock = Lock::take(&server.database).await;
    let release = async {
        tokio::time::sleep(Duration::from_millis(700)).await;
        lock.release().await;
    };
    let (answers, ()) = tokio::join!(join_all(uses), release);
    let (right, wrong): (Vec<_>, Vec<_>) = answers.into_iter().unzip();
    assert_eq!(successors(right).len(), SESSIONS);
    for answer in wrong {
        assert_eq!(answer.error_code(), "device_mismatch", "{answer:?}");
    }
}

async fn a_row_that_cannot_be_read_harms_nobody_else_in_the_group(database: Database) {
    let server = Server::start(database).await;
    let tokens = log_in(&server).await;
    let damage = "UPDATE sessions SET scope = '\"' WHERE device_id = 'device 7'";
    assert_eq!(server.database.execute(damage).await, 1);
    let mut answers = refresh_at_once(&server, &tokens).await;
    answers.remove(7).expect(500);
    let next = successors(answers);
    assert_eq!(next.len(), SESSIONS - 1);
    for token in next {
        server.refresh(&token).await.expect(200);
    }
}

async fn a_caller_who_hung_up_has_moved_the_chain_all_the_same(database: Database) {
    hung_up(&Server::start(database).await).await;
}

async fn a_caller_who_hung_up_alone_has_moved_it_too(database: Database) {
    let alone = |settings: &mut Settings| {
        settings.database.rotations_per_commit = 1;
        // They hold all connections, so the client has to be known.
        settings.clients.cache_for = Duration::from_hours(1);
    };
    hung_up(&Server::with(database, alone).await).await;
}

const MOVED: &str = "SELECT COUNT(*) FROM sessions WHERE generation = 1";

async fn hung_up(server: &Server) {
    let tokens = log_in(server).await;
    let lock = Lock::take(&server.database).await;
    // Time for all requests to arrive.
    std::thread::scope(|scope| {
        for token in &tokens {
            scope.spawn(|| send_and_reset(server, &refresh(token), Duration::from_secs(2)));
        }
    });
    // Time for the service to notice the last.
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(server.database.number(MOVED).await, 0, "nothing can be committed");
    lock.release().await;
    let all = async {
        while server.database.number(MOVED).await < i64::try_from(SESSIONS).unwrap() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), all).await.expect("all of them move");
    for token in tokens {
        server.refresh(&token).await.expect(200);
    }
    assert_eq!(server.database.number(MOVED).await, i64::try_from(SESSIONS).unwrap());
}
