//! A program that records online and is told what to do.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use tempfile::TempDir;
use ups_track_tests::server::{API_KEY, Run, RunKey, Server};

/// Far more than anything here needs.
const PATIENCE: Duration = Duration::from_mins(1);

/// A program of the tests in an environment of its own.
pub(crate) fn command(program: &str, url: &str, dir: &Path) -> Command {
    ups_track_tests::signals::set_defaults();
    let mut command = Command::new(program);
    command.env_clear().current_dir(dir).env("HOME", dir);
    command.env("WANDB_BASE_URL", url).env("WANDB_API_KEY", API_KEY);
    for client in ["GRAPHQL", "FILE_STREAM", "FILE_TRANSFER"] {
        command.env(format!("WANDB_X_{client}_RETRY_WAIT_MIN_SECONDS"), "0.01");
        command.env(format!("WANDB_X_{client}_RETRY_WAIT_MAX_SECONDS"), "0.05");
    }
    command
}

/// A program that is about to be started.
pub(crate) struct Player {
    pub(crate) dir: TempDir,
    command: Command,
}

impl Player {
    /// A program whose run is `id` in project `p`, with requests in quick succession.
    pub(crate) fn new(url: &str, id: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let command = command(env!("CARGO_BIN_EXE_live"), url, dir.path());
        let player = Self { dir, command };
        player
            .env("WANDB_PROJECT", "p")
            .env("WANDB_RUN_ID", id)
            .env("WANDB_X_FILE_STREAM_TRANSMIT_INTERVAL", "0.05")
    }

    /// The same with so many megabytes for its data.
    #[cfg(target_os = "linux")]
    pub(crate) fn limited(url: &str, id: &str, megabytes: u32) -> Self {
        Self::under(&format!("-d {}", megabytes * 1024), url, id)
    }

    /// The same under a limit of the shell's `ulimit`.
    pub(crate) fn under(limit: &str, url: &str, id: &str) -> Self {
        let mut player = Self::new(url, id);
        let mut shell = command("sh", url, player.dir.path());
        shell.args(["-c", &format!("ulimit {limit}; exec \"$0\""), env!("CARGO_BIN_EXE_live")]);
        shell.envs(player.command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        player.command = shell;
        player
    }

    pub(crate) fn env(mut self, name: &str, value: &str) -> Self {
        self.command.env(name, value);
        self
    }

    pub(crate) fn without(mut self, name: &str) -> Self {
        self.command.env_remove(name);
        self
    }

    pub(crate) fn start(mut self) -> Playing {
        let pipes = self.command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = pipes.spawn().unwrap();
        let (lines, answers) = channel();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || {
            // Without a test that listens any more, the rest does not matter.
            for line in stdout.lines().map_while(Result::ok) {
                if lines.send(line).is_err() {
                    break;
                }
            }
        });
        let mut stderr = child.stderr.take().unwrap();
        let heard = Arc::<Mutex<Vec<u8>>>::default();
        let hears = Arc::clone(&heard);
        let said = std::thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(read @ 1..) = stderr.read(&mut piece) {
                hears.lock().unwrap().extend_from_slice(&piece[..read]);
            }
        });
        Playing { dir: self.dir, orders: child.stdin.take(), child, answers, heard, said: Some(said) }
    }
}

/// A program that runs.
pub(crate) struct Playing {
    pub(crate) dir: TempDir,
    pub(crate) child: Child,
    orders: Option<ChildStdin>,
    answers: Receiver<String>,
    heard: Arc<Mutex<Vec<u8>>>,
    said: Option<JoinHandle<()>>,
}

/// How it ended.
pub(crate) struct Played {
    pub(crate) dir: TempDir,
    pub(crate) code: Option<i32>,
    pub(crate) said: String,
}

impl Playing {
    /// Tells it what to do, and waits until it is done.
    #[track_caller]
    pub(crate) fn tell(&mut self, order: &str) -> String {
        self.order(order);
        self.answer(order)
    }

    /// Tells it what to do.
    #[track_caller]
    pub(crate) fn order(&mut self, order: &str) {
        writeln!(self.orders.as_mut().unwrap(), "{order}").unwrap();
    }

    /// Waits for its next answer.
    #[track_caller]
    pub(crate) fn answer(&mut self, order: &str) -> String {
        self.answers
            .recv_timeout(PATIENCE)
            .unwrap_or_else(|_| panic!("no answer to `{order}`: {}", self.last_words()))
    }

    fn last_words(&mut self) -> String {
        drop(self.child.kill());
        self.said.take().unwrap().join().unwrap();
        self.heard()
    }

    fn heard(&self) -> String {
        String::from_utf8_lossy(&self.heard.lock().unwrap()).into_owned()
    }

    /// Waits until it has said something on standard error.
    #[track_caller]
    pub(crate) fn says(&mut self, words: &str) {
        let end = Instant::now() + PATIENCE;
        while !self.heard().contains(words) {
            assert!(Instant::now() < end, "it never says `{words}`: {}", self.last_words());
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Ends its input, and with that the program.
    #[track_caller]
    pub(crate) fn end(mut self) -> Played {
        drop(self.orders.take());
        self.ended()
    }

    /// Waits for its end.
    #[track_caller]
    pub(crate) fn ended(mut self) -> Played {
        let end = Instant::now() + PATIENCE;
        while self.child.try_wait().unwrap().is_none() {
            assert!(Instant::now() < end, "the program does not end: {}", self.last_words());
            std::thread::sleep(Duration::from_millis(10));
        }
        let code = self.child.wait().unwrap().code();
        self.said.take().unwrap().join().unwrap();
        let said = self.heard();
        // Whatever happens, nobody says the key.
        assert!(!said.contains(API_KEY), "{said}");
        Played { dir: self.dir, code, said }
    }

    /// `kill -9`.
    pub(crate) fn kill(mut self) -> TempDir {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.dir
    }
}

/// The directory of the only run below `dir`.
#[track_caller]
pub(crate) fn run_dir(dir: &Path) -> PathBuf {
    let dirs = std::fs::read_dir(dir.join("wandb")).unwrap().map(|entry| entry.unwrap().path());
    let mut dirs: Vec<_> = dirs.filter(|path| path.is_dir() && !path.is_symlink()).collect();
    assert_eq!(dirs.len(), 1, "{dirs:?}");
    dirs.remove(0)
}

/// The marker of a log that was uploaded as a whole.
#[track_caller]
pub(crate) fn is_marked(dir: &Path, id: &str) -> bool {
    run_dir(dir).join(format!("run-{id}.wandb.synced")).exists()
}

/// What `ups-track sync` says to the run below `dir`, if all is well.
#[track_caller]
pub(crate) fn sync(server: &Server, dir: &Path) -> String {
    let mut command = command(env!("CARGO_BIN_EXE_command"), server.url(), dir);
    let output = command.args(["sync", "--include-online"]).arg(run_dir(dir)).output().unwrap();
    let text =
        format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{text}");
    text
}

/// The run on the server, as soon as it is as it should be.
#[track_caller]
pub(crate) fn eventually(server: &Server, id: &str, is_so: impl Fn(&Run) -> bool) -> Run {
    server.run_when(&RunKey::new("test-entity", "p", id), is_so)
}
