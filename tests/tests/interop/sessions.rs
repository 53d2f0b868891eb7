//! Runs of which some sessions were recorded by the real client and some by ours, sent by either tool, in any order: every
//! row and line is on the server, once.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;
use ups_track::log::Reader;
use ups_track::log::record::Kind;
use ups_track::{Mode, Resume, Run, Stream};
use ups_track_tests::json::Row;
use ups_track_tests::server::{API_KEY, RunKey, Server};
use ups_track_tests::wandb;

use crate::upload::ups_track_command;

/// Who records a session, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    PythonOffline,
    PythonOnline,
    PythonKilled,
    Offline,
}

/// Who sends it, if it was not sent by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Ours,
    Theirs,
}

const ID: &str = "sessions";

struct Session {
    how: How,
    dir: PathBuf,
    _root: TempDir,
}

fn play(server: &Server, how: How, number: u32) -> Session {
    let root = tempfile::tempdir().unwrap();
    match how {
        How::PythonOffline | How::PythonOnline | How::PythonKilled => {
            python(server, how, number, root.path());
        }
        How::Offline => ours(number, root.path()),
    }
    let mut dirs = fs::read_dir(root.path().join("wandb")).unwrap().map(|entry| entry.unwrap().path());
    let dir = dirs.find(|path| path.is_dir() && !path.is_symlink()).unwrap();
    Session { how, dir, _root: root }
}

fn python(server: &Server, how: How, number: u32, root: &Path) {
    let number = number.to_string();
    let mut arguments: Vec<&OsStr> = vec![root.as_ref(), ID.as_ref(), number.as_ref()];
    let mode = if how == How::PythonOffline { "offline" } else { "online" };
    if how == How::PythonKilled {
        arguments.push("kill".as_ref());
    }
    let environment = [("WANDB_MODE", mode), ("WANDB_BASE_URL", server.url()), ("WANDB_API_KEY", API_KEY)];
    let ended = wandb::run_script("session.py", &arguments, &environment);
    match ended {
        Err(wandb::Error::Failed { .. }) if how == How::PythonKilled => until_its_service_ends(root),
        ended => assert!(ended.is_ok() && how != How::PythonKilled, "{ended:?}"),
    }
}

/// The client's own service outlives it for a moment, and is who writes the log.
fn until_its_service_ends(root: &Path) {
    let end = Instant::now() + Duration::from_mins(1);
    let size = || {
        let dirs = fs::read_dir(root.join("wandb")).unwrap().map(|entry| entry.unwrap().path());
        let logs = dirs.map(|dir| dir.join(format!("run-{ID}.wandb")));
        logs.filter_map(|log| log.metadata().ok()).map(|meta| meta.len()).max().unwrap_or(0)
    };
    let mut before = 0;
    loop {
        thread::sleep(Duration::from_secs(2));
        let now = size();
        if now > 0 && now == before {
            return;
        }
        before = now;
        assert!(Instant::now() < end, "the client's service writes no log");
    }
}

fn ours(number: u32, root: &Path) {
    let run = Run::builder().mode(Mode::Offline).dir(root).id(ID).project("interop").resume(Resume::Allow);
    let run = run.quiet(true).global(false).start().unwrap();
    for step in 0..3 + 2 * number {
        run.log(step, &[("loss", f64::from(1000 * (number + 1) + step))]);
    }
    run.write_console(Stream::Stdout, format!("line-{number}\n"));
    run.summarize(&[(format!("key-{number}"), f64::from(number))]);
    run.finish().unwrap();
}

fn sync(server: &Server, session: &Session, by: By) {
    match by {
        By::Theirs => drop(wandb::sync(&session.dir, server)),
        By::Ours => {
            let home = tempfile::tempdir().unwrap();
            let mut command = ups_track_command(server);
            let command =
                command.env("HOME", home.path()).args(["sync", "--include-online", "--include-synced"]);
            let output = command.arg(&session.dir).output().unwrap();
            let said = String::from_utf8_lossy(&output.stdout);
            let err = String::from_utf8_lossy(&output.stderr);
            assert!(matches!(output.status.code(), Some(0 | 1)), "{said}{err}");
        }
    }
}

/// A loss, which is a whole number here.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a small number")]
fn whole(loss: f64) -> u64 {
    loss as u64
}

/// The rows and lines of a log.
fn recorded(dir: &Path) -> (Vec<u64>, Vec<String>) {
    let (mut rows, mut lines) = (Vec::new(), Vec::new());
    for entry in Reader::open(&dir.join(format!("run-{ID}.wandb"))).unwrap().map_while(Result::ok) {
        match entry.record.kind {
            Some(Kind::History(row)) => {
                let loss = row.item.iter().find(|item| item.key == "loss" || item.nested_key == ["loss"]);
                rows.push(whole(loss.unwrap().value_json.parse().unwrap()));
            }
            Some(Kind::OutputRaw(output)) if output.line.starts_with("line-") => {
                lines.push(output.line.trim().to_owned());
            }
            _ => {}
        }
    }
    (rows, lines)
}

