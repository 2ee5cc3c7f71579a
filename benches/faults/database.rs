//! The database as an operator sees it, behind the service's back.
use sqlx::{
    AssertSqlSafe, Connection, Executor, PgConnection, PgPool, Row, SqlitePool, pool::PoolOptions,
};
use std::path::Path;
use uuid::Uuid;

/// A database of one scenario.
pub struct Database {
    pub url: String,
    /// PostgreSQL's server, where the database is dropped at the end.
    server: Option<String>,
}

#[derive(Debug, Clone)]
pub struct SessionRow {
    pub id: Uuid,
    pub generation: i64,
    pub end_reason: Option<String>,
}

#[derive(Debug, Clone)]
pub struct AuditRow {
    pub action: String,
    pub session: Option<Uuid>,
}

pub enum Pool {
    Sqlite(SqlitePool),
    Postgres(PgPool),
}

macro_rules! on_pool {
    ($pool:expr, $one:ident => $work:expr) => {
        match $pool {
            Pool::Sqlite($one) => $work,
            Pool::Postgres($one) => $work,
        }
    };
}

impl Database {
    pub fn sqlite(dir: &Path) -> Self {
        Self { url: format!("sqlite:{}", dir.join("mintmark.db").display()), server: None }
    }

    /// A new one on this server.
    pub async fn postgres(server: &str) -> anyhow::Result<Self> {
        let name = format!("faults_{}", Uuid::new_v4().simple());
        let mut admin = PgConnection::connect(server).await?;
        admin.execute(AssertSqlSafe(format!("CREATE DATABASE {name}"))).await?;
        admin.close().await?;
        let mut url = url::Url::parse(server)?;
        url.set_path(&name);
        Ok(Self { url: url.to_string(), server: Some(server.to_owned()) })
    }

    pub fn is_sqlite(&self) -> bool {
        self.server.is_none()
    }

    /// Our connections to PostgreSQL are known by their name.
    pub async fn pool(&self) -> sqlx::Result<Pool> {
        if self.is_sqlite() {
            return options(MOST).connect(&self.url).await.map(Pool::Sqlite);
        }
        let url = format!("{}?application_name=faults", self.url);
        options(MOST).connect(&url).await.map(Pool::Postgres)
    }

    /// One connection, on which one statement can follow the other.
    pub async fn connection(&self) -> sqlx::Result<Pool> {
        if self.is_sqlite() {
            return options(1).connect(&self.url).await.map(Pool::Sqlite);
        }
        let url = format!("{}?application_name=faults", self.url);
        options(1).connect(&url).await.map(Pool::Postgres)
    }

    /// The same database through a proxy.
    pub fn url_at(&self, address: std::net::SocketAddr) -> anyhow::Result<String> {
        let mut url = url::Url::parse(&self.url)?;
        url.set_ip_host(address.ip()).map_err(|()| anyhow::anyhow!("a URL without a host"))?;
        url.set_port(Some(address.port())).map_err(|()| anyhow::anyhow!("a URL without a port"))?;
        Ok(url.to_string())
    }

    /// Removes it from its server.
    pub async fn drop_it(&self) -> anyhow::Result<()> {
        let Some(server) = &self.server else { return Ok(()) };
        let url = url::Url::parse(&self.url)?;
        let name = url.path().trim_start_matches('/');
        let mut admin = PgConnection::connect(server).await?;
        admin.execute(AssertSqlSafe(format!("DROP DATABASE {name} WITH (FORCE)"))).await?;
        admin.close().await?;
        Ok(())
    }
}

const MOST: u32 = 10;

/// Without the task that looks for old connections, which may spin.
fn options<DB: sqlx::Database>(connections: u32) -> PoolOptions<DB> {
    PoolOptions::new().max_connections(connections).idle_timeout(None).max_lifetime(None)
}

impl Pool {
    pub async fn number(&self, query: &'static str) -> sqlx::Result<i64> {
        on_pool!(self, pool => sqlx::query_scalar(query).fetch_one(pool).await)
    }

    pub async fn execute(&self, statement: &'static str) -> sqlx::Result<()> {
        on_pool!(self, pool => pool.execute(statement).await.map(drop))
    }

    pub async fn sessions(&self) -> sqlx::Result<Vec<SessionRow>> {
        const QUERY: &str = "SELECT id, generation, end_reason FROM sessions";
        on_pool!(self, pool => {
            let rows = sqlx::query(QUERY).fetch_all(pool).await?;
            rows.iter()
                .map(|row| {
                    let (id, generation) = (row.try_get(0)?, row.try_get(1)?);
                    Ok(SessionRow { id, generation, end_reason: row.try_get(2)? })
                })
                .collect()
        })
    }

    pub async fn audit(&self) -> sqlx::Result<Vec<AuditRow>> {
        const QUERY: &str = "SELECT action, session_id FROM audit_events";
        on_pool!(self, pool => {
            let rows = sqlx::query(QUERY).fetch_all(pool).await?;
            rows.iter()
                .map(|row| Ok(AuditRow { action: row.try_get(0)?, session: row.try_get(1)? }))
                .collect()
        })
    }

    /// What SQLite finds wrong with its file; PostgreSQL has no such question.
    pub async fn damage(&self) -> sqlx::Result<Vec<String>> {
        let Self::Sqlite(pool) = self else { return Ok(Vec::new()) };
        let found: Vec<String> =
            sqlx::query_scalar("PRAGMA integrity_check").fetch_all(pool).await?;
        Ok(found.into_iter().filter(|line| line != "ok").collect())
    }

    pub async fn close(&self) {
        on_pool!(self, pool => pool.close().await);
    }
}
