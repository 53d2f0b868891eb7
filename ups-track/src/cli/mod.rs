//! The command `ups-track`: looks into the logs that a run, ours or one of W&B's own client, leaves on disk.
//!
//! Everything here reads a log as a stream, so that its size does not matter, and treats what it holds as untrusted:
//! values are cleaned before they reach a terminal, and no bytes may make the command panic.

mod args;
mod console;
mod export;
mod find;
#[cfg(test)]
mod fuzz;
mod json;
mod row;
mod screen;
mod series;
mod show;
mod story;
mod text;
mod tree;
mod verify;

use std::ffi::OsString;
use std::io::{self, BufWriter, Write};
use std::process::ExitCode;

use clap::Parser;

use args::{Args, Command};
use screen::Screen;

/// Everything was fine.
const FINE: u8 = 0;
/// What could be read is there, but it is not a whole, finished run.
const UNFINISHED: u8 = 1;
/// Damaged, unreadable, or not understood.
const FAILED: u8 = 2;

/// Runs the command with the arguments and streams of the process.
pub fn main() -> ExitCode {
    let mut screen = Screen::stdout(BufWriter::new(io::stdout().lock()));
    ExitCode::from(run(std::env::args_os(), &mut screen, &mut io::stderr()))
}

/// Runs the command; gives the exit code.
fn run(args: impl IntoIterator<Item = OsString>, screen: &mut Screen<impl Write>, err: &mut dyn Write) -> u8 {
    let result = match Args::try_parse_from(args) {
        Ok(args) => match args.command {
            Command::Show(args) => show::show(&args, screen, err),
            Command::Verify(args) => verify::verify(&args, screen, err),
            Command::Export(args) => export::export(&args, screen, err),
        },
        Err(e) if e.use_stderr() => {
            complain(err, format_args!("{e}"));
            return FAILED;
        }
        Err(help) => write!(screen, "{help}").map(|()| FINE).map_err(Failure::from),
    };
    let result = result.and_then(|code| Ok(screen.flush().map(|()| code)?));
    match result {
        Ok(code) => code,
        // Whoever read our output has seen enough.
        Err(Failure::Output(e)) if e.kind() == io::ErrorKind::BrokenPipe => FINE,
        Err(e) => {
            complain(err, format_args!("error: {}\n", text::clean(&e.to_string())));
            FAILED
        }
    }
}

/// Says something on standard error. If that is closed, there is nobody to tell.
fn complain(err: &mut dyn Write, text: std::fmt::Arguments<'_>) {
    drop(err.write_fmt(text));
}

/// Why the command could not do what was asked.
#[derive(Debug, thiserror::Error)]
enum Failure {
    /// Nothing to read, or not what was asked for; the text names path and remedy.
    #[error("{0}")]
    Said(String),
    /// The output could not be written.
    #[error("cannot write the output: {0}")]
    Output(#[from] io::Error),
}
