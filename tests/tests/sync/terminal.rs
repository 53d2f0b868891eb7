//! `ups-track sync` in a terminal: bars while it uploads, and nothing of them left afterwards.

use std::path::Path;
use std::time::{Duration, Instant};

use ups_track_tests::server::{Fault, Place, Server};
use ups_track_tests::terminal::Terminal;

use crate::{command, marker, record, sync};

const PATIENCE: Duration = Duration::from_mins(1);

/// `sync` of a path in a terminal.
fn start(server: &Server, home: &Path, arguments: &[&str], path: &Path) -> Terminal {
    let mut command = command(server, home);
    command.env("TERM", "xterm").env_remove("NO_COLOR").arg("sync").args(arguments).arg(path);
    Terminal::start(&mut command)
}

/// The exit code, once all was read.
#[track_caller]
fn end(terminal: &mut Terminal) -> Option<i32> {
    let status = terminal.process.wait().unwrap();
    terminal.read_rest();
    status.code()
}

#[test]
fn a_bar_tells_how_far_it_is() {
    let server = Server::start();
    let recorded = record("bar", 50_000);
    let home = tempfile::tempdir().unwrap();
    // The rows are there, and a file does not come to an end.
    server.fail(Place::Storage, &Fault::Slow(600_000), 1);
    let mut terminal = start(&server, home.path(), &[], &recorded.log);
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

    let mut terminal = start(&server, home.path(), &[], &recorded.log);
    terminal.wait_for("uploaded");
    assert_eq!(end(&mut terminal), Some(0), "{}", terminal.seen);
    let said = terminal.seen.rsplit("uploaded").next().unwrap();
    assert!(said.contains("50 000 rows in the log") && !said.contains("% of"), "{said}");
    assert!(marker(&recorded.log).exists());
}

#[test]
fn quiet_is_quiet_in_a_terminal() {
    let server = Server::start();
    let recorded = record("quiet", 30_000);
    let home = tempfile::tempdir().unwrap();
    let mut terminal = start(&server, home.path(), &["--quiet"], &recorded.log);
    assert_eq!((end(&mut terminal), terminal.seen.as_str()), (Some(0), ""));
}

#[test]
fn deletion_is_asked_for() {
    let server = Server::start();
    let recorded = record("asked", 5);
    assert_eq!(sync(&server, &recorded.log, &[]).code, 0);
    let home = tempfile::tempdir().unwrap();
    for (answer, code, there) in [("\n", "nothing was deleted", true), ("y\n", "deleted 1 run", false)] {
        let mut terminal = start(&server, home.path(), &["--prune"], &recorded.dir);
        terminal.wait_for("delete 1 run from this disk? [y/N]");
        terminal.write(answer.as_bytes());
        terminal.wait_for(code);
        assert_eq!(end(&mut terminal), Some(0), "{}", terminal.seen);
        assert_eq!(recorded.log.exists(), there);
    }
}
