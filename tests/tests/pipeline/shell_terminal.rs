//! `ups-track run` in a terminal: what the keyboard sends reaches the command once.

use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, ExitStatus};

use rustix::process::{Pid, Signal, kill_process};
use ups_track_tests::terminal::Terminal;

use super::place::{Place, until};

/// A terminal with a command under `ups-track run` as its foreground job, which has said that it is ready.
fn start(place: &Place, command: &str) -> Terminal {
    // A session of its own, whose terminal is standard input.
    let mut setsid = Command::new("setsid");
    setsid.args(["--ctty", env!("CARGO_BIN_EXE_command"), "run", "--", "sh", "-c", command]);
    setsid.env("WANDB_DIR", place.path()).current_dir(place.path());
    for name in ["WANDB_CONTEXT_FILE", "UPS_TRACK_CHILD", "WANDB_MODE"] {
        setsid.env_remove(name);
    }
    let mut terminal = Terminal::start(&mut setsid);
    terminal.wait_for("ready");
    terminal
}

#[track_caller]
fn end(terminal: &mut Terminal) -> ExitStatus {
    until("the end of the job", || terminal.process.try_wait().unwrap())
}

const CTRL_C: &[u8] = b"\x03";

#[test]
fn ctrl_c_reaches_the_command_once() {
    let place = Place::new();
    let command = "trap 'echo interrupted' INT; trap 'echo terminated; exit 5' TERM; echo ready; \
                   while :; do sleep 0.02; done";
    let mut terminal = start(&place, command);
    terminal.write(CTRL_C);
    terminal.wait_for("interrupted");
    // What was passed on, if anything was, came before this.
    kill_process(Pid::from_child(&terminal.process), Signal::TERM).unwrap();
    terminal.wait_for("terminated");
    assert_eq!(end(&mut terminal).code(), Some(5));
    assert_eq!(terminal.seen.matches("interrupted").count(), 1, "{}", terminal.seen);
    place.log().assert_ends_with(5);
}

/// So that a shell with a script in which this is a line ends the script.
#[test]
fn ctrl_c_ends_both_by_the_signal() {
    let place = Place::new();
    let mut terminal = start(&place, "echo ready; exec sleep 1000");
    terminal.write(CTRL_C);
    let status = end(&mut terminal);
    assert_eq!(status.signal(), Some(Signal::INT.as_raw()), "{status}");
    place.log().assert_ends_with(130);
}

/// That the terminal is gone is told to the first process of the session alone, which this is here.
#[test]
fn a_closed_terminal_ends_the_command() {
    let place = Place::new();
    let mut terminal = start(&place, "echo ready; exec sleep 1000");
    terminal.close();
    assert_eq!(end(&mut terminal).code(), Some(129));
    place.log().assert_ends_with(129);
}
