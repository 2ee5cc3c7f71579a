//! A PostgreSQL server of a scenario's own, to be stopped, crashed and started again.
use crate::process::signal;
use anyhow::Context;
use std::{
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

pub struct Cluster {
    pub url: String,
    dir: PathBuf,
    _outer: tempfile::TempDir,
}

/// Longer than a server without its clients takes to end.
const LONGEST: Duration = Duration::from_secs(30);

impl Cluster {
    pub fn start() -> anyhow::Result<Self> {
        let outer = tempfile::tempdir()?;
        // Root's PostgreSQL runs as another user, who has to get through this folder.
        std::fs::set_permissions(outer.path(), PermissionsExt::from_mode(0o755))?;
        let dir = outer.path().join("postgres");
        let url = script("start", &dir)?;
        Ok(Self { url, dir, _outer: outer })
    }

    /// An immediate shutdown, which leaves what a power cut would: the log of what was committed.
    pub fn crash(&self) -> anyhow::Result<()> {
        let postmaster = self.postmaster()?;
        signal("QUIT", &[postmaster])?;
        let begin = std::time::Instant::now();
        while Path::new(&format!("/proc/{postmaster}")).exists() {
            anyhow::ensure!(begin.elapsed() < LONGEST, "PostgreSQL does not stop");
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// Starts it where it was.
    pub fn resume(&self) -> anyhow::Result<()> {
        script("resume", &self.dir).map(drop)
    }

    /// Sends a signal to all its processes.
    pub fn signal_all(&self, name: &str) -> anyhow::Result<()> {
        let postmaster = self.postmaster()?;
        let mut processes = children_of(postmaster)?;
        processes.insert(0, postmaster);
        for process in processes {
            // One may have ended by itself meanwhile.
            drop(signal(name, &[process]));
        }
        Ok(())
    }

    fn postmaster(&self) -> anyhow::Result<u32> {
        let file = std::fs::read_to_string(self.dir.join("data/postmaster.pid"))?;
        Ok(file.lines().next().context("postmaster.pid is empty")?.trim().parse()?)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        drop(self.signal_all("CONT"));
        drop(script("stop", &self.dir));
    }
}

fn script(verb: &str, dir: &Path) -> anyhow::Result<String> {
    let output = Command::new("scripts/postgres")
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .arg(verb)
        .arg(dir)
        .output()?;
    let text = String::from_utf8(output.stdout)?.trim().to_owned();
    anyhow::ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(text)
}

fn children_of(parent: u32) -> anyhow::Result<Vec<u32>> {
    let tasks = std::fs::read_to_string(format!("/proc/{parent}/task/{parent}/children"))?;
    Ok(tasks.split_whitespace().map(str::parse).collect::<Result<_, _>>()?)
}
