//! What the machine gives at this moment.
use std::{
    io::Write,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

const PROBE: Duration = Duration::from_millis(300);

/// How often in a second 8 KiB can be appended to a file and made durable: the most commits that one
/// writer could do alone. It differs tenfold between moments.
pub fn disk(dir: &Path) -> anyhow::Result<f64> {
    let mut file = tempfile::tempfile_in(dir)?;
    let (start, mut times) = (Instant::now(), 0_u32);
    while start.elapsed() < PROBE {
        file.write_all(&[0x5a; 8 * 1024])?;
        file.sync_data()?;
        times += 1;
    }
    Ok(f64::from(times) / start.elapsed().as_secs_f64())
}

pub fn ticks_per_second() -> anyhow::Result<f64> {
    Ok(said_by(&["getconf", "CLK_TCK"])?.parse()?)
}

pub fn machine() -> anyhow::Result<String> {
    let cores = std::thread::available_parallelism()?;
    Ok(format!("{cores} cores, {}", said_by(&["rustc", "--version"])?))
}

fn said_by(command: &[&str]) -> anyhow::Result<String> {
    let output = Command::new(command[0]).args(&command[1..]).output()?;
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}
