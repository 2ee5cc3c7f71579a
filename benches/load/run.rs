//! One run: start the servers, give each variant its turn in every round, report.
use crate::{
    Options,
    client::Request,
    probe,
    report::{Footprint, Report, median},
    server::Server,
    variant::{Sample, Variant, refresh, stateless},
};
use sqlx::{AssertSqlSafe, Executor, PgPool};
use std::{path::Path, time::Duration};

const STARTS: usize = 5;

pub fn run(options: &Options) -> anyhow::Result<()> {
    // In the build's folder, not in the system's temporary one: that may be in memory.
    let dir = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let postgres = Postgres::create()?;
    let outcome = with_servers(options, dir.path(), postgres.as_ref());
    if let Some(postgres) = postgres {
        postgres.remove()?;
    }
    outcome
}

fn with_servers(options: &Options, dir: &Path, postgres: Option<&Postgres>) -> anyhow::Result<()> {
    let database = format!("sqlite:{}", dir.join("mintmark.db").display());
    let (server, start_seconds) = started_often(dir, &database)?;
    std::thread::sleep(Duration::from_secs(1));
    let idle = server.target.memory("VmRSS")?;

    let answer = dir.join("jwks.http");
    let (head, body) = Request::get("/.well-known/jwks.json").send(server.target.address)?;
    std::fs::write(&answer, [head.into_bytes(), body].concat())?;
    let limits = Server::limits(&answer)?;

    let rotating = Server::rotating(&dir.join("rotating"))?;
    let mut variants = stateless(options, &database, (&server, &rotating, &limits))?;
    variants.extend(refresh(options, "SQLite", &server)?);
    let on_postgres = match postgres {
        Some(postgres) => Some(Server::mintmark(&dir.join("postgres"), &postgres.url)?.0),
        None => None,
    };
    if let Some(server) = &on_postgres {
        variants.extend(refresh(options, "PostgreSQL", server)?);
    }
    let (samples, disk) = measure(options, dir, &mut variants)?;
    let peak = server.target.memory("VmHWM")?;
    let footprint = Footprint { start_seconds, idle, peak };
    let report = Report { options, variants, samples, disk, footprint };
    report.print(postgres.is_some())
}

/// A server on existing data, after a few that have been killed, and the median of how long they took.
fn started_often(dir: &Path, database: &str) -> anyhow::Result<(Server, f64)> {
    drop(Server::mintmark(dir, database)?);
    let mut seconds = Vec::with_capacity(STARTS);
    let server = loop {
        let (server, took) = Server::mintmark(dir, database)?;
        seconds.push(took.as_secs_f64());
        if seconds.len() == STARTS {
            break server;
        }
    };
    Ok((server, median(seconds)))
}

/// Per variant its samples, one of each round; and the disk's speed in each round.
fn measure(
    options: &Options,
    dir: &Path,
    variants: &mut [Variant],
) -> anyhow::Result<(Vec<Vec<Sample>>, Vec<f64>)> {
    let ticks_per_second = probe::ticks_per_second()?;
    let warm_up = options.turn().min(Duration::from_millis(500));
    for variant in &mut *variants {
        variant.turn(warm_up, ticks_per_second)?;
    }
    let (mut samples, mut disk) = (vec![Vec::new(); variants.len()], Vec::new());
    for round in 1..=options.rounds {
        eprintln!("round {round} of {}", options.rounds);
        disk.push(probe::disk(dir)?);
        for (variant, samples) in variants.iter_mut().zip(&mut samples) {
            samples.push(variant.turn(options.turn(), ticks_per_second)?);
        }
    }
    Ok((samples, disk))
}

/// A database of this run alone on the server that `TEST_POSTGRES_URL` names.
struct Postgres {
    server: String,
    name: String,
    url: String,
}

impl Postgres {
    fn create() -> anyhow::Result<Option<Self>> {
        let Ok(server) = std::env::var("TEST_POSTGRES_URL") else { return Ok(None) };
        let name = format!("load_{}", uuid::Uuid::new_v4().simple());
        let mut url = url::Url::parse(&server)?;
        url.set_path(&name);
        let postgres = Self { server, url: url.into(), name };
        postgres.execute(format!("CREATE DATABASE {}", postgres.name))?;
        Ok(Some(postgres))
    }

    fn remove(&self) -> anyhow::Result<()> {
        self.execute(format!("DROP DATABASE {} WITH (FORCE)", self.name))
    }

    fn execute(&self, statement: String) -> anyhow::Result<()> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let admin = PgPool::connect(&self.server).await?;
            admin.execute(AssertSqlSafe(statement)).await?;
            admin.close().await;
            Ok(())
        })
    }
}
