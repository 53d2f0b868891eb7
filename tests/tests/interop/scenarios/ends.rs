//! Programs that fail, are killed, or go on with a run.

use ups_track_tests::normalized::{Meant, NormalizedRun, Side, assert_same, assert_same_but};
use ups_track_tests::server::Server;

use super::programs::{Place, on, ours, python, python_running, theirs, until};
use super::{WAYS, Way};

/// What a program of the real client leaves that ends with this code, in a process of its own.
#[track_caller]
fn theirs_ending(program: &str, more: &[(&str, &str)], code: i32) -> ups_track_tests::server::Run {
    let server = Server::start();
    python(&server, &[program], more, code);
    on(&server, program)
}

#[test]
fn exit_code() {
    for way in WAYS {
        let run = ours("exit_code", *way, &[], 0);
        assert_eq!(run.exit_code, Some(3));
        assert_same(&theirs("exit_code"), &run);
    }
}

#[test]
fn a_program_that_fails() {
    let expected = theirs_ending("failing", &[], 1);
    for way in WAYS {
        let run = ours("failing", *way, &[], 1);
        assert_eq!(run.exit_code, Some(1));
        assert_same(&expected, &run);
    }
}

#[test]
fn a_program_that_exits() {
    let expected = theirs_ending("exiting", &[], 7);
    for way in WAYS {
        let run = ours("exiting", *way, &[], 7);
        assert_eq!(run.exit_code, Some(7));
        assert_same(&expected, &run);
    }
}

/// The variables that say what a run is mean the same to both.
#[test]
fn a_run_of_the_environment() {
    let more = [
        ("WANDB_PROJECT", "interop"),
        ("WANDB_RUN_ID", "environment"),
        ("WANDB_NAME", "a name"),
        ("WANDB_NOTES", "some notes"),
        ("WANDB_TAGS", "one,two"),
        ("WANDB_RUN_GROUP", "nightly"),
        ("WANDB_JOB_TYPE", "eval"),
        ("WANDB_SWEEP_ID", "sweep1"),
    ];
    let expected = theirs_ending("environment", &more, 0);
    for way in WAYS {
        assert_same(&expected, &ours("environment", *way, &more, 0));
    }
}

#[test]
fn a_program_that_is_killed() {
    const ROWS: usize = 50;
    const SUMMARY: &str = "what follows from rows is written into the log every few seconds and at the end, and \
                           no tool that uploads a log works it out; what was set is there";

    let server = Server::start();
    let home = tempfile::tempdir().unwrap();
    let mut python = python_running(&server, "killed", home.path());
    until(&server, "killed", |run| run.history().len() == ROWS && run.summary().contains_key("nrmse"));
    python.kill().unwrap();
    python.wait().unwrap();
    let expected = on(&server, "killed");
    assert_eq!((expected.complete, expected.exit_code), (false, None));

    for way in WAYS {
        let server = Server::start();
        let place = Place::new(&server, *way);
        place.kill("killed");
        place.sync(0);
        let mut run = on(&server, "killed");
        // Who uploads it later knows that it is over; the server of the other finds out when nothing comes any more.
        assert_eq!((run.complete, run.exit_code), (true, Some(1)));
        (run.complete, run.exit_code) = (false, None);
        // On a slow machine the program was there for long enough, and nothing is missing.
        let mut lost = vec!["_runtime", "_timestamp", "_wandb", "loss", "step"];
        lost.retain(|key| !run.summary().contains_key(*key));
        let lost: Vec<_> = lost
            .into_iter()
            .map(|key| {
                let value = NormalizedRun::from(&expected).summary.remove(key).unwrap();
                Meant::missing(format!("summary[{key:?}]"), Side::Is(value), SUMMARY)
            })
            .collect();
        assert_same_but(&expected, &run, &lost);
    }
}

/// `resume=allow`: a second process goes on where the first has ended.
#[test]
fn a_run_that_is_resumed() {
    let server = Server::start();
    python(&server, &["resumed"], &[], 0);
    python(&server, &["resumed_again"], &[], 0);
    let expected = on(&server, "resumed");
    assert_eq!(expected.history().len(), 5);
    for way in WAYS {
        let server = Server::start();
        let place = Place::new(&server, *way);
        let resume = [("WANDB_RESUME", "allow"), ("WANDB_RUN_ID", "resumed")];
        place.play("resumed", &resume, 0);
        if *way == Way::Synced {
            place.sync(0);
        }
        place.play("resumed_again", &resume, 0);
        assert_eq!(place.runs(), 2);
        assert_same(&expected, &on(&server, "resumed"));
    }
}
