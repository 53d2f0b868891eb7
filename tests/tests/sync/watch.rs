//! `sync --watch`: runs are followed while they are written.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use ups_track::log::record::{Kind, Record};
use ups_track::{Mode, Run};
use ups_track_tests::server::{self, Fault, Place, RunKey, Server};

use crate::records::{self, foreign};
use crate::{command, files_below, record, said};

/// Far more than anything here needs.
const PATIENCE: Duration = Duration::from_mins(1);

/// A program that records as its standard input says.
struct Program {
    child: Child,
    answers: BufReader<ChildStdout>,
}

impl Program {
    fn start(server: &Server, home: &Path, id: &str, mode: &str) -> Self {
        let mut settings = command(server, home);
        settings.env("WANDB_MODE", mode).env("WANDB_RUN_ID", id).env("WANDB_PROJECT", "p");
        let mut program = Command::new(env!("CARGO_BIN_EXE_live"));
        program.env_clear().current_dir(home);
        program.envs(settings.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let pipes = program.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = pipes.spawn().unwrap();
        let answers = BufReader::new(child.stdout.take().unwrap());
        Self { child, answers }
    }

    fn tell(&mut self, order: &str) -> String {
        writeln!(self.child.stdin.as_ref().unwrap(), "{order}").unwrap();
        let mut answer = String::new();
        self.answers.read_line(&mut answer).unwrap();
        answer.trim().to_owned()
    }

    fn end(mut self) {
        drop(self.child.stdin.take());
        assert!(self.child.wait().unwrap().success());
    }
}

/// `sync --watch` of a path, which is killed at the end of the test if it does not end by itself.
struct Watching(Child);

impl Watching {
    fn start(server: &Server, home: &Path, path: &Path) -> Self {
        Self::with(server, home, path, &[])
    }

