//! Running the programs.

use std::ffi::OsStr;
use std::io::{BufRead as _, BufReader, Read};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use ups_track_tests::log::Log;

/// Far more than any program needs.
const PATIENCE: Duration = Duration::from_secs(20);

const PROGRAM: &str = env!("CARGO_BIN_EXE_ends");

/// A program that can be run, in a directory and an environment of its own.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) dir: TempDir,
    command: Command,
    read_stderr: bool,
}

impl Program {
    pub(crate) fn new(mode: &str) -> Self {
        let mut command = Command::new(PROGRAM);
        command.arg(mode);
        Self::with(command)
    }

    /// The program, started by a script of the shell that knows it as `"$@"`.
    pub(crate) fn in_shell(script: &str, mode: &str) -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", script, "sh", PROGRAM, mode]);
        Self::with(command)
    }

    fn with(mut command: Command) -> Self {
        ups_track_tests::signals::set_defaults();
        let dir = tempfile::tempdir().unwrap();
        command.env_clear().current_dir(dir.path()).env("WANDB_DIR", dir.path()).env("HOME", dir.path());
        if let Some(path) = std::env::var_os("PATH") {
            command.env("PATH", path);
        }
        Self { dir, command, read_stderr: true }
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.command.env_remove(name);
        self
    }

    pub(crate) fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    /// Leaves what the program says on standard error where it is.
    pub(crate) fn deaf(mut self) -> Self {
        self.read_stderr = false;
        self
    }

    /// Runs the program to its end.
    pub(crate) fn run(self) -> Ended {
        self.start().end()
    }

    pub(crate) fn start(mut self) -> Running {
        let pipes = self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = pipes.spawn().unwrap();
        let (lines, told) = channel();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            // Without a test that listens any more, the rest does not matter.
            for line in stdout.lines().map_while(Result::ok) {
                if lines.send(line).is_err() {
                    break;
                }
            }
        });
        let stderr = if self.read_stderr { child.stderr.take().map(read) } else { None };
        Running { dir: self.dir, stdin: child.stdin.take(), child, told, stderr }
    }
}

fn read(mut source: impl Read + Send + 'static) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut text = Vec::new();
        source.read_to_end(&mut text).unwrap();
        String::from_utf8_lossy(&text).into_owned()
    })
}

/// A program that runs. It is killed when a test forgets it.
#[derive(Debug)]
pub(crate) struct Running {
    pub(crate) dir: TempDir,
    child: Child,
    stdin: Option<ChildStdin>,
    told: Receiver<String>,
    stderr: Option<JoinHandle<String>>,
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Running {
    /// Waits until the program says that it is ready.
    #[track_caller]
    pub(crate) fn ready(self) -> Self {
        assert_eq!(self.told.recv_timeout(PATIENCE).as_deref(), Ok("ready"));
        self
    }

    #[track_caller]
    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).unwrap();
    }

    /// Signals the program now and again until it ends.
    #[track_caller]
    pub(crate) fn signal_until_end(mut self, signal: Signal) -> Ended {
        let until = Instant::now() + PATIENCE;
        while self.child.try_wait().unwrap().is_none() {
            assert!(Instant::now() < until, "the program does not end");
            self.signal(signal);
            std::thread::sleep(Duration::from_millis(20));
        }
        self.end()
    }

    /// Lets a waiting program go on.
    pub(crate) fn go_on(&mut self) {
        self.stdin = None;
    }

    /// Waits until the only log holds what is asked for.
    #[track_caller]
    pub(crate) fn log_until(&self, enough: impl Fn(&Log) -> bool) -> Log {
        let until = Instant::now() + PATIENCE;
        loop {
            let log = Log::all(self.dir.path()).pop().filter(&enough);
            match log {
                Some(log) => return log,
                None if Instant::now() > until => panic!("the log does not come to hold what it should"),
                None => std::thread::sleep(Duration::from_millis(5)),
            }
        }
    }

    /// Waits for the program's end.
    #[track_caller]
    pub(crate) fn end(mut self) -> Ended {
        let status = self.wait();
        let stderr = self.stderr.take().map(|reader| reader.join().unwrap()).unwrap_or_default();
        let stdout: Vec<String> = self.told.iter().collect();
        let dir = std::mem::replace(&mut self.dir, tempfile::tempdir().unwrap());
        Ended { dir, status, stdout, stderr }
    }

    #[track_caller]
    fn wait(&mut self) -> ExitStatus {
        let until = Instant::now() + PATIENCE;
        loop {
            match self.child.try_wait().unwrap() {
                Some(status) => return status,
                None if Instant::now() > until => panic!("the program does not end"),
                None => std::thread::sleep(Duration::from_millis(2)),
            }
        }
    }
}

/// A program that has ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) dir: TempDir,
    pub(crate) status: ExitStatus,
    /// What it told the test.
    pub(crate) stdout: Vec<String>,
    pub(crate) stderr: String,
}

impl Ended {
    /// The log of the only run.
    #[track_caller]
    pub(crate) fn log(&self) -> Log {
        let mut logs = Log::all(self.dir.path());
        assert_eq!(logs.len(), 1, "one run; {}", self.stderr);
        logs.remove(0)
    }

    #[track_caller]
    pub(crate) fn assert_code(&self, code: i32) {
        assert_eq!(self.status.code(), Some(code), "{:?}\n{}", self.status, self.stderr);
    }

    #[track_caller]
    pub(crate) fn assert_killed_by(&self, signal: Signal) {
        assert_eq!(self.status.signal(), Some(signal.as_raw()), "{:?}\n{}", self.status, self.stderr);
    }

    /// The warnings of ups-track.
    pub(crate) fn warnings(&self) -> Vec<&str> {
        self.stderr.lines().filter(|line| line.starts_with("ups-track: warning: ")).collect()
    }
}
