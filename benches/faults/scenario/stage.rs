use super::{Kind, Site, Verdict, watch};
use crate::{
    checker::{Evidence, Terms},
    client::{Api, Device, Load},
    history::History,
    process::{Server, Usage, log_of},
    random::Random,
};
use anyhow::Context;
use futures_util::StreamExt;
use std::{
    path::PathBuf,
    sync::Arc,
    time::{Duration, Instant},
};
use tempfile::TempDir;
use tokio::task::block_in_place;
use watch::Watch;

/// What the caller wants of a scenario.
#[derive(Debug, Clone)]
pub struct Plan {
    pub name: &'static str,
    pub faults: u32,
    pub seed: u64,
    /// The short run, on a machine that may be slow.
    pub short: bool,
    /// The PostgreSQL server of all scenarios.
    pub postgres: String,
    /// Where the history of a violation goes.
    pub findings: PathBuf,
}

/// A site and the clients that use it all the time.
pub struct Stage {
    pub site: Site,
    pub api: Arc<Api>,
    pub history: Arc<History>,
    pub random: Random,
    pub evidence: Evidence,
    pub injected: u64,
    plan: Plan,
    load: Option<Load>,
    watch: Option<Watch>,
    usage: Vec<(u32, Usage)>,
    began: Instant,
}

/// For the load to get over a fault at last. What is asked of it is in [`Terms`].
const PATIENCE: Duration = Duration::from_mins(1);
const LOOK_AGAIN: Duration = Duration::from_millis(10);
const REST: Duration = Duration::from_secs(2);
/// After its work a process gives back what it took.
const SETTLES_WITHIN: Duration = Duration::from_mins(1);

impl Stage {
    pub async fn build(plan: Plan, kind: Kind, replicas: usize) -> anyhow::Result<Self> {
        let temporary = tempfile::tempdir()?;
        let dir = temporary.path().to_owned();
        Self::build_in(plan, kind, replicas, (temporary, dir)).await
    }

    /// With its files in this folder of the other.
    pub async fn build_in(
        plan: Plan,
        kind: Kind,
        replicas: usize,
        folders: (TempDir, PathBuf),
    ) -> anyhow::Result<Self> {
        let mut random = Random::seeded(plan.seed);
        let mut site = Site::build(&plan.postgres, kind, folders, &mut random).await?;
        site.open(replicas, &mut random).await?;
        let urls = site.doors.iter().map(|door| format!("http://{}", door.address)).collect();
        let api = Arc::new(Api::new(urls, site.servers[0].dev.clone())?);
        let terms = if plan.short { Terms::on_a_slow_machine() } else { Terms::default() };
        Ok(Self {
            site,
            api,
            history: Arc::default(),
            random,
            evidence: Evidence { terms, ..Evidence::default() },
            injected: 0,
            plan,
            load: None,
            watch: None,
            usage: Vec::new(),
            began: Instant::now(),
        })
    }

    /// Lets the clients begin. If all processes are to live on, what they need is compared at the end, and
    /// they must answer all requests that need no database.
    pub async fn begin(&mut self, processes_live: bool) -> anyhow::Result<()> {
        let size = if self.plan.short { (6, 10) } else { (8, 25) };
        self.load = Some(Load::start(&self.api, &self.history, &mut self.random, size));
        self.until_all_have_begun(usize::try_from(size.0 * size.1)?).await?;
        let urls = self.site.servers.iter().filter(|_| processes_live).map(Server::url);
        self.watch = Some(Watch::start(urls.collect(), &self.site.database).await?);
        if processes_live {
            for server in &self.site.servers {
                self.usage.push((server.id(), server.usage()?));
            }
        }
        self.began = Instant::now();
        Ok(())
    }