    fn with(server: &Server, home: &Path, path: &Path, options: &[&str]) -> Self {
        let mut command = command(server, home);
        command.env("WANDB_X_FILE_STREAM_TRANSMIT_INTERVAL", "0.05").args(["sync", "--watch"]);
        Self(command.args(options).arg(path).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap())
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

#[track_caller]
fn eventually(server: &Server, id: &str, is_so: impl Fn(&server::Run) -> bool) -> server::Run {
    server.run_when(&RunKey::new("test-entity", "p", id), is_so)
}

#[test]
fn runs_are_followed_and_those_that_begin_are_found() {
    let (server, home) = (Server::start(), tempfile::tempdir().unwrap());
    let mut first = Program::start(&server, home.path(), "first", "offline");
    assert_eq!(first.tell("rows 10"), "10 rows");
    let watching = Watching::start(&server, home.path(), &home.path().join("wandb"));
    assert!(!eventually(&server, "first", |run| run.history().len() == 10).complete);
    let mut second = Program::start(&server, home.path(), "second", "offline");
    second.tell("rows 5");
    second.tell("summary nrmse 0.5");
    eventually(&server, "second", |run| run.history().len() == 5 && run.summary().contains_key("nrmse"));
    first.tell("rows 10");
    assert!(!eventually(&server, "first", |run| run.history().len() == 20).complete);
    assert_eq!(first.tell("finish 3"), "20 false");
    first.end();
    assert_eq!(eventually(&server, "first", |run| run.complete).exit_code, Some(3));
    let end = Instant::now() + PATIENCE;
    while !files_below(home.path()).iter().any(|file| file.ends_with("run-first.wandb.synced")) {
        assert!(Instant::now() < end, "it is not marked");
        std::thread::sleep(Duration::from_millis(10));
    }
    // In the middle of the other one.
    drop(watching);
    second.tell("rows 5");
    second.end();
    let synced = said(command(&server, home.path()).arg("sync").arg(home.path().join("wandb")));
    assert_eq!(synced.code, 0, "{synced:?}");
    assert!(synced.out.contains("first.wandb: uploaded before"), "{synced:?}");
    let run = eventually(&server, "second", |run| run.complete);
    let steps: Vec<_> = run.history().iter().map(|row| row["_step"].as_u64().unwrap()).collect();
    assert_eq!(steps, (0..10).collect::<Vec<_>>());
    assert_eq!(server.violations(), []);
}

#[test]
fn with_a_log_it_ends_with_its_run_however_that_ends() {
    for killed in [false, true] {
        let (server, home) = (Server::start(), tempfile::tempdir().unwrap());
        let mut program = Program::start(&server, home.path(), "one", "offline");
        program.tell("rows 10");
        let log = home.path().join("wandb/latest-run/run-one.wandb");
        let mut watching = Watching::start(&server, home.path(), &log);
        eventually(&server, "one", |run| run.history().len() == 10);
        if killed {
            program.child.kill().unwrap();
            program.child.wait().unwrap();
        } else {
            program.end();
        }
        let run = eventually(&server, "one", |run| run.complete);
        assert_eq!(run.exit_code, Some(i64::from(killed)));
        assert!(watching.0.wait().unwrap().success());
        assert_eq!(server.violations(), []);
    }
}

#[test]
fn a_run_that_is_online_is_left_to_its_process() {
    let (server, home) = (Server::start(), tempfile::tempdir().unwrap());
    let mut online = Program::start(&server, home.path(), "online", "online");
    online.tell("rows 10");
    let _watching = Watching::start(&server, home.path(), &home.path().join("wandb"));
    let mut offline = Program::start(&server, home.path(), "offline", "offline");
    offline.tell("rows 10");
    eventually(&server, "offline", |run| run.history().len() == 10);
    assert_eq!(online.tell("finish 0"), "10 true");
    online.end();
    offline.end();
    eventually(&server, "offline", |run| run.complete);
    assert_eq!(eventually(&server, "online", |run| run.complete).history().len(), 10);
    assert_eq!(server.violations(), []);
}

#[test]
fn a_log_of_another_program_is_followed_to_its_last_record() {
    let (server, home) = (Server::start(), tempfile::tempdir().unwrap());
    let all = foreign(records::read(&record("foreign", 20).log));
    let (begun, rest) = all.split_at(all.len() / 2);
    let log = home.path().join("run-foreign.wandb");
    records::write(&log, begun);
    let rows = |records: &[Record]| {
        records.iter().filter(|record| matches!(record.kind, Some(Kind::History(_)))).count()
    };
    let mut watching = Watching::start(&server, home.path(), &log);
    // Nobody holds a lock of ours, and still it is not over.
    assert!(!eventually(&server, "foreign", |run| run.history().len() == rows(begun)).complete);
    records::append(&log, rest);
    let run = eventually(&server, "foreign", |run| run.complete);
    assert_eq!((run.history().len(), run.exit_code), (20, Some(3)));
    assert!(watching.0.wait().unwrap().success());
    assert_eq!(server.violations(), []);
}

/// Without a record that says so, a log of another program is over when there is no sign of its writer any more.
#[cfg(target_os = "linux")]
#[test]
fn a_killed_run_of_another_program_comes_to_an_end() {
    let (server, home) = (Server::start(), tempfile::tempdir().unwrap());
    let mut all = foreign(records::read(&record("silent", 20).log));
    all.retain(|record| !matches!(record.kind, Some(Kind::Exit(_))));
    let (begun, rest) = all.split_at(all.len() / 2);
    let log = home.path().join("run-silent.wandb");
    records::write(&log, begun);
    let writer = std::fs::File::options().append(true).open(&log).unwrap();
    let mut watching = Watching::with(&server, home.path(), &log, &["--gone-after", "0"]);
    eventually(&server, "silent", |run| !run.history().is_empty());
    // Somebody has it open to write: it may go on, however long it has been silent.
    std::thread::sleep(Duration::from_secs(1));
    assert!(!eventually(&server, "silent", |_| true).complete);
    records::append(&log, rest);
    drop(writer);
    let run = eventually(&server, "silent", |run| run.complete);
    assert_eq!((run.history().len(), run.exit_code), (20, Some(1)));
    assert!(watching.0.wait().unwrap().success());
    assert_eq!(server.violations(), []);
}

/// What has failed is told, and tried again; the exit code is that of the last try.
#[test]
fn what_fails_is_told_and_tried_again() {
    for times in [1, 100] {
        let (server, home) = (Server::start(), tempfile::tempdir().unwrap());
        let recorded = record("refused", 10);
        server.fail(Place::Stream, &Fault::Status(403, None), times);
        let mut watching = Watching::start(&server, home.path(), &recorded.log);
        let status = watching.0.wait().unwrap();
        let mut said = String::new();
        watching.0.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        let expected = if times == 1 { (Some(0), 1) } else { (Some(2), 5) };
        assert_eq!((status.code(), said.matches("error: ").count()), expected, "{said}");
        if times == 1 {
            assert_eq!(eventually(&server, "refused", |run| run.complete).history().len(), 10);
            assert!(crate::marker(&recorded.log).exists());
        }
        assert_eq!(server.violations(), []);
    }
}

#[test]
fn children_that_outlive_their_run_belong_to_it() {
    let (server, home) = (Server::start(), tempfile::tempdir().unwrap());
    let builder = Run::builder().mode(Mode::Offline).dir(home.path()).id("outlived").project("p");
    let run = builder.quiet(true).global(false).start().unwrap();
    run.log(0, &[("loss", 1.0)]);
    assert!(run.flush());
    let child = Run::builder().context(&run.context()).global(false).start().unwrap();
    let log = home.path().join("wandb/latest-run/run-outlived.wandb");
    let mut watching = Watching::start(&server, home.path(), &log);
    eventually(&server, "outlived", |run| run.history().len() == 1);
    run.finish_with(3).unwrap();
    // The last record is read by now, or will be; whichever it is, the run is not over.
    std::thread::sleep(Duration::from_secs(1));
    assert!(!eventually(&server, "outlived", |_| true).complete);
    for step in 0..3 {
        child.log(step, &[("score", 0.5)]);
    }
    child.finish().unwrap();
    let run = eventually(&server, "outlived", |run| run.history().len() == 4 && run.complete);
    assert_eq!(run.exit_code, Some(3));
    assert!(watching.0.wait().unwrap().success());
    assert_eq!(server.violations(), []);
}

#[test]
fn without_a_key_there_is_nothing_to_wait_for() {
    let (server, home) = (Server::start(), tempfile::tempdir().unwrap());
    let recorded = record("keyless", 1);
    let mut command = command(&server, home.path());
    let said = said(command.env_remove("WANDB_API_KEY").args(["sync", "--watch"]).arg(recorded.root.path()));
    assert_eq!(said.code, 2, "{said:?}");
    assert!(said.err.contains("there is no API key"), "{said:?}");
}
