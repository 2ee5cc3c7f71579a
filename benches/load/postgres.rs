//! PostgreSQL: databases of this run alone, and pgbench as the limit.
use anyhow::{Context, ensure};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use std::{process::Command, time::Duration};

/// Four round trips: the row of the token that is spent, and another for its successor.
const TRANSACTION: &str = "\\set token random(1, 100000)
BEGIN;
UPDATE tokens SET used_at = 1 WHERE hash = decode(md5(:token::text), 'hex') RETURNING session_id;
INSERT INTO tokens (hash, session_id) VALUES (decode(md5(gen_random_uuid()::text), 'hex'), :token);
COMMIT;
";
const TABLE: &str =
    "CREATE TABLE tokens (hash BYTEA PRIMARY KEY, session_id BIGINT, used_at BIGINT);
INSERT INTO tokens SELECT decode(md5(n::text), 'hex'), n FROM generate_series(1, 100000) n;
VACUUM ANALYZE tokens";
const CONNECTIONS: &str = "32";

/// A database on the server that `TEST_POSTGRES_URL` names, dropped at the end.
pub struct Postgres {
    server: String,
    name: String,
    pub url: String,
}

impl Postgres {
    /// None if there is no server to make it on.
    pub fn create() -> anyhow::Result<Option<Self>> {
        let Ok(server) = std::env::var("TEST_POSTGRES_URL") else { return Ok(None) };
        let name = format!("load_{}", uuid::Uuid::new_v4().simple());
        let mut url = url::Url::parse(&server)?;
        url.set_path(&name);
        run(&server, format!("CREATE DATABASE {name}"))?;
        Ok(Some(Self { server, url: url.into(), name }))
    }

    /// The one number that a query gives.
    pub fn number(&self, query: &'static str) -> anyhow::Result<f64> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let mut conn = PgConnection::connect(&self.url).await?;
            let number = sqlx::query_scalar(query).fetch_one(&mut conn).await?;
            conn.close().await?;
            Ok(number)
        })
    }

    /// Runs pgbench for a turn; transactions per second.
    pub fn pgbench(&self) -> anyhow::Result<impl FnMut(Duration) -> anyhow::Result<f64> + use<>> {
        for statement in TABLE.split(';') {
            run(&self.url, statement.to_owned())?;
        }
        let (url, program) = (self.url.clone(), pgbench_program()?);
        Ok(move |turn: Duration| {
            let mut script = tempfile::NamedTempFile::new()?;
            std::io::Write::write_all(&mut script, TRANSACTION.as_bytes())?;
            let seconds = turn.as_secs_f64().ceil().to_string();
            let output = Command::new(&program)
                .args(["--no-vacuum", "--protocol", "prepared", "--client", CONNECTIONS])
                .args(["--jobs", "2", "--time", &seconds, "--file"])
                .args([script.path().as_os_str(), url.as_ref()])
                .output()?;
            let said = String::from_utf8(output.stdout)?;
            let failed = String::from_utf8_lossy(&output.stderr);
            ensure!(output.status.success(), "pgbench failed: {failed}");
            let rate = said.lines().find_map(|line| line.strip_prefix("tps = "));
            let rate = rate.and_then(|rest| rest.split(' ').next()).context("no tps")?;
            Ok(rate.parse()?)
        })
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let dropped = run(&self.server, format!("DROP DATABASE {} WITH (FORCE)", self.name));
        if let Err(error) = dropped {
            eprintln!("the database {} is left behind: {error:#}", self.name);
        }
    }
}

fn run(url: &str, statement: String) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut conn = PgConnection::connect(url).await?;
        conn.execute(AssertSqlSafe(statement)).await?;
        conn.close().await?;
        Ok(())
    })
}

/// In the PATH, or where Debian keeps it.
fn pgbench_program() -> anyhow::Result<String> {
    let find = "command -v pgbench || ls /usr/lib/postgresql/*/bin/pgbench | sort -V | tail -n 1";
    let output = Command::new("sh").args(["-c", find]).output()?;
    let program = String::from_utf8(output.stdout)?.trim().to_owned();
    ensure!(!program.is_empty(), "pgbench is missing; it comes with PostgreSQL's server");
    Ok(program)
}
