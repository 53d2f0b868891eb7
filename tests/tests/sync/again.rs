//! Killed in the middle, and again; and what others did in between.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use ups_track_tests::normalized::assert_same;
use ups_track_tests::server::{Fault, Place, Server, Stream};

use crate::{Recorded, command, marker, on, record, record_with, sync};

/// Enough for several requests.
const ROWS: u32 = 70_000;

/// A long run without alerts: one of which nobody knows whether it arrived is sent again rather than lost.
fn record_long() -> Recorded {
    record_with(
        "killed",
        |builder| builder.config(&[("lr", 0.5)]),
        |run| {
            for step in 0..ROWS {
                run.log(step, &[("loss", 1.0 / (f64::from(step) + 1.0))]);
            }
            run.write_console(ups_track::Stream::Stderr, "one\ntwo");
        },
    )
}

#[test]
fn killed_again_and_again() {
    let expected = {
        let server = Server::start();
        assert_eq!(sync(&server, &record_long().log, &[]).code, 0);
        on(&server, "killed")
    };
    let server = Server::start();
    let recorded = record_long();
    let home = tempfile::tempdir().unwrap();
    // The nth request of each attempt is never answered, and while it waits the command is killed.
    for answered in 0..9 {
        let before = server.requests().len();
        for _ in 0..answered {
            server.fail(Place::Anywhere, &Fault::Slow(0), 1);
        }
        let (fault, applied) =
            if answered % 2 == 0 { (Fault::Slow(600_000), 0) } else { (Fault::DropAfter, 1) };
        server.fail(Place::Anywhere, &fault, 1);
        if applied == 1 {
            // The answer is lost, and so is the next attempt.
            server.fail(Place::Anywhere, &Fault::Slow(600_000), 1);
        }
        let mut child = command(&server, home.path()).arg("sync").arg(&recorded.log).spawn().unwrap();
        let until = Instant::now() + Duration::from_mins(2);
        while server.faults_left() > 0 {
            if child.try_wait().unwrap().is_some() {
                break;
            }
            assert!(Instant::now() < until, "{} requests, {answered}", server.requests().len() - before);
            thread::sleep(Duration::from_millis(5));
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let said = sync(&server, &recorded.log, &[]);
    assert!(said.code == 0, "{said:?}");
    assert_eq!(server.violations(), []);
    assert_same(&expected, &on(&server, "killed"));
    assert!(marker(&recorded.log).exists());
}

#[test]
fn asked_for_twice_it_stays_one() {
    let server = Server::start();
    let recorded = record("twice", 100);
    assert_eq!(sync(&server, &recorded.log, &[]).code, 0);
    let first = on(&server, "twice");
    let said = sync(&server, &recorded.log, &["--include-synced"]);
    assert_eq!(said.code, 0, "{said:?}");
    assert!(said.out.contains("(100 of them since an earlier upload)"), "{said:?}");
    assert_same(&first, &on(&server, "twice"));
    let uploads =
        |path: &str| server.requests().iter().filter(|request| request.path.starts_with(path)).count();
    assert_eq!(uploads("/storage/"), first.files.len());
    assert_eq!(server.violations(), []);
}

/// As when W&B's client, or somebody without the memory beside the log, has begun.
#[test]
fn without_a_memory_the_server_tells() {
    let server = Server::start();
    let recorded = record("forgotten", 100);
    assert_eq!(sync(&server, &recorded.log, &[]).code, 0);
    let first = on(&server, "forgotten");
    for ending in ["syncstate", "sent"] {
        fs::remove_file(format!("{}.{ending}", recorded.log.display())).unwrap();
    }
    assert_eq!(sync(&server, &recorded.log, &["--include-synced"]).code, 0);
    assert_same(&first, &on(&server, "forgotten"));
    assert_eq!(server.violations(), []);
}

/// Two programs that record one run, one log each.
#[test]
fn a_second_log_of_a_run_goes_behind_the_first() {
    let server = Server::start();
    let logs = [7, 5].map(|rows| record("shared", rows));
    for recorded in &logs {
        assert_eq!(sync(&server, &recorded.log, &[]).code, 0);
    }
    let steps: Vec<_> = on(&server, "shared").history().iter().map(|row| row["_step"].clone()).collect();
    assert_eq!(Value::Array(steps), (0..12).collect::<Value>());
    // Again, and both stay where they are.
    for recorded in &logs {
        assert_eq!(sync(&server, &recorded.log, &["--include-synced"]).code, 0);
    }
    assert_eq!(on(&server, "shared").history().len(), 12);
    assert_eq!(on(&server, "shared").lines(Stream::Console).len(), 4);
    assert_eq!(server.violations(), []);
}

#[test]
fn a_resumed_run_goes_on_with_step_and_config() {
    let server = Server::start();
    let first = record("resumed", 10);
    assert_eq!(sync(&server, &first.log, &[]).code, 0);
    let resume =
        |builder: ups_track::RunBuilder| builder.resume(ups_track::Resume::Allow).config(&[("more", 1)]);
    let second = record_with("resumed", resume, |run| {
        for step in 0..3_u32 {
            run.log(step, &[("loss", 0.0)]);
        }
    });
    for options in [&[][..], &["--include-synced"]] {
        let said = sync(&server, &second.log, options);
        assert_eq!(said.code, 0, "{said:?}");
        let run = on(&server, "resumed");
        let steps: Vec<_> = run.history().iter().map(|row| row["_step"].clone()).collect();
        assert_eq!(Value::Array(steps), (0..13).collect::<Value>());
        assert_eq!(Value::Object(run.config()), serde_json::json!({"lr": 0.5, "more": 1}));
        assert_eq!(run.summary()["nrmse"], 0.09);
        assert_eq!(run.tags, ["x"]);
    }
    let state = fs::read_to_string(format!("{}.syncstate", second.log.display())).unwrap();
    assert!(state.contains(r#""starting_step":10"#), "{state}");
    assert_eq!(server.violations(), []);
}
