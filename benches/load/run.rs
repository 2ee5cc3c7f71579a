//! One run: start the servers, give each variant its turn in every round, report.
use crate::{
    Options,
    client::Request,
    crowd,
    postgres::Postgres,
    probe, refresh,
    report::{Footprint, Report, median},
    server::Server,
    variant::{Sample, Variant, introspection, only, stateless},
};
use std::{path::Path, time::Duration};

const STARTS: usize = 5;

pub fn run(options: &Options, dir: &Path) -> anyhow::Result<()> {
    let file = dir.join("mintmark.db");
    let database = format!("sqlite:{}", file.display());
    let (server, start_seconds) = started_often(dir, &database)?;
    std::thread::sleep(Duration::from_secs(1));
    let idle = server.target.memory("VmRSS")?;

    let answer = dir.join("jwks.http");
    let (head, body) = Request::get("/.well-known/jwks.json").send(server.target.address)?;
    std::fs::write(&answer, [head.into_bytes(), body].concat())?;
    let limits = Server::limits(&answer)?;

    let rotating = Server::rotating(&dir.join("rotating"))?;
    let mut variants = stateless(options, &database, (&server, &rotating, &limits))?;
    variants.extend(introspection(options, &database, (&server, &limits))?);
    let alone = Server::with_own_file(&dir.join("alone"), refresh::ALONE)?;
    let on_sqlite = refresh::Pair { grouped: server, alone };
    variants.extend(refresh::sqlite(&on_sqlite)?);
    let databases = (Postgres::create()?, Postgres::create()?);
    let mut on_postgres = None;
    if let (Some(first), Some(second)) = &databases {
        let servers = refresh::Pair {
            grouped: Server::mintmark(&dir.join("postgres"), &first.url, &[])?.0,
            alone: Server::mintmark(&dir.join("alone-postgres"), &second.url, refresh::ALONE)?.0,
        };
        variants.extend(refresh::postgres(&servers, first)?);
        on_postgres = Some(servers);
    }
    let mut crowds = Vec::new();
    if options.sessions > 0 {
        let (made, theirs) = crowd::crowds(options, dir)?;
        crowds = made;
        variants.extend(theirs);
    }
    let mut variants = only(&options.only, variants);
    let (samples, disk) = measure(options, dir, &mut variants)?;
    let peak = on_sqlite.grouped.target.memory("VmHWM")?;
    let footprint = Footprint { start_seconds, idle, peak };
    let report = Report { options, variants, samples, disk, footprint };
    report.print(&crowds, on_postgres.is_some())
}

/// A server on existing data, after a few that have been killed, and the median of how long they took.
fn started_often(dir: &Path, database: &str) -> anyhow::Result<(Server, f64)> {
    drop(Server::mintmark(dir, database, &[])?);
    let mut seconds = Vec::with_capacity(STARTS);
    let server = loop {
        let (server, took) = Server::mintmark(dir, database, &[])?;
        seconds.push(took.as_secs_f64());
        if seconds.len() == STARTS {
            break server;
        }
    };
    Ok((server, median(seconds)))
}

/// Per variant its samples, one of each round; and the disk's speed in each round.
fn measure(
    options: &Options,
    dir: &Path,
    variants: &mut [Variant],
) -> anyhow::Result<(Vec<Vec<Sample>>, Vec<f64>)> {
    let ticks_per_second = probe::ticks_per_second()?;
    let warm_up = options.turn().min(Duration::from_millis(500));
    for variant in &mut *variants {
        variant.turn(warm_up, ticks_per_second)?;
    }
    let (mut samples, mut disk) = (vec![Vec::new(); variants.len()], Vec::new());
    for round in 1..=options.rounds {
        eprintln!("round {round} of {}", options.rounds);
        disk.push(probe::disk(dir)?);
        for (variant, samples) in variants.iter_mut().zip(&mut samples) {
            samples.push(variant.turn(options.turn(), ticks_per_second)?);
        }
    }
    Ok((samples, disk))
}
