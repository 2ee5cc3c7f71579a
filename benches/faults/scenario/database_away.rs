//! A PostgreSQL that crashes, hangs, or takes no writes.
use super::{Kind, Plan, Stage, Verdict};
use crate::cluster::Cluster;
use anyhow::Context;
use std::time::Duration;
use tokio::task::block_in_place;

/// An immediate shutdown, some seconds without, and crash recovery.
pub async fn crashes(plan: Plan) -> anyhow::Result<Verdict> {
    away(plan, [1, 4], Cluster::crash, Cluster::resume).await
}

/// SIGSTOP to all its processes: connections stay open and nobody answers. Then all that has waited
/// happens, late.
pub async fn stopped(plan: Plan) -> anyhow::Result<Verdict> {
    let stop = |cluster: &Cluster| cluster.signal_all("STOP");
    away(plan, [3, 10], stop, |cluster| cluster.signal_all("CONT")).await
}

async fn away(
    plan: Plan,
    seconds: [u64; 2],
    go: impl Fn(&Cluster) -> anyhow::Result<()>,
    come: impl Fn(&Cluster) -> anyhow::Result<()>,
) -> anyhow::Result<Verdict> {
    let mut stage = Stage::build(plan, Kind::Cluster, 2).await?;
    stage.evidence.terms.answers_may_be_lost = false;
    stage.begin(true).await?;
    let [short, long] = seconds.map(Duration::from_secs);
    for _ in 0..stage.faults() {
        let cluster = stage.site.cluster.as_ref().context("it has one")?;
        block_in_place(|| go(cluster))?;
        stage.injected += 1;
        tokio::time::sleep(stage.pick(short, long)).await;
        let cluster = stage.site.cluster.as_ref().context("it has one")?;
        block_in_place(|| come(cluster))?;
        stage.recover_and_rest().await?;
    }
    stage.finish().await
}

/// As after a failover to a standby that is not promoted yet, or with a file system that went read-only.
pub async fn read_only(plan: Plan) -> anyhow::Result<Verdict> {
    let mut stage = Stage::build(plan, Kind::Cluster, 2).await?;
    stage.evidence.terms.answers_may_be_lost = false;
    stage.begin(true).await?;
    let pool = stage.site.database.pool().await?;
    for _ in 0..stage.faults() {
        pool.execute("ALTER SYSTEM SET default_transaction_read_only = on").await?;
        pool.execute("SELECT pg_reload_conf()").await?;
        stage.injected += 1;
        tokio::time::sleep(stage.pick(Duration::from_secs(2), Duration::from_secs(6))).await;
        pool.execute("ALTER SYSTEM RESET default_transaction_read_only").await?;
        pool.execute("SELECT pg_reload_conf()").await?;
        stage.recover_and_rest().await?;
    }
    pool.close().await;
    stage.finish().await
}
