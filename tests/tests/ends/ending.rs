//! Every way to end leaves a whole log, with the code that the program ended with.

use super::ROWS;
use super::program::{Ended, Program};

/// Runs a program that does its usual work and ends with `code`; the log says `recorded`.
#[track_caller]
fn check(mode: &str, code: i32, recorded: i32) -> Ended {
    let ended = Program::new(mode).run();
    ended.assert_code(code);
    let log = ended.log();
    log.assert_work(ROWS);
    log.assert_ends_with(recorded);
    ended
}

/// As [`check`], and nothing is amiss.
#[track_caller]
fn check_quiet(mode: &str, code: i32, recorded: i32) -> Ended {
    let ended = check(mode, code, recorded);
    assert!(ended.warnings().is_empty(), "{}", ended.stderr);
    ended
}

#[test]
fn main_returns_ok() {
    check_quiet("attribute-ok", 0, 0);
    check_quiet("unit", 0, 0);
}

#[test]
fn main_returns_an_error() {
    let ended = check_quiet("attribute-err", 1, 1);
    assert!(ended.stderr.contains("Error: \"as the test asks\""), "{}", ended.stderr);
}

#[test]
fn main_returns_an_exit_code() {
    check_quiet("code", 5, 5);
    check_quiet("attribute-result-code", 6, 6);
}

#[test]
fn main_is_asynchronous() {
    check_quiet("tokio-ok", 0, 0);
    check_quiet("tokio-err", 1, 1);
    check("tokio-panic", 101, 1);
}

#[test]
fn the_first_exit_code_counts() {
    let ended = check_quiet("attribute-finish", 0, 4);
    assert_eq!(ended.stdout, ["rows 100 lost 0 code 4"]);
}

#[test]
fn main_panics() {
    let ended = check("attribute-panic", 101, 1);
    assert_eq!(ended.stderr.matches("as the test asks").count(), 1, "{}", ended.stderr);
}

#[test]
fn another_thread_panics() {
    check_quiet("attribute-panic-elsewhere", 0, 0);
}

#[test]
fn the_program_exits() {
    check_quiet("attribute-exit", 3, 3);
    check_quiet("attribute-exit-elsewhere", 3, 3);
}

#[test]
fn init_and_a_guard() {
    check_quiet("builder-init-drop", 0, 0);
    check_quiet("builder-init-exit", 3, 3);
    check("builder-init-panic", 101, 1);
    let ended = check_quiet("builder-init-finish", 0, 0);
    assert_eq!(ended.stdout, ["rows 100 lost 0 code 0"]);
}

/// What `main` returns is known only behind the guard.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
#[test]
fn an_error_behind_a_guard() {
    let ended = check_quiet("builder-init-error", 1, 1);
    assert!(ended.stderr.contains("failed with exit code 1: the process ended with it"), "{}", ended.stderr);
}

/// A run that had ended before another one began has nothing to do with how the process ends.
#[test]
fn an_error_long_after_a_guard() {
    let ended = Program::new("builder-init-error-later").run();
    assert_eq!(ended.status.code(), Some(1), "{}", ended.stderr);
    for dir in ups_track_tests::log::run_dirs(ended.dir.path()) {
        ups_track_tests::log::Log::of(&dir).assert_ends_with(0);
    }
}

#[test]
fn a_guard_alone() {
    check_quiet("builder-guard-drop", 0, 0);
    check_quiet("builder-guard-exit", 3, 3);
    check("builder-guard-panic", 101, 1);
}

/// A run that nobody holds any more ends with the process.
#[test]
fn a_guard_that_lets_go() {
    check_quiet("builder-guard-let-go", 2, 2);
}

#[test]
fn a_bare_layer() {
    check_quiet("bare-return", 0, 0);
    check_quiet("bare-code", 4, 4);
    check_quiet("bare-exit", 7, 7);
    check_quiet("bare-exit-elsewhere", 7, 7);
    check("bare-panic", 101, 101);
}

/// What comes after the end is lost: that is said once, and counted.
#[test]
fn rows_after_the_end() {
    let ended = check("builder-init-late", 0, 0);
    let said = ended.warnings().iter().filter(|line| line.contains("the run is finished")).count();
    assert_eq!((said, ended.warnings().len()), (1, 1), "{}", ended.stderr);
    assert_eq!(ended.stdout, ["rows 100 lost 0", "rows 100 lost 51"]);
}
