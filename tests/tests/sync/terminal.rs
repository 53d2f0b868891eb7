//! `ups-track sync` in a terminal: bars while it uploads, and nothing of them left afterwards.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Child, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use ups_track_tests::server::{Fault, Place, Server};

use crate::{command, marker, record, sync};

const PATIENCE: Duration = Duration::from_mins(1);

/// A terminal in which the command runs.
struct Terminal {
    keyboard: File,
    screen: Receiver<String>,
    seen: String,
    process: Child,
}

impl Terminal {
    fn start(server: &Server, home: &Path, arguments: &[&str], path: &Path) -> Self {
        let keyboard = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&keyboard).unwrap();
        unlockpt(&keyboard).unwrap();
        let name = ptsname(&keyboard, Vec::new()).unwrap();
        let keyboard = File::from(keyboard);
        let terminal = File::options().read(true).write(true).open(name.to_str().unwrap()).unwrap();
        let pipe = || Stdio::from(terminal.try_clone().unwrap());
        let mut command = command(server, home);
        command.env("TERM", "xterm").env_remove("NO_COLOR").arg("sync").args(arguments).arg(path);
        let process = command.stdin(pipe()).stdout(pipe()).stderr(pipe()).spawn().unwrap();
        let (pieces, screen) = channel();
        let mut output = keyboard.try_clone().unwrap();
        std::thread::spawn(move || {
            let mut piece = [0; 4096];
            // Without anybody at the other end it is an error.
            while let Ok(length @ 1..) = output.read(&mut piece) {
                if pieces.send(String::from_utf8_lossy(&piece[..length]).into_owned()).is_err() {
                    break;
                }
            }
        });
        Self { keyboard, screen, seen: String::new(), process }
    }

    #[track_caller]
    fn wait_for(&mut self, text: &str) {
        while !self.seen.contains(text) {
            self.seen += &self.screen.recv_timeout(PATIENCE).unwrap_or_else(|e| panic!("{e}: {}", self.seen));
        }
    }

    /// The exit code, once all was read.
    #[track_caller]
    fn end(&mut self) -> Option<i32> {
        let status = self.process.wait().unwrap();
        while let Ok(piece) = self.screen.recv_timeout(Duration::from_millis(500)) {
            self.seen += &piece;
        }
        status.code()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

#[test]
fn a_bar_tells_how_far_it_is() {
    let server = Server::start();
    let recorded = record("bar", 50_000);
    let home = tempfile::tempdir().unwrap();
    // The rows are there, and a file does not come to an end.
    server.fail(Place::Storage, &Fault::Slow(600_000), 1);
    let mut terminal = Terminal::start(&server, home.path(), &[], &recorded.log);
    terminal.wait_for("run-bar.wandb [");
    terminal.wait_for("50 000 rows, ");
    terminal.wait_for("100 % of ");
    assert!(!terminal.seen.contains("uploaded"), "{}", terminal.seen);
    let until = Instant::now() + PATIENCE;
    while server.faults_left() > 0 {
        assert!(Instant::now() < until);
        std::thread::sleep(Duration::from_millis(5));
    }
    drop(terminal);

    let mut terminal = Terminal::start(&server, home.path(), &[], &recorded.log);
    terminal.wait_for("uploaded");
    assert_eq!(terminal.end(), Some(0), "{}", terminal.seen);
    let said = terminal.seen.rsplit("uploaded").next().unwrap();
    assert!(said.contains("50 000 rows in the log") && !said.contains("% of"), "{said}");
    assert!(marker(&recorded.log).exists());
}

#[test]
fn quiet_is_quiet_in_a_terminal() {
    let server = Server::start();
    let recorded = record("quiet", 30_000);
    let home = tempfile::tempdir().unwrap();
    let mut terminal = Terminal::start(&server, home.path(), &["--quiet"], &recorded.log);
    assert_eq!((terminal.end(), terminal.seen.as_str()), (Some(0), ""));
}

#[test]
fn deletion_is_asked_for() {
    let server = Server::start();
    let recorded = record("asked", 5);
    assert_eq!(sync(&server, &recorded.log, &[]).code, 0);
    let home = tempfile::tempdir().unwrap();
    for (answer, code, there) in [("\n", "nothing was deleted", true), ("y\n", "deleted 1 run", false)] {
        let mut terminal = Terminal::start(&server, home.path(), &["--prune"], &recorded.dir);
        terminal.wait_for("delete 1 run from this disk? [y/N]");
        terminal.keyboard.write_all(answer.as_bytes()).unwrap();
        terminal.wait_for(code);
        assert_eq!(terminal.end(), Some(0), "{}", terminal.seen);
        assert_eq!(recorded.log.exists(), there);
    }
}
