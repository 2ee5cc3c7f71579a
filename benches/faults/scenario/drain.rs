//! SIGTERM under load, one replica after the other, behind a load balancer that heeds readiness.
use super::{Kind, Plan, Stage, Verdict};
use crate::process::signal;
use std::time::{Duration, Instant};

const POLL: Duration = Duration::from_millis(20);
const LONGEST: Duration = Duration::from_secs(30);

pub async fn run(plan: Plan) -> anyhow::Result<Verdict> {
    let mut stage = Stage::build(plan, Kind::Postgres, 2).await?;
    // Not one answer is lost.
    stage.evidence.terms.answers_may_be_lost = false;
    stage.begin(false).await?;
    for nth in 0..stage.faults() {
        let replica = usize::try_from(nth)? % 2;
        signal("TERM", &[stage.site.servers[replica].id()])?;
        stage.injected += 1;
        drain(&mut stage, replica).await?;
        stage.site.restart(replica)?;
        stage.api.set_open(replica, true);
        stage.recover().await?;
        stage.pause(Duration::from_millis(500)).await;
    }
    stage.finish().await
}

async fn drain(stage: &mut Stage, replica: usize) -> anyhow::Result<()> {
    let (http, begin) = (reqwest::Client::new(), Instant::now());
    let ready = format!("{}/health/ready", stage.site.servers[replica].url());
    while http.get(&ready).send().await.is_ok_and(|answer| answer.status().is_success()) {
        anyhow::ensure!(begin.elapsed() < LONGEST, "it is ready after SIGTERM");
        tokio::time::sleep(POLL).await;
    }
    stage.api.set_open(replica, false);
    loop {
        match stage.site.servers[replica].exit_code()? {
            Some(0) => return Ok(()),
            Some(code) => anyhow::bail!("it ended with {code}"),
            None => tokio::time::sleep(POLL).await,
        }
        anyhow::ensure!(begin.elapsed() < LONGEST, "it does not end");
    }
}
