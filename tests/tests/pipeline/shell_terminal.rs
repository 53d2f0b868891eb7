//! `ups-track run` in a terminal: what the keyboard sends reaches the command once.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};

use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use super::place::{PATIENCE, Place, until};

/// A terminal with a command under `ups-track run` as its foreground job.
#[derive(Debug)]
struct Terminal {
    keyboard: File,
    screen: Receiver<String>,
    seen: String,
    process: Child,
}

impl Terminal {
    fn start(place: &Place, command: &str) -> Self {
        let keyboard = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&keyboard).unwrap();
        unlockpt(&keyboard).unwrap();
        let path = ptsname(&keyboard, Vec::new()).unwrap();
        let keyboard = File::from(keyboard);
        let terminal = File::options().read(true).write(true).open(path.to_str().unwrap()).unwrap();
        let pipe = || Stdio::from(terminal.try_clone().unwrap());
        // A session of its own, whose terminal is standard input.
        let mut setsid = Command::new("setsid");
        setsid.args(["--ctty", env!("CARGO_BIN_EXE_command"), "run", "--", "sh", "-c", command]);
        setsid.env("WANDB_DIR", place.path()).current_dir(place.path());
        for name in ["WANDB_CONTEXT_FILE", "UPS_TRACK_CHILD", "WANDB_MODE"] {
            setsid.env_remove(name);
        }
        let process = setsid.stdin(pipe()).stdout(pipe()).stderr(pipe()).spawn().unwrap();
        let (lines, screen) = channel();
        let mut output = keyboard.try_clone().unwrap();
        std::thread::spawn(move || {
            let mut piece = [0; 1024];
            // Without anybody at the other end it is an error.
            while let Ok(length @ 1..) = output.read(&mut piece) {
                if lines.send(String::from_utf8_lossy(&piece[..length]).into_owned()).is_err() {
                    break;
                }
            }
        });
        let mut terminal = Self { keyboard, screen, seen: String::new(), process };
        terminal.wait_for("ready");
        terminal
    }

    #[track_caller]
    fn wait_for(&mut self, text: &str) {
        while !self.seen.contains(text) {
            self.seen += &self.screen.recv_timeout(PATIENCE).unwrap_or_else(|e| panic!("{e}: {}", self.seen));
        }
    }

    fn press(&mut self, key: u8) {
        self.keyboard.write_all(&[key]).unwrap();
    }

    #[track_caller]
    fn end(&mut self) -> ExitStatus {
        until("the end of the job", || self.process.try_wait().unwrap())
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

const CTRL_C: u8 = 3;

#[test]
fn ctrl_c_reaches_the_command_once() {
    let place = Place::new();
    let command = "trap 'echo interrupted' INT; trap 'echo terminated; exit 5' TERM; echo ready; \
                   while :; do sleep 0.02; done";
    let mut terminal = Terminal::start(&place, command);
    terminal.press(CTRL_C);
    terminal.wait_for("interrupted");
    // What was passed on, if anything was, came before this.
    kill_process(Pid::from_child(&terminal.process), Signal::TERM).unwrap();
    terminal.wait_for("terminated");
    assert_eq!(terminal.end().code(), Some(5));
    assert_eq!(terminal.seen.matches("interrupted").count(), 1, "{}", terminal.seen);
    place.log().assert_ends_with(5);
}

/// So that a shell with a script in which this is a line ends the script.
#[test]
fn ctrl_c_ends_both_by_the_signal() {
    let place = Place::new();
    let mut terminal = Terminal::start(&place, "echo ready; exec sleep 1000");
    terminal.press(CTRL_C);
    let status = terminal.end();
    assert_eq!(status.signal(), Some(Signal::INT.as_raw()), "{status}");
    place.log().assert_ends_with(130);
}

/// That the terminal is gone is told to the first process of the session alone, which this is here.
#[test]
fn a_closed_terminal_ends_the_command() {
    let place = Place::new();
    let mut terminal = Terminal::start(&place, "echo ready; exec sleep 1000");
    // The thread that reads has a handle, too: what it reads next, an echo, it cannot tell anybody, and ends.
    terminal.screen = channel().1;
    terminal.press(b'x');
    terminal.keyboard = File::open("/dev/null").unwrap();
    assert_eq!(terminal.end().code(), Some(129));
    place.log().assert_ends_with(129);
}
