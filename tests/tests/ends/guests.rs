//! In other people's programs: neighbours, late runs, several runs, none.

use ups_track_tests::log::Log;

use super::ROWS;
use super::program::{Ended, Program};

fn run(program: &str) -> Ended {
    let ended = Program::new(&format!("guest-{program}")).run();
    ended.assert_code(0);
    ended
}

fn logs(ended: &Ended) -> Vec<Log> {
    Log::all(ended.dir.path())
}

fn rows(ended: &Ended) -> Vec<usize> {
    let mut rows: Vec<_> = logs(ended).iter().map(|log| log.rows().len()).collect();
    rows.sort_unstable();
    rows
}

/// A program without a run: nothing is recorded and nothing is said, but arguments are evaluated.
#[test]
fn a_library_in_a_program_without_a_run_is_silent() {
    let ended = run("library");
    assert_eq!((ended.stderr.as_str(), rows(&ended)), ("", vec![]));
    assert_eq!(ended.stdout, ["1"]);
}

#[test]
fn a_run_beside_is_entered_or_the_program_is_told_once() {
    let ended = run("beside");
    logs(&ended).first().unwrap().assert_work(ROWS);
    let warnings = ended.warnings();
    assert!(matches!(warnings.as_slice(), [one] if one.contains("run.scope(..)")), "{warnings:?}");
}

#[test]
fn runs_one_after_the_other() {
    for program in ["loop", "init-loop"] {
        let ended = run(program);
        assert!(ended.warnings().is_empty(), "{}", ended.stderr);
        let logs = logs(&ended);
        assert_eq!(logs.len(), 3, "{program}: {}", ended.stderr);
        for log in logs {
            log.assert_work(ROWS);
            log.assert_ends_with(0);
        }
    }
}

#[test]
fn runs_side_by_side() {
    let ended = run("threads");
    assert_eq!((rows(&ended), ended.warnings()), (vec![100, 100], vec![]));
}

#[test]
fn a_run_inside_the_run_of_main() {
    let ended = run("inside");
    assert_eq!(rows(&ended), [10, 20]);
    let warnings = ended.warnings();
    assert!(
        matches!(warnings.as_slice(), [one] if one.contains("this thread has started run")),
        "{warnings:?}"
    );
}

#[test]
fn a_message_starts_no_run() {
    let ended = run("message-first");
    let log = ended.log();
    log.assert_work(ROWS);
    log.assert_ends_with(0);
    assert!(ended.warnings().is_empty(), "{}", ended.stderr);
}

/// A value starts one, and a run of the program's own takes its place: that is said.
#[test]
fn a_run_of_the_programs_own_takes_the_place_of_the_environments() {
    let ended = run("value-first");
    assert_eq!(rows(&ended), [1, 100]);
    let warnings = ended.warnings();
    assert!(matches!(warnings.as_slice(), [one] if one.contains("(1 rows)")), "{warnings:?}");
    for log in logs(&ended) {
        log.assert_ends_with(0);
    }
}

/// While the run of the first value starts, others wait for it.
#[test]
fn the_first_values_of_many_threads_arrive() {
    for _ in 0..5 {
        for program in ["storm-plain", "storm-macros"] {
            let ended = run(program);
            assert_eq!(rows(&ended), [8000], "{program}: {}", ended.stderr);
        }
    }
}

/// A neighbour with a filter of its own sees what it asked for, whatever a macro does in between.
#[test]
fn neighbours_are_not_disturbed() {
    for program in ["neighbour", "neighbour-reload"] {
        let ended = run(program);
        for event in ["a row", "a config", "a table", "a metric", "a summary"] {
            assert!(ended.stderr.contains(&format!("after {event}")), "{program}: {event}: {}", ended.stderr);
        }
        assert!(!ended.stderr.contains("metric.loss"), "{}", ended.stderr);
        assert!(ended.warnings().is_empty(), "{}", ended.stderr);
        let log = ended.log();
        let keys: Vec<_> =
            log.rows().into_iter().flat_map(|row| row.keys().cloned().collect::<Vec<_>>()).collect();
        assert!(keys.iter().any(|key| key == "operator/carried"), "{program}: {keys:?}");
    }
}

#[test]
fn what_is_recorded_inside_a_debug_arrives() {
    let ended = run("speaking-debug");
    let log = ended.log();
    let inside = log.rows().iter().filter(|row| row.contains_key("inside")).count();
    assert_eq!(inside, 6, "{}", ended.stderr);
    assert_eq!(ended.log().console().matches("inside").count(), 3);
}

#[test]
fn what_is_recorded_while_a_thread_ends_arrives() {
    let ended = run("thread-locals");
    assert_eq!(rows(&ended), [3], "{}", ended.stderr);
}

#[test]
fn a_scope_ends_its_run_as_it_ends() {
    for (program, code) in [("scope-ok", 0), ("scope-err", 1), ("scope-panic", 1)] {
        let ended = run(program);
        let log = ended.log();
        log.assert_work(ROWS);
        log.assert_ends_with(code);
    }
}

/// Where nothing is recorded, messages are shown and nothing is judged.
#[test]
fn a_disabled_run_shows_messages_and_no_more() {
    let ended = Program::new("guest-disabled").env("WANDB_MODE", "disabled").run();
    ended.assert_code(0);
    assert_eq!(ended.stderr.matches("a message").count(), 3, "{}", ended.stderr);
    assert!(ended.warnings().is_empty() && logs(&ended).is_empty(), "{}", ended.stderr);
}

/// Nobody waits for a lock that a panic of the strict mode holds.
#[test]
fn a_panic_of_the_strict_mode_holds_no_lock() {
    let ended = run("strict");
    assert_eq!(
        (ended.stdout.as_slice(), rows(&ended)),
        (["free".to_owned()].as_slice(), vec![1]),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_start_that_fails_leaves_no_subscriber() {
    let ended = run("failed-init");
    assert!(logs(&ended).is_empty());
}
