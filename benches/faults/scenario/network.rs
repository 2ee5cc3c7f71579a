//! What a network does between clients and service, and between service and PostgreSQL.
use super::{Kind, Plan, Stage, Verdict};
use crate::proxy::Weather;
use std::time::{Duration, Instant};

/// More than enough for the faults of any plan.
const LONGEST: Duration = Duration::from_mins(20);

/// One answer in five does not reach its client, or only its begin does.
pub async fn answers_lost(plan: Plan, kind: Kind) -> anyhow::Result<Verdict> {
    at_the_door(plan, kind, Weather { lose: 20, ..Weather::default() }).await
}

/// One request in three is abandoned within milliseconds, at whatever point it has come to.
pub async fn clients_reset(plan: Plan, kind: Kind) -> anyhow::Result<Verdict> {
    at_the_door(plan, kind, Weather { reset: 33, ..Weather::default() }).await
}

async fn at_the_door(plan: Plan, kind: Kind, weather: Weather) -> anyhow::Result<Verdict> {
    let replicas = if kind == Kind::Sqlite { 1 } else { 2 };
    let mut stage = Stage::build(plan, kind, replicas).await?;
    stage.begin(true).await?;
    stage.site.doors.iter().for_each(|door| door.set(weather));
    let begin = Instant::now();
    while stage.injected < u64::from(stage.faults()) && begin.elapsed() < LONGEST {
        tokio::time::sleep(Duration::from_millis(20)).await;
        stage.injected = stage.site.doors.iter().map(crate::proxy::Proxy::injected).sum();
    }
    stage.site.doors.iter().for_each(|door| door.set(Weather::default()));
    stage.recover().await?;
    stage.finish().await
}

/// By turns, connections to PostgreSQL are cut and hang.
pub async fn postgres_cut_off(plan: Plan) -> anyhow::Result<Verdict> {
    let cut = Weather { cut: true, ..Weather::default() };
    let stalled = Weather { stalled: true, ..Weather::default() };
    on_the_wire(plan, &[cut, stalled], Duration::from_secs(3)).await
}

/// Each way takes 200 ms longer, then two seconds.
pub async fn postgres_slow(plan: Plan) -> anyhow::Result<Verdict> {
    let [slow, slower] = [200, 2_000]
        .map(|millis| Weather { delay: Duration::from_millis(millis), ..Weather::default() });
    on_the_wire(plan, &[slow, slower], Duration::from_secs(8)).await
}

async fn on_the_wire(plan: Plan, weathers: &[Weather], lasts: Duration) -> anyhow::Result<Verdict> {
    let mut stage = Stage::build(plan, Kind::Postgres, 2).await?;
    stage.evidence.terms.answers_may_be_lost = false;
    stage.begin(true).await?;
    let lasts = stage.pick(lasts / 3, lasts);
    for nth in 0..stage.faults() {
        let weather = weathers[usize::try_from(nth)? % weathers.len()];
        let set =
            |stage: &Stage, weather| stage.site.wire.iter().for_each(|wire| wire.set(weather));
        set(&stage, weather);
        stage.injected += 1;
        tokio::time::sleep(lasts).await;
        set(&stage, Weather::default());
        stage.recover_and_rest().await?;
    }
    stage.finish().await
}
