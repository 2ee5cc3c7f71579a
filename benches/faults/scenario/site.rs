use crate::{cluster::Cluster, database::Database, process::Server, proxy::Proxy, random::Random};
use anyhow::Context;
use std::{
    net::{SocketAddr, ToSocketAddrs},
    path::{Path, PathBuf},
};
use tempfile::TempDir;
use tokio::task::block_in_place;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Sqlite,
    /// A database on the server of all scenarios.
    Postgres,
    /// A PostgreSQL server of the scenario's own, which it may stop.
    Cluster,
}

/// Servers, and whatever is between them and others.
pub struct Site {
    pub servers: Vec<Server>,
    /// Between clients and each server.
    pub doors: Vec<Proxy>,
    /// Between the servers and PostgreSQL.
    pub wire: Option<Proxy>,
    pub database: Database,
    pub cluster: Option<Cluster>,
    pub dir: PathBuf,
    /// How the servers reach the database.
    url: String,
    _temporary: TempDir,
}

impl Site {
    /// The database and the wire to it.
    pub async fn build(
        postgres: &str,
        kind: Kind,
        (temporary, dir): (TempDir, PathBuf),
        random: &mut Random,
    ) -> anyhow::Result<Self> {
        let cluster =
            (kind == Kind::Cluster).then(|| block_in_place(Cluster::start)).transpose()?;
        let server = cluster.as_ref().map_or(postgres, |cluster| &cluster.url);
        let (database, wire) = match kind {
            Kind::Sqlite => (Database::sqlite(&dir), None),
            Kind::Postgres | Kind::Cluster => {
                let wire = Proxy::to(address_of(server)?, random.fork()).await?;
                (Database::postgres(server).await?, Some(wire))
            }
        };
        let url = match &wire {
            Some(wire) => database.url_at(wire.address)?,
            None => database.url.clone(),
        };
        let (servers, doors) = (Vec::new(), Vec::new());
        Ok(Self { servers, doors, wire, database, cluster, dir, url, _temporary: temporary })
    }

    pub async fn open(&mut self, replicas: usize, random: &mut Random) -> anyhow::Result<()> {
        for _ in 0..replicas {
            let server = block_in_place(|| Server::start(&self.url, &self.dir))?;
            self.doors.push(Proxy::to(server.address, random.fork()).await?);
            self.servers.push(server);
        }
        Ok(())
    }

    /// Starts a server that has ended again, behind the same door.
    pub fn restart(&mut self, nth: usize) -> anyhow::Result<()> {
        self.servers[nth] = block_in_place(|| Server::start(&self.url, &self.dir))?;
        self.doors[nth].retarget(self.servers[nth].address);
        Ok(())
    }
}

fn address_of(url: &str) -> anyhow::Result<SocketAddr> {
    let url = url::Url::parse(url)?;
    let host = (url.host_str().context("no host")?, url.port().unwrap_or(5432));
    host.to_socket_addrs()?.next().context("no address")
}

/// The database's file and what SQLite keeps beside it.
pub fn sqlite_files(dir: &Path) -> [PathBuf; 2] {
    [dir.join("mintmark.db"), dir.join("mintmark.db-wal")]
}
