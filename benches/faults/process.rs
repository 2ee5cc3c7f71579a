//! The program as a process that is started, killed and looked at from outside.
use serde_json::Value;
use std::{
    fs::File,
    io::{BufRead, BufReader},
    net::{SocketAddr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

pub struct Server {
    child: Child,
    pub address: SocketAddr,
    /// What `dev --json` printed.
    pub dev: Value,
}

/// What a process holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Usage {
    pub resident_kb: u64,
    /// The most it ever was.
    pub peak_kb: u64,
    pub descriptors: u64,
    pub threads: u64,
}

impl Usage {
    /// More than before, beyond a tenth and what caches and idle connections take. The memory of password
    /// hashes comes and goes, so it is the peak before that counts.
    pub fn exceeds(&self, before: &Self) -> bool {
        let grown = |before: u64, after: u64, slack: u64| after > before + before / 10 + slack;
        grown(before.peak_kb, self.resident_kb, 32 * 1024)
            || grown(before.descriptors, self.descriptors, 20)
            || grown(before.threads, self.threads, 4)
    }
}

const PROGRAM: &str = env!("CARGO_BIN_EXE_mintmark");

/// Sessions of one user are without limit, as all the load is one user's. What is in the log is looked
/// through at the end, so it holds only what is out of order.
const VARIABLES: &[(&str, &str)] = &[
    ("MINTMARK__SESSIONS__LIMIT", "1000000"),
    ("MINTMARK__LOG__FILTER", "warn"),
    ("MINTMARK__SERVER__DRAIN_FOR", "1s"),
];

impl Server {
    /// `mintmark dev`, by now listening. Its log goes to the end of `log` in the folder.
    pub fn start(database: &str, dir: &Path) -> anyhow::Result<Self> {
        let address = free_address()?;
        let log = File::options().create(true).append(true).open(log_of(dir))?;
        // A write beyond a limit is to fail, and not to end the process.
        let mut child = Command::new("sh")
            .args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\"", PROGRAM])
            .args(["dev", "--json", "--listen", &address.to_string(), "--database", database])
            .arg("--data")
            .arg(dir)
            .envs(VARIABLES.iter().copied())
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()?;
        let mut line = String::new();
        let stdout = child.stdout.take().expect("it is piped");
        BufReader::new(stdout).read_line(&mut line)?;
        let dev = serde_json::from_str(&line).map_err(|_| {
            drop(child.kill().and_then(|()| child.wait()));
            anyhow::anyhow!(
                "it did not start: {}",
                std::fs::read_to_string(log_of(dir)).unwrap_or_default()
            )
        })?;
        Ok(Self { child, address, dev })
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// `kill -9`.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// SIGTERM; its exit code, or None if it had to be killed after `patience`.
    pub fn terminate(&mut self, patience: Duration) -> anyhow::Result<Option<i32>> {
        signal("TERM", &[self.id()])?;
        let begin = Instant::now();
        while begin.elapsed() < patience {
            if let Some(code) = self.exit_code()? {
                return Ok(Some(code));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        self.kill()?;
        Ok(None)
    }

    /// None while it runs, and -1 if a signal ended it.
    pub fn exit_code(&mut self) -> std::io::Result<Option<i32>> {
        Ok(self.child.try_wait()?.map(|status| status.code().unwrap_or(-1)))
    }

    pub fn usage(&self) -> anyhow::Result<Usage> {
        let proc = PathBuf::from(format!("/proc/{}", self.id()));
        let status = std::fs::read_to_string(proc.join("status"))?;
        let number = |name: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let digits = line.and_then(|rest| rest.split_whitespace().next());
            digits.and_then(|digits| digits.parse().ok()).unwrap_or(0)
        };
        let descriptors = std::fs::read_dir(proc.join("fd"))?.count();
        Ok(Usage {
            resident_kb: number("VmRSS:"),
            peak_kb: number("VmHWM:"),
            descriptors: u64::try_from(descriptors)?,
            threads: number("Threads:"),
        })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

pub fn log_of(dir: &Path) -> PathBuf {
    dir.join("log")
}

pub fn signal(name: &str, processes: &[u32]) -> anyhow::Result<()> {
    let ids = processes.iter().map(u32::to_string);
    let sent = Command::new("kill").args(["-s", name]).args(ids).status()?;
    anyhow::ensure!(sent.success(), "kill -s {name} failed");
    Ok(())
}

/// Nobody listens there now.
fn free_address() -> std::io::Result<SocketAddr> {
    TcpListener::bind("127.0.0.1:0")?.local_addr()
}
