use mintmark::config::{DatabaseSettings, Settings};
use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, Row, SqliteConnection};
use std::{collections::HashMap, time::Duration};

/// A database that no other test sees.
pub struct Database {
    pub url: String,
    /// For the files of the test, and the database if it is SQLite.
    pub dir: tempfile::TempDir,
}

/// Works on a connection of its own; both drivers have the same names for it.
macro_rules! on_connection {
    ($database:expr, $conn:ident => $work:expr) => {
        if $database.is_sqlite() {
            let mut $conn = SqliteConnection::connect(&$database.url).await.unwrap();
            let done = $work;
            $conn.close().await.unwrap();
            done
        } else {
            let mut $conn = PgConnection::connect(&$database.url).await.unwrap();
            let done = $work;
            $conn.close().await.unwrap();
            done
        }
    };
}

impl Database {
    pub fn sqlite() -> Self {
        let dir = tempfile::tempdir().unwrap();
        Self { url: format!("sqlite:{}", dir.path().join("mintmark.db").display()), dir }
    }

    /// A new database on the server that `./test` starts. A run without one fails: no test is skipped
    /// in silence.
    pub async fn postgres() -> Self {
        let server = std::env::var("TEST_POSTGRES_URL")
            .expect("TEST_POSTGRES_URL names a PostgreSQL server; ./test starts one and sets it");
        let name = format!("it_{}", uuid::Uuid::new_v4().simple());
        let mut admin = PgConnection::connect(&server).await.unwrap();
        admin.execute(AssertSqlSafe(format!("CREATE DATABASE {name}"))).await.unwrap();
        admin.close().await.unwrap();
        let mut url = url::Url::parse(&server).unwrap();
        url.set_path(&name);
        Self { url: url.to_string(), dir: tempfile::tempdir().unwrap() }
    }

    pub fn is_sqlite(&self) -> bool {
        self.url.starts_with("sqlite:")
    }

    pub fn settings(&self) -> DatabaseSettings {
        let settings = Settings::load(None, HashMap::new()).unwrap().database;
        // On a busy machine many tests share one disk, and few of them are about giving up.
        DatabaseSettings {
            url: self.url.clone().into(),
            max_connections: 8,
            acquire_timeout: Duration::from_secs(10),
            statement_timeout: Duration::from_secs(15),
            ..settings
        }
    }

    /// Runs a statement behind the server's back, as an operator or an attacker with the database in
    /// hand would. The result is the rows it changed.
    pub async fn execute(&self, statement: &str) -> u64 {
        let statement = AssertSqlSafe(statement.to_owned());
        on_connection!(self, conn => sqlx::query(statement).execute(&mut conn).await.unwrap().rows_affected())
    }

    /// The one number that a query gives.
    pub async fn number(&self, query: &str) -> i64 {
        let query = AssertSqlSafe(query.to_owned());
        on_connection!(self, conn => sqlx::query_scalar(query).fetch_one(&mut conn).await.unwrap())
    }

    /// The texts in the one column that a query gives.
    pub async fn texts(&self, query: &str) -> Vec<String> {
        let query = AssertSqlSafe(query.to_owned());
        on_connection!(self, conn => sqlx::query_scalar(query).fetch_all(&mut conn).await.unwrap())
    }
}

/// The `keys` table as text, for tests that change it and compare it.
impl Database {
    /// Every row in order: line, number, kid, public JWK, what is sealed, its instants.
    pub async fn keys(&self) -> Vec<Vec<String>> {
        const ROWS: &str = "SELECT line, CAST(number AS TEXT), kid, COALESCE(public_jwk, 'none'),
                COALESCE(sealed, 'none'), CAST(published_at AS TEXT), CAST(activates_at AS TEXT),
                COALESCE(CAST(retired_at AS TEXT), 'none'), CAST(longest_token AS TEXT),
                COALESCE(CAST(revoked_at AS TEXT), 'none'), origin
            FROM keys ORDER BY CASE line WHEN 'ES256' THEN 1 WHEN 'RS256' THEN 2 ELSE 3 END, keys.number";
        on_connection!(self, conn => {
            let rows = sqlx::query(ROWS).fetch_all(&mut conn).await.unwrap();
            rows.iter().map(|row| (0..11).map(|column| row.get(column)).collect()).collect()
        })
    }

    /// Puts rows that [`Self::keys`] has read back in place of those that are there.
    pub async fn restore_keys(&self, rows: &[Vec<String>]) {
        self.execute("DELETE FROM keys").await;
        for row in rows {
            let text = |column: usize| match row[column].as_str() {
                "none" => "NULL".to_owned(),
                text => format!("'{}'", text.replace('\'', "''")),
            };
            self.execute(&format!(
                "INSERT INTO keys VALUES ({}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {})",
                text(0),
                row[1],
                text(2),
                text(3),
                text(4),
                row[5],
                row[6],
                row[7].replace("none", "NULL"),
                row[8],
                row[9].replace("none", "NULL"),
                text(10),
            ))
            .await;
        }
    }
}