    /// Logins take the most, and a fault among nothing but logins would prove little.
    async fn until_all_have_begun(&self, devices: usize) -> anyhow::Result<()> {
        let begin = Instant::now();
        while self.history.granted() < devices * 2 {
            anyhow::ensure!(begin.elapsed() < PATIENCE, "{}: too slow a machine", self.plan.name);
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        Ok(())
    }

    pub fn faults(&self) -> u32 {
        self.plan.faults
    }

    /// The shorter in a short run.
    pub fn pick(&self, short: Duration, long: Duration) -> Duration {
        if self.plan.short { short } else { long }
    }

    pub async fn pause(&mut self, longest: Duration) {
        let micros = self.random.below(u64::try_from(longest.as_micros()).expect("short"));
        tokio::time::sleep(Duration::from_micros(micros)).await;
    }

    /// Waits until a client that began after the end of a fault is granted a pair.
    pub async fn recover(&mut self) -> anyhow::Result<()> {
        let took = self.until_granted(Instant::now()).await?;
        self.evidence.recoveries.push(took);
        Ok(())
    }

    /// The same, and some time without faults: a chain of them would be one that outlasts the time for
    /// retries.
    pub async fn recover_and_rest(&mut self) -> anyhow::Result<()> {
        self.recover().await?;
        tokio::time::sleep(self.pick(REST / 4, REST)).await;
        Ok(())
    }

    async fn until_granted(&self, since: Instant) -> anyhow::Result<Duration> {
        let begin = self.history.now();
        while !self.history.granted_after(begin) {
            anyhow::ensure!(
                since.elapsed() < PATIENCE,
                "{}: nothing is granted any more",
                self.plan.name
            );
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        Ok(since.elapsed())
    }

    /// Stops the load, asks each device what its tokens are worth, stops the servers and judges all.
    pub async fn finish(mut self) -> anyhow::Result<Verdict> {
        let load = self.load.take().context("it has begun")?;
        let devices =
            tokio::time::timeout(PATIENCE, load.stop()).await.context("clients hang")??;
        let probes = futures_util::stream::iter(devices);
        probes
            .for_each_concurrent(8, |mut device: Device| async move { device.probe().await })
            .await;
        if let Some(watch) = self.watch.take() {
            (self.evidence.looks, self.evidence.open_transactions) =
                watch.stop(std::mem::take(&mut self.evidence.looks)).await?;
        }
        self.compare_usage().await?;
        self.stop_servers()?;
        self.read_database().await?;
        self.evidence.events = self.history.events();
        self.evidence.sessions = self.history.sessions();
        let verdict = Verdict::on(&self.evidence, self.injected, self.began.elapsed());
        if !verdict.violations.is_empty() || verdict.forced_logins > 0 {
            std::fs::create_dir_all(&self.plan.findings)?;
            let file = format!("{}-{}", self.plan.name, self.plan.seed);
            self.history.dump(&self.plan.findings.join(&file))?;
            let log = self.plan.findings.join(format!("{file}.log"));
            std::fs::copy(log_of(&self.site.dir), log)?;
        }
        Ok(verdict)
    }

    async fn compare_usage(&mut self) -> anyhow::Result<()> {
        for (id, before) in &self.usage {
            let Some(server) = self.site.servers.iter().find(|server| server.id() == *id) else {
                continue;
            };
            let begin = Instant::now();
            let mut after = server.usage()?;
            while after.exceeds(before) && begin.elapsed() < SETTLES_WITHIN {
                tokio::time::sleep(Duration::from_millis(500)).await;
                after = server.usage()?;
            }
            self.evidence.usage.push((*before, after));
        }
        Ok(())
    }

    fn stop_servers(&mut self) -> anyhow::Result<()> {
        for server in &mut self.site.servers {
            let code = block_in_place(|| server.terminate(PATIENCE))?;
            if code != Some(0) {
                self.evidence.panics.push(format!("a server ended with {code:?}"));
            }
        }
        let log = std::fs::read_to_string(log_of(&self.site.dir))?;
        let panics = log.lines().filter(|line| line.contains("panicked"));
        self.evidence.panics.extend(panics.map(str::to_owned));
        Ok(())
    }

    async fn read_database(&mut self) -> anyhow::Result<()> {
        let pool = self.site.database.pool().await?;
        self.evidence.rows = pool.sessions().await?;
        self.evidence.audit = pool.audit().await?;
        self.evidence.damage = pool.damage().await?;
        pool.close().await;
        self.site.database.drop_it().await
    }

    /// A read of the key set from a server that a fault must not touch.
    pub async fn look_at(&mut self, nth: usize) {
        let (http, url) = (reqwest::Client::new(), self.site.servers[nth].url());
        let look = watch::look(&http, &url, watch::PATHS[0]).await;
        self.evidence.looks.push(look);
    }
}
