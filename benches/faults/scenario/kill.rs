//! `kill -9` while clients refresh, and a new process on the same data.
use super::{Kind, Plan, Stage, Verdict};
use std::time::Duration;

const LONGEST_LIFE: Duration = Duration::from_millis(300);

pub async fn sqlite(plan: Plan) -> anyhow::Result<Verdict> {
    let mut stage = Stage::build(plan, Kind::Sqlite, 1).await?;
    stage.begin(false).await?;
    for _ in 0..stage.faults() {
        kill_one(&mut stage, 0).await?;
    }
    stage.finish().await
}

/// Of two replicas, one at a time; the other goes on.
pub async fn postgres(plan: Plan) -> anyhow::Result<Verdict> {
    let mut stage = Stage::build(plan, Kind::Postgres, 2).await?;
    stage.begin(false).await?;
    for _ in 0..stage.faults() {
        let victim = stage.random.index(2);
        kill_one(&mut stage, victim).await?;
    }
    stage.finish().await
}

async fn kill_one(stage: &mut Stage, victim: usize) -> anyhow::Result<()> {
    stage.pause(LONGEST_LIFE).await;
    stage.site.servers[victim].kill()?;
    stage.injected += 1;
    for other in (0..stage.site.servers.len()).filter(|&other| other != victim) {
        stage.look_at(other).await;
    }
    stage.site.restart(victim)?;
    stage.recover().await
}
