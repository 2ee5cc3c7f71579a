//! Disks that are full or fail, below SQLite.
use super::{Kind, Plan, Stage, Verdict, site::sqlite_files};
use std::{
    path::Path,
    process::{Child, Command, Stdio},
    time::Duration,
};
use tokio::task::block_in_place;

/// A file that may not grow: writes to the database end with EFBIG. Needs no rights.
pub async fn size_limited(plan: Plan) -> anyhow::Result<Verdict> {
    let mut stage = begin(Stage::build(plan, Kind::Sqlite, 1).await?).await?;
    for _ in 0..stage.faults() {
        limit(stage.site.servers[0].id(), "4096")?;
        lasts(&mut stage).await;
        limit(stage.site.servers[0].id(), "unlimited")?;
        stage.recover_and_rest().await?;
    }
    stage.finish().await
}

async fn begin(mut stage: Stage) -> anyhow::Result<Stage> {
    stage.evidence.terms.answers_may_be_lost = false;
    stage.begin(true).await?;
    Ok(stage)
}

async fn lasts(stage: &mut Stage) {
    stage.injected += 1;
    tokio::time::sleep(stage.pick(Duration::from_secs(1), Duration::from_secs(3))).await;
}

/// Only the soft limit, as nobody but root may raise the hard one again.
fn limit(process: u32, bytes: &str) -> anyhow::Result<()> {
    let limit = format!("--fsize={bytes}:unlimited");
    let set = Command::new("prlimit").arg("--pid").arg(process.to_string()).arg(limit).status()?;
    anyhow::ensure!(set.success(), "prlimit failed");
    Ok(())
}

/// ENOSPC from a real file system, which another file fills. Mounting takes root.
pub async fn full(plan: Plan) -> anyhow::Result<Verdict> {
    let outer = tempfile::tempdir()?;
    let dir = outer.path().join("small");
    std::fs::create_dir(&dir)?;
    let Some(_mounted) = Mounted::small(&dir) else {
        return Ok(Verdict::not_run("no tmpfs could be mounted; that takes root"));
    };
    let mut stage =
        begin(Stage::build_in(plan, Kind::Sqlite, 1, (outer, dir.clone())).await?).await?;
    for _ in 0..stage.faults() {
        let filler = dir.join("filler");
        block_in_place(|| fill(&filler))?;
        lasts(&mut stage).await;
        std::fs::remove_file(&filler)?;
        stage.recover_and_rest().await?;
    }
    stage.finish().await
}

/// Whatever the service freed meanwhile is taken as well.
fn fill(file: &Path) -> anyhow::Result<()> {
    use std::io::Write;
    let (mut file, block) = (std::fs::File::create(file)?, [0; 4096]);
    while file.write_all(&block).is_ok() {}
    Ok(())
}

struct Mounted<'a>(&'a Path);

impl<'a> Mounted<'a> {
    fn small(dir: &'a Path) -> Option<Self> {
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=48m", "tmpfs"]).arg(dir).stderr(Stdio::null());
        mount.status().is_ok_and(|status| status.success()).then_some(Self(dir))
    }
}

impl Drop for Mounted<'_> {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(self.0).status());
    }
}

/// What strace makes the kernel answer to calls on the database's files.
const ERRORS: [&str; 3] = [
    "inject=fsync,fdatasync:error=EIO",
    "inject=write,pwrite64:error=EIO",
    "inject=write,pwrite64:error=ENOSPC",
];

/// By turns: what was written does not reach the disk, or is not taken.
pub async fn errors(plan: Plan) -> anyhow::Result<Verdict> {
    let mut stage = begin(Stage::build(plan, Kind::Sqlite, 1).await?).await?;
    for nth in 0..stage.faults() {
        let error = ERRORS[usize::try_from(nth)? % ERRORS.len()];
        let Some(mut tracer) =
            block_in_place(|| trace(stage.site.servers[0].id(), &stage.site.dir, error))?
        else {
            stage.finish().await?;
            return Ok(Verdict::not_run("strace is missing or may not attach to a process"));
        };
        lasts(&mut stage).await;
        crate::process::signal("INT", &[tracer.id()])?;
        block_in_place(|| tracer.wait())?;
        stage.recover_and_rest().await?;
    }
    stage.finish().await
}

/// None if it does not stay attached.
fn trace(process: u32, dir: &Path, error: &str) -> anyhow::Result<Option<Child>> {
    let mut strace = Command::new("strace");
    strace.args(["-f", "-q", "-o", "/dev/null", "-e", error, "-p", &process.to_string()]);
    for file in sqlite_files(dir) {
        strace.arg("-P").arg(file);
    }
    let Ok(mut child) = strace.stderr(Stdio::null()).spawn() else { return Ok(None) };
    std::thread::sleep(Duration::from_millis(300));
    Ok(if child.try_wait()?.is_some() { None } else { Some(child) })
}
