//! A terminal in which a program runs.

#![expect(clippy::unwrap_used, clippy::panic, clippy::missing_panics_doc, reason = "tests end by panicking")]

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

/// Far more than any program needs.
const PATIENCE: Duration = Duration::from_mins(1);

/// A terminal with a program, which is killed when this is dropped.
#[derive(Debug)]
pub struct Terminal {
    keyboard: File,
    screen: Receiver<String>,
    /// What the program has shown so far, as far as somebody waited for it.
    pub seen: String,
    /// The program.
    pub process: Child,
}

impl Terminal {
    /// Starts a program whose standard streams are a new terminal.
    pub fn start(command: &mut Command) -> Self {
        let keyboard = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&keyboard).unwrap();
        unlockpt(&keyboard).unwrap();
        let path = ptsname(&keyboard, Vec::new()).unwrap();
        let keyboard = File::from(keyboard);
        let terminal = File::options().read(true).write(true).open(path.to_str().unwrap()).unwrap();
        let pipe = || Stdio::from(terminal.try_clone().unwrap());
        let process = command.stdin(pipe()).stdout(pipe()).stderr(pipe()).spawn().unwrap();
        let (pieces, screen) = channel();
        let mut output = keyboard.try_clone().unwrap();
        std::thread::spawn(move || {
            let mut piece = [0; 4096];
            // Without anybody at the other end it is an error.
            while let Ok(length @ 1..) = output.read(&mut piece) {
                if pieces.send(String::from_utf8_lossy(&piece[..length]).into_owned()).is_err() {
                    break;
                }
            }
        });
        Self { keyboard, screen, seen: String::new(), process }
    }

    /// Waits until the program has shown a text.
    #[track_caller]
    pub fn wait_for(&mut self, text: &str) {
        while !self.seen.contains(text) {
            self.seen += &self.screen.recv_timeout(PATIENCE).unwrap_or_else(|e| panic!("{e}: {}", self.seen));
        }
    }

    /// Types something.
    pub fn write(&mut self, keys: &[u8]) {
        self.keyboard.write_all(keys).unwrap();
    }

    /// Takes in what a program that has ended has shown.
    pub fn read_rest(&mut self) {
        while let Ok(piece) = self.screen.recv_timeout(Duration::from_millis(500)) {
            self.seen += &piece;
        }
    }

    /// Closes the terminal under the program.
    pub fn close(&mut self) {
        // The thread that reads has a handle, too: what it reads next, an echo, it cannot tell anybody, and ends.
        self.screen = channel().1;
        self.write(b"x");
        self.keyboard = File::open("/dev/null").unwrap();
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.process.kill());
        drop(self.process.wait());
    }
}
