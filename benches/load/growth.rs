//! What many rotations leave behind on the disk.
use crate::{
    client::load,
    crowd::{Crowd, FEW},
    postgres::Postgres,
};
use std::{path::Path, time::Duration};

const CONNECTIONS: usize = 64;
const TURN: Duration = Duration::from_secs(2);
/// Lines of a table after its first.
const LOOKS: u32 = 10;

/// Rotates so often on each database, and prints what the sessions take meanwhile.
pub fn run(rotations: u32, dir: &Path) -> anyhow::Result<()> {
    println!("| database | rotations | bytes of {FEW} sessions |\n|---|---:|---:|");
    let file = dir.join("growth").join("mintmark.db");
    let crowd = Crowd::on_sqlite(&dir.join("growth"), FEW, 1)?;
    rotate(&crowd, "SQLite, file and its log", rotations, || {
        let length = |name: &str| file.with_file_name(name).metadata().map(|data| data.len());
        Ok(length("mintmark.db")? + length("mintmark.db-wal")?)
    })?;
    drop(crowd);
    let Some(postgres) = Postgres::create()? else {
        println!("PostgreSQL is left out, as TEST_POSTGRES_URL is not set.");
        return Ok(());
    };
    let crowd = Crowd::on_postgres(&dir.join("growth-postgres"), postgres, FEW, 1)?;
    rotate(&crowd, "PostgreSQL, table and its indexes", rotations, || {
        let size = "SELECT pg_total_relation_size('sessions')::float8";
        #[expect(clippy::cast_sign_loss, clippy::cast_possible_truncation, reason = "a size")]
        Ok(crowd.postgres.as_ref().map_or(Ok(0.0), |postgres| postgres.number(size))? as u64)
    })
}

fn rotate(
    crowd: &Crowd,
    database: &str,
    rotations: u32,
    bytes: impl Fn() -> anyhow::Result<u64>,
) -> anyhow::Result<()> {
    let mut requests = crowd.requests();
    requests.truncate(CONNECTIONS);
    let mut done = 0;
    for look in 0..=LOOKS {
        while done < rotations / LOOKS * look {
            done += load(crowd.server.target.address, &mut requests, TURN)?.requests;
        }
        println!("| {database} | {done} | {} |", bytes()?);
    }
    Ok(())
}
