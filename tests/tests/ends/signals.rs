//! SIGINT, SIGTERM and SIGHUP: the log is whole, and the process ends as the signal asks; unless the program, or whoever
//! started it, has its own idea.

use std::os::unix::process::ExitStatusExt as _;

use rustix::process::Signal;

use super::ROWS;
use super::program::{Ended, Program};

#[test]
fn the_log_is_completed_and_the_process_dies_of_the_signal() {
    for mode in ["attribute-wait", "builder-init-wait"] {
        for (signal, recorded) in [(Signal::INT, 255), (Signal::TERM, 143), (Signal::HUP, 129)] {
            let program = Program::new(mode).start().ready();
            program.signal(signal);
            let ended = program.end();
            ended.assert_killed_by(signal);
            let log = ended.log();
            log.assert_work(ROWS);
            log.assert_ends_with(recorded);
            assert!(ended.warnings().is_empty(), "{}", ended.stderr);
        }
    }
}

/// A terminal and a launcher, a service manager, a dying session: one wish to end comes as several signals.
#[test]
fn signals_close_together_are_one() {
    use Signal as S;
    for signals in [
        &[S::INT, S::TERM][..],
        &[S::INT, S::INT],
        &[S::TERM, S::INT, S::TERM],
        &[S::TERM, S::HUP],
        &[S::HUP, S::TERM],
    ] {
        for _ in 0..4 {
            let program = Program::new("attribute-wait").start().ready();
            for signal in signals {
                program.signal(*signal);
            }
            let ended = program.end();
            let log = ended.log();
            log.assert_work(ROWS);
            // The system delivers those that wait in an order of its own.
            let codes = signals.iter().map(|s| if *s == S::INT { 255 } else { 128 + s.as_raw() });
            assert!(
                codes.into_iter().any(|code| log.exit().is_some_and(|exit| exit.exit_code == code)),
                "{signals:?}: {:?}",
                log.exit()
            );
            let killed_by = ended.status.signal().unwrap();
            assert!(signals.iter().any(|s| s.as_raw() == killed_by), "{signals:?}: {:?}", ended.status);
        }
    }
}

/// Completing the run waits for a standard error that nobody reads; somebody who asks again does not.
#[test]
fn a_later_signal_ends_a_program_that_hangs() {
    let program = Program::new("attribute-deaf").deaf().start().ready();
    program.signal(Signal::INT);
    let log = program.log_until(|log| log.exit().is_some());
    log.assert_work(ROWS);
    log.assert_ends_with(255);
    program.signal_until_end(Signal::INT).assert_killed_by(Signal::INT);
}

/// Checks a program that has a handler of its own, goes on for ten rows when it is called, and ends with code 9.
#[track_caller]
fn check_own_handler(mode: &str, signal: Signal, told: &[&str]) {
    let program = Program::new(mode).start().ready();
    program.signal(signal);
    let ended = program.end();
    assert_eq!(ended.stdout, told);
    check_went_on(&ended, if mode.ends_with("init") && !super::TELLS_CODE { 0 } else { 9 });
}

#[track_caller]
fn check_went_on(ended: &Ended, recorded: i32) {
    ended.assert_code(9);
    let log = ended.log();
    log.assert_work(ROWS + 10);
    log.assert_ends_with(recorded);
    assert!(ended.warnings().is_empty(), "{}", ended.stderr);
}

#[test]
fn a_handler_that_was_there_before_us() {
    for signal in [Signal::INT, Signal::TERM] {
        check_own_handler("signals-flag", signal, &["signals 1"]);
        check_own_handler("signals-init", signal, &["signals 1"]);
    }
}

/// A handler that was installed so that waiting calls give up still makes them give up.
#[test]
fn a_handler_that_interrupts() {
    let program = Program::new("signals-interrupt").start().ready();
    // The first signal may come just before the program begins to wait.
    check_went_on(&program.signal_until_end(Signal::INT), 9);
}

#[test]
fn tokios_handler_after_us() {
    check_own_handler("tokio-ctrl-c", Signal::INT, &[]);
}

/// As `nohup` and background jobs have it.
#[test]
fn an_ignored_signal_stays_ignored() {
    let mut program =
        Program::in_shell("trap '' INT HUP; exec \"$@\"", "attribute-wait-and-go-on").start().ready();
    program.signal(Signal::INT);
    program.signal(Signal::HUP);
    program.go_on();
    let ended = program.end();
    ended.assert_code(0);
    let log = ended.log();
    log.assert_work(ROWS + 10);
    log.assert_ends_with(0);
}

/// A layer alone changes nothing about signals; the rows are with the operating system soon after they are logged.
#[test]
fn a_bare_layer_installs_no_handlers() {
    for signal in [Signal::INT, Signal::TERM] {
        let program = Program::new("bare-wait").start().ready();
        program.log_until(|log| log.rows().len() as u64 == ROWS);
        program.signal(signal);
        let ended = program.end();
        ended.assert_killed_by(signal);
        let log = ended.log();
        log.assert_rows(ROWS);
        assert_eq!(log.exit(), None);
    }
}
