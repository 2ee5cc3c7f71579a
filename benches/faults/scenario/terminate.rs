//! An administrator, or the kernel, ends single backends of PostgreSQL.
use super::{Kind, Plan, Stage, Verdict};
use std::time::Duration;

const TERMINATE: &str = "SELECT COUNT(*) FROM (
    SELECT pg_terminate_backend(pid) FROM (
        SELECT pid FROM pg_stat_activity
        WHERE datname = current_database() AND application_name <> 'faults'
        ORDER BY random() LIMIT 1) AS one) AS ended";

pub async fn run(plan: Plan) -> anyhow::Result<Verdict> {
    let mut stage = Stage::build(plan, Kind::Postgres, 2).await?;
    stage.evidence.terms.answers_may_be_lost = false;
    stage.begin(true).await?;
    let pool = stage.site.database.pool().await?;
    while stage.injected < u64::from(stage.faults()) {
        stage.injected += u64::try_from(pool.number(TERMINATE).await?)?;
        stage.pause(Duration::from_millis(60)).await;
    }
    pool.close().await;
    stage.recover().await?;
    stage.finish().await
}
