//! Somebody else holds a lock on all sessions: a migration by hand, a backup tool.
use super::{Kind, Plan, Stage, Verdict};
use std::time::Duration;

pub async fn postgres(plan: Plan) -> anyhow::Result<Verdict> {
    let lock = "BEGIN; LOCK TABLE sessions IN ACCESS EXCLUSIVE MODE";
    held(plan, Kind::Postgres, lock).await
}

/// Longer than the service waits for the lock.
pub async fn sqlite(plan: Plan) -> anyhow::Result<Verdict> {
    held(plan, Kind::Sqlite, "BEGIN IMMEDIATE").await
}

async fn held(plan: Plan, kind: Kind, lock: &'static str) -> anyhow::Result<Verdict> {
    let mut stage = Stage::build(plan, kind, 1).await?;
    stage.evidence.terms.answers_may_be_lost = false;
    stage.begin(true).await?;
    for _ in 0..stage.faults() {
        let holder = stage.site.database.connection().await?;
        holder.execute(lock).await?;
        stage.injected += 1;
        tokio::time::sleep(stage.pick(Duration::from_secs(3), Duration::from_secs(9))).await;
        holder.execute("ROLLBACK").await?;
        stage.recover_and_rest().await?;
    }
    stage.finish().await
}
