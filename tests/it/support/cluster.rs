use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use std::{
    net::{SocketAddr, ToSocketAddrs},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

/// A PostgreSQL of the test's own, to be lost: the one that all tests share stays as it is.
pub struct Cluster {
    pub url: String,
    dir: PathBuf,
    _root: tempfile::TempDir,
}

const SOON: Duration = Duration::from_secs(30);

impl Cluster {
    pub fn start() -> Self {
        Self::make(&["start"])
    }

    /// One that follows this one, asynchronously.
    pub fn standby(&self) -> Self {
        Self::make(&["standby", &self.url])
    }

    fn make(arguments: &[&str]) -> Self {
        let root = tempfile::tempdir().unwrap();
        // PostgreSQL runs as another user if the tests run as root.
        std::fs::set_permissions(root.path(), PermissionsExt::from_mode(0o755)).unwrap();
        let dir = root.path().join("pg");
        let url = scripts_postgres(arguments, &dir);
        Self { url, dir, _root: root }
    }

    pub fn promote(&self) {
        scripts_postgres(&["promote"], &self.dir);
    }

    /// Nothing answers any more.
    pub fn stop(&self) {
        scripts_postgres(&["stop"], &self.dir);
    }

    pub fn address(&self) -> SocketAddr {
        let url = url::Url::parse(&self.url).unwrap();
        let address = (url.host_str().unwrap(), url.port().unwrap());
        address.to_socket_addrs().unwrap().next().unwrap()
    }

    /// Waits until the standby has everything that is committed here.
    pub async fn is_followed_by(&self, standby: &Self) {
        let here = self.text("SELECT pg_current_wal_lsn()::TEXT").await;
        let there = format!("SELECT (pg_last_wal_replay_lsn() >= '{here}')::TEXT");
        standby.until(&there).await;
    }

    /// What is committed elsewhere from now on does not get here.
    pub async fn stop_following(&self) {
        self.text("ALTER SYSTEM SET primary_conninfo = ''").await;
        self.text("SELECT pg_reload_conf()::TEXT").await;
        self.until("SELECT (COUNT(*) = 0)::TEXT FROM pg_stat_wal_receiver").await;
    }

    /// Takes no changes any more, also on connections that are open.
    pub async fn become_read_only(&self) {
        self.text("ALTER SYSTEM SET default_transaction_read_only = on").await;
        self.text("SELECT pg_reload_conf()::TEXT").await;
        self.until("SELECT (current_setting('transaction_read_only') = 'on')::TEXT").await;
    }

    async fn until(&self, condition: &str) {
        let holds = async {
            while self.text(condition).await != "true" {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        };
        tokio::time::timeout(SOON, holds).await.unwrap_or_else(|_| panic!("never: {condition}"));
    }

    /// Runs a statement; the text that it gives, if it gives one.
    async fn text(&self, statement: &str) -> String {
        use sqlx::Row;
        let mut conn = PgConnection::connect(&self.url).await.unwrap();
        let row = conn.fetch_optional(AssertSqlSafe(statement.to_owned())).await.unwrap();
        conn.close().await.unwrap();
        row.map_or_else(String::new, |row| row.get(0))
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.stop();
    }
}

/// What the script prints.
fn scripts_postgres(arguments: &[&str], dir: &Path) -> String {
    let output = Command::new("scripts/postgres").args(arguments).arg(dir).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "scripts/postgres {arguments:?}: {said}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}
