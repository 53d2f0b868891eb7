//! The command `ups-track`: looks into the logs that a run, ours or one of W&B's own client, leaves on disk, and (with
//! feature `online`) uploads them; and runs commands as part of a run.
//!
//! Everything here, but `run`, reads a log as a stream, so that its size does not matter, and treats what it holds as untrusted:
//! values are cleaned before they reach a terminal, and no bytes may make the command panic.

mod args;
mod console;
mod export;
mod find;
#[cfg(feature = "online")]
mod login;
mod merge;
mod row;
mod run;
mod screen;
mod series;
mod show;
#[cfg(feature = "online")]
mod status;
mod story;
#[cfg(feature = "online")]
mod sync;
mod text;
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
    let args: Vec<_> = args.into_iter().collect();
    let result = match Args::try_parse_from(&args) {
        Ok(args) => match args.command {
            Command::Show(args) => show::show(&args, screen, err),
            Command::Verify(args) => verify::verify(&args, screen, err),
            Command::Export(args) => export::export(&args, screen, err),
            Command::Merge(args) => merge::merge(&args, screen, err),
            #[cfg(feature = "online")]
            Command::Sync(args) => sync::sync(&args, screen, err),
            #[cfg(feature = "online")]
            Command::Login => login::login(screen, err),
            #[cfg(feature = "online")]
            Command::Status => status::status(screen, err),
            Command::Run(args) => Ok(run::run(&args, err)),
        },
        Err(e) if e.use_stderr() => {
            complain(err, format_args!("{e}"));
            // The codes below it are the command's.
            return if args.get(1).is_some_and(|name| name == "run") { run::OWN_FAILURE } else { FAILED };
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

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::path::Path;

    use proptest::prelude::*;

    use super::screen::Screen;
    use crate::{FilePolicy, Mode, Run, Stream};

    /// Runs the command on a screen of 80 columns; gives exit code, output and complaints.
    fn command(arguments: &[&str]) -> (u8, String, String) {
        let (mut out, mut err) = (Vec::new(), Vec::new());
        let arguments = std::iter::once("ups-track").chain(arguments.iter().copied()).map(Into::into);
        let code = super::run(arguments, &mut Screen::plain(&mut out, 80), &mut err);
        (code, String::from_utf8(out).unwrap(), String::from_utf8(err).unwrap())
    }

    /// A log with a bit of everything.
    fn log(dir: &Path) -> Vec<u8> {
        let builder =
            Run::builder().mode(Mode::Offline).dir(dir).quiet(true).global(false).name("\u{1b}[31mred");
        let run = builder.config(&[("lr", 0.1)]).start().unwrap();
        for step in 0..40_u32 {
            let wide = f64::from(step) * 1.234_567e-7;
            run.log(step, &[("loss", 1.0 / f64::from(step)), ("acc", f64::NAN), ("validation/nrmse", wide)]);
        }
        run.summarize(&[("note", "a\u{9b}b")]);
        run.write_console(Stream::Stdout, "\u{1b}]0;title\u{7}hello\r\n");
        let file = dir.join("x.txt");
        std::fs::write(&file, "x").unwrap();
        run.save_file(&file, FilePolicy::Now).unwrap();
        let finished = run.finish().unwrap();
        std::fs::read(finished.dir().unwrap().join(format!("run-{}.wandb", finished.id()))).unwrap()
    }

    fn every_command_survives(bytes: &[u8]) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("run-x.wandb");
        std::fs::write(&path, bytes).unwrap();
        let path = path.to_str().unwrap();
        let mut all = String::new();
        for arguments in [
            &["show", "--all", path][..],
            &["verify", path],
            &["merge", path],
            &["export", path],
            &["export", path, "--format", "csv"],
            &["export", path, "--what", "summary"],
            &["export", path, "--what", "config", "--format", "csv"],
            &["export", path, "--what", "console"],
        ] {
            let (code, out, err) = command(arguments);
            assert!(code <= 2);
            if arguments.first() != Some(&"export") {
                all.push_str(&out);
            }
            all.push_str(&err);
        }
        assert!(!all.contains(['\u{1b}', '\u{9b}', '\r', '\u{7}']), "{all:?}");
    }

    #[test]
    fn what_is_shown_is_harmless() {
        let dir = tempfile::tempdir().unwrap();
        every_command_survives(&log(dir.path()));
    }

    #[test]
    fn lines_fit_the_screen() {
        let dir = tempfile::tempdir().unwrap();
        log(dir.path());
        let (code, out, err) = command(&["show", dir.path().join("wandb").to_str().unwrap()]);
        assert_eq!((code, err.as_str()), (0, ""));
        let path = dir.path().display().to_string();
        for line in out.lines().filter(|line| !line.contains(&path)) {
            assert!(super::text::width(line) <= 80, "{line}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(48))]

        #[test]
        fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..2000), header in any::<bool>()) {
            let mut log = if header { b":W&B\xe1\xbe\0".to_vec() } else { Vec::new() };
            log.extend(bytes);
            every_command_survives(&log);
        }

        #[test]
        fn flipped_bits_never_panic(flips in prop::collection::vec((any::<prop::sample::Index>(), 0_u8..8), 1..4)) {
            let dir = tempfile::tempdir().unwrap();
            let mut log = log(dir.path());
            for (at, bit) in flips {
                let at = at.index(log.len());
                if let Some(byte) = log.get_mut(at) {
                    *byte ^= 1 << bit;
                }
            }
            every_command_survives(&log);
        }
    }
}