#[track_caller]
fn check(server: &Server, sessions: &[Session], by_ours: bool, what: &str) {
    let run = server.run_when(&RunKey::new("test-entity", "interop", ID), |_| true);
    let (mut rows, mut lines) = (Vec::new(), Vec::new());
    for session in sessions {
        let (of_rows, of_lines) = recorded(&session.dir);
        rows.extend(of_rows);
        lines.extend(of_lines);
    }
    let loss = |row: &Row| {
        whole(row.get("loss").and_then(Value::as_f64).unwrap_or_else(|| panic!("{what}: {row:?}")))
    };
    let mut there: Vec<_> = run.history().iter().map(loss).collect();
    there.sort_unstable();
    rows.sort_unstable();
    assert_eq!(there, rows, "{what}");
    let mut console: Vec<_> =
        run.console().into_iter().map(|line| line.text).filter(|text| text.starts_with("line-")).collect();
    console.sort();
    lines.sort();
    assert_eq!(console, lines, "{what}");
    for (number, session) in sessions.iter().enumerate() {
        // `wandb sync` puts the summary of its log in the place of the whole.
        if by_ours && session.how != How::PythonKilled {
            let summary = run.summary();
            let value = summary.get(&format!("key-{number}")).and_then(Value::as_f64);
            assert_eq!(value, Some(number as f64), "{what}: {summary:?}");
        }
    }
    let steps: Vec<_> = run.history().iter().map(|row| row["_step"].as_i64().unwrap()).collect();
    assert!(steps.windows(2).all(|pair| pair[0] < pair[1]), "{what}: {steps:?}");
    assert_eq!(server.violations(), [], "{what}");
}

/// Plays sessions, each of which may be sent at once; then all that were not, in this order; and at last all again by ours,
/// which changes nothing.
fn story(hows: &[(How, Option<By>)], last: &[(usize, By)]) {
    let what = format!("{hows:?} {last:?}");
    let server = Server::start();
    let mut sessions = Vec::new();
    for (number, (how, by)) in hows.iter().enumerate() {
        let session = play(&server, *how, u32::try_from(number).unwrap());
        if let Some(by) = by {
            sync(&server, &session, *by);
        }
        sessions.push(session);
    }
    for (at, by) in last {
        sync(&server, &sessions[*at], *by);
    }
    let by_ours = !hows
        .iter()
        .filter_map(|(_, by)| *by)
        .chain(last.iter().map(|(_, by)| *by))
        .any(|by| by == By::Theirs);
    check(&server, &sessions, by_ours, &what);
    for session in &sessions {
        sync(&server, session, By::Ours);
    }
    check(&server, &sessions, by_ours, &format!("{what}, and again"));
}

#[test]
fn a_python_run_that_was_online_is_there_already() {
    story(&[(How::PythonOnline, None)], &[(0, By::Ours)]);
    story(&[(How::PythonKilled, None)], &[(0, By::Ours)]);
}

#[test]
fn python_first_and_ours_behind() {
    story(&[(How::PythonOnline, None), (How::Offline, None)], &[(1, By::Ours), (0, By::Ours)]);
    story(&[(How::PythonOnline, None), (How::Offline, None)], &[(0, By::Ours), (1, By::Theirs)]);
    story(&[(How::PythonOffline, None), (How::Offline, None)], &[(0, By::Theirs), (1, By::Ours)]);
    story(&[(How::PythonOffline, None), (How::Offline, None)], &[(1, By::Theirs), (0, By::Ours)]);
}

#[test]
fn ours_first_and_python_behind() {
    story(&[(How::Offline, Some(By::Ours)), (How::PythonOnline, None)], &[(1, By::Ours), (0, By::Ours)]);
    story(&[(How::Offline, None), (How::PythonOnline, None)], &[(0, By::Ours)]);
    story(&[(How::Offline, None), (How::PythonKilled, None)], &[(0, By::Ours), (1, By::Ours)]);
    story(&[(How::Offline, Some(By::Theirs)), (How::PythonOffline, None)], &[(1, By::Ours)]);
}

#[test]
fn three_sessions_of_both() {
    story(
        &[(How::PythonOffline, None), (How::PythonOnline, None), (How::Offline, None)],
        &[(0, By::Ours), (2, By::Theirs)],
    );
    story(
        &[(How::Offline, None), (How::PythonOnline, None), (How::PythonOffline, None)],
        &[(2, By::Theirs), (0, By::Ours), (1, By::Ours)],
    );
    story(
        &[(How::PythonOnline, None), (How::Offline, Some(By::Ours)), (How::PythonOnline, None)],
        &[(0, By::Ours), (2, By::Ours)],
    );
}
