use super::PROGRAM;
use serde_json::Value;
use std::{
    io::Write,
    path::Path,
    process::{Command, Stdio},
    time::{Duration, Instant},
};

/// What a run of the program came to.
#[derive(Debug)]
pub struct Outcome {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

/// A command that runs longer than this serves instead of refusing to.
const LONGEST: Duration = Duration::from_mins(1);

/// Runs the program to its end.
pub fn run(arguments: &[&str]) -> Outcome {
    run_with(arguments, &[], "")
}

/// The same, with variables in its environment and something to read on standard input.
pub fn run_with(arguments: &[&str], variables: &[(&str, &str)], input: &str) -> Outcome {
    run_in(Path::new("."), arguments, variables, input)
}

/// The same, in a folder.
pub fn run_in(dir: &Path, arguments: &[&str], variables: &[(&str, &str)], input: &str) -> Outcome {
    let mut child = Command::new(PROGRAM)
        .args(arguments)
        .current_dir(dir)
        .envs(variables.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A program that has refused its arguments by now reads nothing.
    drop(child.stdin.take().unwrap().write_all(input.as_bytes()));
    let begin = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if begin.elapsed() > LONGEST {
            child.kill().unwrap();
            let log = child.wait_with_output().unwrap().stderr;
            panic!("{arguments:?} does not end: {}", String::from_utf8_lossy(&log));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    let output = child.wait_with_output().unwrap();
    Outcome {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

impl Outcome {
    #[track_caller]
    pub fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{self:?}");
        self
    }

    /// What it printed, which has to be one line of JSON.
    #[track_caller]
    pub fn json(&self) -> Value {
        assert_eq!(self.stdout.lines().count(), 1, "{self:?}");
        serde_json::from_str(&self.stdout).unwrap()
    }
}
