//! The servers under load: processes of their own, whose memory and CPU time the kernel counts.
use crate::client::Request;
use anyhow::{Context, ensure};
use serde_json::Value;
use std::{
    fs::File,
    io::{BufRead, BufReader},
    net::SocketAddr,
    path::Path,
    process::{Child, ChildStdin, Command, Stdio},
    time::{Duration, Instant},
};

const ROTATING: &[(&str, &str)] = &[
    ("MINTMARK__KEYS__ALGORITHMS", "ES256"),
    ("MINTMARK__KEYS__JWKS_MAX_AGE", "0s"),
    ("MINTMARK__KEYS__LEEWAY", "500ms"),
    ("MINTMARK__KEYS__POLL_INTERVAL", "500ms"),
    ("MINTMARK__KEYS__ANNOUNCE_FOR", "1s"),
    ("MINTMARK__KEYS__ROTATE_EVERY", "2s"),
    ("MINTMARK__TOKENS__ACCESS_TOKEN_LIFETIME", "1s"),
];

const PROGRAM: &str = env!("CARGO_BIN_EXE_mintmark");

pub struct Server {
    child: Child,
    /// Held open, as the server of the limits stops when it ends.
    _stdin: Option<ChildStdin>,
    pub target: Target,
    /// What `mintmark dev --json` prints.
    pub dev: Value,
}

/// Where a server listens and which process it is.
#[derive(Clone, Copy)]
pub struct Target {
    pub address: SocketAddr,
    pid: u32,
}

impl Server {
    /// One whose set of keys changes about every second. More would be felt by the others, on the disk.
    pub fn rotating(dir: &Path) -> anyhow::Result<Self> {
        Self::with_own_file(dir, ROTATING)
    }

    pub fn with_own_file(dir: &Path, variables: &[(&str, &str)]) -> anyhow::Result<Self> {
        let database = format!("sqlite:{}", dir.join("mintmark.db").display());
        Ok(Self::mintmark(dir, &database, variables)?.0)
    }

    /// `mintmark dev`, ready, and how long it took to be.
    pub fn mintmark(
        dir: &Path,
        database: &str,
        variables: &[(&str, &str)],
    ) -> anyhow::Result<(Self, Duration)> {
        std::fs::create_dir_all(dir)?;
        let start = Instant::now();
        let mut command = Command::new(PROGRAM);
        command.args(["dev", "--json", "--listen", "127.0.0.1:0", "--database", database]);
        command.arg("--data").arg(dir);
        // All the connections' sessions are of one user and one client.
        command.env("MINTMARK__SESSIONS__LIMIT", "1000");
        // One is introspected for as long as the run takes.
        command.env("MINTMARK__TOKENS__ACCESS_TOKEN_LIFETIME", "24h");
        command.envs(variables.iter().copied());
        let log = dir.join("mintmark.log");
        command.stderr(File::create(&log)?);
        let (mut server, line) = Self::spawn(command)?;
        server.dev = serde_json::from_str(&line).with_context(|| {
            let log = std::fs::read_to_string(&log).unwrap_or_default();
            format!("mintmark did not start; its log:\n{log}")
        })?;
        let issuer = server.dev["issuer"].as_str().unwrap_or_default();
        server.target.address = issuer.trim_start_matches("http://").parse()?;
        while Request::get("/health/ready").send(server.target.address).is_err() {
            ensure!(start.elapsed() < Duration::from_secs(30), "mintmark does not get ready");
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok((server, start.elapsed()))
    }

    /// This program as the server of the limits.
    pub fn limits(answer: &Path) -> anyhow::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("--serve-limits").arg(answer).stdin(Stdio::piped());
        let (mut server, line) = Self::spawn(command)?;
        server.target.address = line.trim().parse()?;
        Ok(server)
    }

    /// Starts it and reads the line by which it says that it listens.
    fn spawn(mut command: Command) -> anyhow::Result<(Self, String)> {
        let mut child = command.stdout(Stdio::piped()).spawn()?;
        let target = Target { address: SocketAddr::from(([127, 0, 0, 1], 0)), pid: child.id() };
        let stdout = child.stdout.take().context("stdout is piped")?;
        let server = Self { _stdin: child.stdin.take(), child, target, dev: Value::Null };
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line)?;
        Ok((server, line))
    }

    /// A member of what it printed, such as `/client/client_id`.
    pub fn dev(&self, pointer: &str) -> &str {
        self.dev.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Registers a client by the command line; its id and secret.
pub fn create_client(database: &str, arguments: &[&str]) -> anyhow::Result<(String, String)> {
    let output = Command::new(PROGRAM)
        .args(["client", "create", "--json", "--database", database])
        .args(arguments)
        .stderr(Stdio::inherit())
        .output()?;
    let made: Value = serde_json::from_slice(&output.stdout).context("no client was made")?;
    let member = |name: &str| made[name].as_str().map(str::to_owned).context("a member is missing");
    Ok((member("client_id")?, member("client_secret")?))
}

impl Target {
    /// The CPU time of the process so far, in the clock ticks that `getconf CLK_TCK` tells.
    pub fn cpu_ticks(self) -> anyhow::Result<u32> {
        let path = format!("/proc/{}/stat", self.pid);
        let stat = std::fs::read_to_string(path).context("this needs the /proc of Linux")?;
        // The name in parentheses may hold blanks; utime and stime are the 14th and 15th field.
        let (_, rest) = stat.rsplit_once(')').context("a line of another format")?;
        let mut fields = rest.split_whitespace().skip(11);
        let mut field = || fields.next().context("a field is missing");
        Ok(field()?.parse::<u32>()? + field()?.parse::<u32>()?)
    }

    /// A line of its memory such as `VmRSS`, in MB.
    pub fn memory(self, name: &str) -> anyhow::Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid))?;
        let line = status.lines().find(|line| line.starts_with(name)).context("no such line")?;
        let kilobytes: u32 = line.split_whitespace().nth(1).context("no number")?.parse()?;
        Ok(f64::from(kilobytes) / 1024.0)
    }
}
