//! `ups-track run` and signals.

use rustix::process::Signal;

use super::place::{Place, Process, assert_sound, until, values};

/// A command that tells of each signal that it gets, and ends by SIGTERM with code 5. Each round of the loop is a process
/// that ends soon, so that the shell comes to its traps.
const TELLS: &str = r#"
    for signal in INT HUP QUIT USR1 USR2; do trap "echo $signal" $signal; done
    trap 'echo TERM; exit 5' TERM
    echo ready
    while :; do sleep 0.02; done"#;

/// Starts a command under `ups-track run`, which replaces the shell.
fn start(place: &Place, before: &str, command: &str) -> Process {
    let process =
        place.shell(&format!("{before} exec \"$UPS\" run -- sh -c \"$COMMAND\""), &[("COMMAND", command)]);
    assert_eq!(process.hear(), "ready");
    process
}

#[test]
fn signals_are_passed_on_and_the_run_ends_with_the_command() {
    let place = Place::new();
    let process = start(&place, "", TELLS);
    for (signal, name) in [
        (Signal::INT, "INT"),
        (Signal::HUP, "HUP"),
        (Signal::QUIT, "QUIT"),
        (Signal::USR1, "USR1"),
        (Signal::USR2, "USR2"),
    ] {
        process.signal(signal);
        assert_eq!(process.hear(), name);
    }
    process.signal(Signal::TERM);
    let ended = process.end();
    assert_eq!((ended.status.code(), ended.told), (Some(5), vec!["TERM".to_owned()]));
    place.log().assert_ends_with(5);
}

#[test]
fn a_command_that_dies_of_a_signal() {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP, Signal::QUIT] {
        let place = Place::new();
        let process = start(&place, "", "ulimit -c 0; echo ready; exec sleep 1000");
        process.signal(signal);
        let code = 128 + signal.as_raw();
        assert_eq!(process.end().status.code(), Some(code));
        let log = place.log();
        assert_sound(&log);
        log.assert_ends_with(code);
        assert_eq!(log.summary().get("children/sh/exit_code"), Some(&code.into()));
    }
}

/// As `nohup` and background jobs have it.
#[test]
fn an_ignored_signal_stays_ignored() {
    let place = Place::new();
    let process = start(&place, "trap '' HUP INT;", TELLS);
    process.signal(Signal::HUP);
    process.signal(Signal::INT);
    process.signal(Signal::USR1);
    assert_eq!(process.hear(), "USR1");
    process.signal(Signal::TERM);
    let ended = process.end();
    assert_eq!((ended.status.code(), ended.told), (Some(5), vec!["TERM".to_owned()]));
}

/// A parent that does not care for its children makes the system forget how they end.
#[test]
fn whoever_started_it_ignores_children() {
    let place = Place::new();
    let ended = place.shell("trap '' CHLD; exec \"$UPS\" run -- sh -c 'exit 6'", &[]).end();
    assert_eq!(ended.status.code(), Some(6), "{}", ended.stderr);
}

#[test]
fn a_command_goes_on_when_ups_track_is_killed() {
    let place = Place::new();
    let mut process = place.shell("exec \"$UPS\" run -- \"$PROGRAM\" hold a 100", &[]);
    until("its rows are safe", || (process.hear() == "summarized").then_some(()));
    process.kill();
    assert_eq!(place.log().exit(), None);
    assert_eq!(place.shards().len(), 1, "its shard stays");
    // The command hears that its input is closed, and comes to its end.
    let ended = process.finish();
    assert_eq!(ended.told, ["finished 100"]);
    let (code, out) = place.ups_track(&["merge", "wandb"]);
    assert_eq!(code, 0, "{out}");
    let log = place.log();
    assert_sound(&log);
    log.assert_ends_with(1);
    assert_eq!(values(&log, "a/value"), (0..100).collect::<Vec<_>>());
}

/// Both are killed: what reached the shard is merged by hand.
#[test]
fn merge_completes_what_was_killed() {
    let place = Place::new();
    let script = "exec \"$UPS\" run -- sh -c 'echo $$; exec \"$PROGRAM\" hold a 100'";
    let mut process = place.shell(script, &[]);
    let command = rustix::process::Pid::from_raw(process.hear().parse().unwrap()).unwrap();
    until("its rows are safe", || (process.hear() == "summarized").then_some(()));
    process.kill();
    rustix::process::kill_process(command, Signal::KILL).unwrap();
    drop(process.end());
    let (code, out) = place.ups_track(&["merge", "wandb"]);
    assert_eq!(code, 0, "{out}");
    let log = place.log();
    assert_sound(&log);
    log.assert_ends_with(1);
    assert_eq!(values(&log, "a/value"), (0..100).collect::<Vec<_>>());
}
