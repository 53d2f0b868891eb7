//! A directory for a pipeline, and its processes.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal};
use tempfile::TempDir;
use ups_track_tests::log::{Log, run_dirs};

/// Far more than anything needs.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_pipeline");

/// Waits until something holds.
#[track_caller]
pub(crate) fn until<T>(what: &str, mut check: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = check() {
            return found;
        }
        assert!(Instant::now() < end, "it does not come to this: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// A directory for a pipeline.
#[derive(Debug)]
pub(crate) struct Place {
    dir: TempDir,
}

impl Place {
    pub(crate) fn new() -> Self {
        ups_track_tests::signals::set_defaults();
        Self { dir: tempfile::tempdir().unwrap() }
    }

    pub(crate) fn path(&self) -> &Path {
        self.dir.path()
    }

    fn command(&self, program: &str, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(arguments).env_clear().current_dir(self.path());
        command.env("WANDB_DIR", self.path()).env("HOME", self.path()).env("WANDB_PROJECT", "pipeline");
        if let Some(path) = std::env::var_os("PATH") {
            command.env("PATH", path);
        }
        command
    }

    /// Starts a program of its own.
    pub(crate) fn start(&self, arguments: &[&str]) -> Process {
        Process::start(&mut self.command(PROGRAM, arguments))
    }

    /// Starts a program with more variables.
    pub(crate) fn start_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Process {
        let mut command = self.command(PROGRAM, arguments);
        command.envs(variables.iter().copied());
        Process::start(&mut command)
    }

    /// Starts a shell with a script, in which `$UPS` is the command `ups-track` and `$PROGRAM` has the test's programs.
    pub(crate) fn shell(&self, script: &str, variables: &[(&str, &str)]) -> Process {
        let mut command = self.command("sh", &["-c", script]);
        command.env("UPS", env!("CARGO_BIN_EXE_command")).env("PROGRAM", PROGRAM);
        Process::start(command.envs(variables.iter().copied()))
    }

    /// Starts a program that finds the run of a context.
    pub(crate) fn member(&self, context: &Path, arguments: &[&str]) -> Process {
        self.start_with(arguments, &[("WANDB_CONTEXT_FILE", context.to_str().unwrap())])
    }

    /// Starts a parent; gives it and its context file.
    #[track_caller]
    pub(crate) fn parent(&self) -> (Process, PathBuf) {
        let parent = self.start(&["parent"]);
        let line = parent.hear();
        let path = line.strip_prefix("ready ").unwrap_or_else(|| panic!("{line}")).into();
        (parent, path)
    }

    /// Starts the command `ups-track`.
    pub(crate) fn start_command(&self, arguments: &[&str]) -> Process {
        Process::start(&mut self.command(env!("CARGO_BIN_EXE_command"), arguments))
    }

    /// Runs the command `ups-track`; gives exit code and output.
    pub(crate) fn ups_track(&self, arguments: &[&str]) -> (i32, String) {
        self.ups_track_with(arguments, &[])
    }

    /// As [`ups_track`](Self::ups_track), with more variables.
    pub(crate) fn ups_track_with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> (i32, String) {
        let mut command = self.command(env!("CARGO_BIN_EXE_command"), arguments);
        command.envs(variables.iter().copied());
        let ended = Process::start(&mut command).end();
        (ended.status.code().unwrap(), format!("{}\n{}", ended.told.join("\n"), ended.stderr))
    }

    /// The logs of all runs.
    pub(crate) fn logs(&self) -> Vec<Log> {
        Log::all(self.path())
    }

    /// The log of the only run.
    #[track_caller]
    pub(crate) fn log(&self) -> Log {
        let mut logs = self.logs();
        assert_eq!(logs.len(), 1, "one run");
        logs.remove(0)
    }

    /// The directory of the only run.
    #[track_caller]
    pub(crate) fn run_dir(&self) -> PathBuf {
        let mut dirs = run_dirs(self.path());
        assert_eq!(dirs.len(), 1, "one run");
        dirs.remove(0)
    }

    /// The directories of the shards of the only run.
    pub(crate) fn shards(&self) -> Vec<PathBuf> {
        let entries = std::fs::read_dir(self.run_dir().join("shards"));
        let mut shards: Vec<_> = entries.into_iter().flatten().map(|entry| entry.unwrap().path()).collect();
        shards.sort();
        shards
    }
}

/// The values of a key in the rows of a log, in order.
pub(crate) fn values(log: &Log, key: &str) -> Vec<u64> {
    let number = |value: &serde_json::Value| value.as_f64().unwrap();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small whole numbers")]
    log.rows().iter().filter_map(|row| row.get(key)).map(|value| number(value) as u64).collect()
}

/// Checks what holds for every log of a pipeline: `_step` counts the rows, and no record came twice out of a shard.
#[track_caller]
pub(crate) fn assert_sound(log: &Log) {
    for (step, row) in (0_u64..).zip(log.rows()) {
        assert_eq!(row.get("_step"), Some(&step.into()));
        assert!(row.contains_key("_runtime") && row.contains_key("_timestamp"));
    }
    let mut seen = std::collections::HashMap::new();
    for uuid in log.uuids.iter().filter(|uuid| !uuid.is_empty()) {
        let (shard, number) = uuid.rsplit_once('/').unwrap();
        let number: u64 = number.parse().unwrap();
        let last = seen.insert(shard.to_owned(), number);
        assert!(last.is_none_or(|last| last < number), "{uuid} after {last:?}");
    }
}

/// A process that runs. It is killed when a test forgets it.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    stdin: Option<ChildStdin>,
    told: Receiver<String>,
    /// What was taken out of `told` by `progress`.
    heard: Vec<String>,
    stderr: Option<JoinHandle<String>>,
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// A process that has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) status: ExitStatus,
    /// What it told that nobody has heard yet.
    pub(crate) told: Vec<String>,
    pub(crate) stderr: String,
}

impl Process {
    fn start(command: &mut Command) -> Self {
        let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = pipes.spawn().unwrap();
        let (lines, told) = channel();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                if lines.send(line).is_err() {
                    break;
                }
            }
        });
        let mut errors = child.stderr.take().unwrap();
        let stderr = std::thread::spawn(move || {
            let mut text = Vec::new();
            errors.read_to_end(&mut text).unwrap();
            String::from_utf8_lossy(&text).into_owned()
        });
        Self { stdin: child.stdin.take(), child, told, heard: Vec::new(), stderr: Some(stderr) }
    }

    /// The next line that it tells.
    #[track_caller]
    pub(crate) fn hear(&self) -> String {
        self.told.recv_timeout(PATIENCE).unwrap()
    }

    /// How many rows it has told to be safe so far.
    pub(crate) fn progress(&mut self) -> u64 {
        self.heard.extend(self.told.try_iter());
        flushed(&self.heard)
    }

    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
    }

    /// Sends a signal to this process alone.
    pub(crate) fn signal(&self, signal: Signal) {
        rustix::process::kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Lets a parent come to its end, and waits for it.
    #[track_caller]
    pub(crate) fn finish(mut self) -> Ended {
        self.stdin = None;
        self.end()
    }

    /// Waits for the end.
    #[track_caller]
    pub(crate) fn end(mut self) -> Ended {
        let status = until("the end of a process", || self.child.try_wait().unwrap());
        let stderr = self.stderr.take().unwrap().join().unwrap();
        let mut told = std::mem::take(&mut self.heard);
        told.extend(self.told.iter());
        Ended { status, told, stderr }
    }
}

impl Ended {
    #[track_caller]
    pub(crate) fn assert_ok(&self) {
        assert_eq!(self.status.code(), Some(0), "{:?}\n{}", self.told, self.stderr);
        assert!(!self.stderr.contains("warning"), "{}", self.stderr);
    }

    /// The rows that a member has told to be safe.
    pub(crate) fn flushed(&self) -> u64 {
        flushed(&self.told)
    }
}

fn flushed(lines: &[String]) -> u64 {
    let last = lines.iter().rev().find_map(|line| line.strip_prefix("flushed "));
    last.map_or(0, |rows| rows.parse().unwrap())
}
