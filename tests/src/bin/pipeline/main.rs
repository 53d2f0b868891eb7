//! The processes of pipelines, for the tests in `tests/pipeline`: the first argument says which. They speak to the test
//! through standard input and output.

mod family;
#[cfg(unix)]
mod forked;
mod members;

use std::io::{Read as _, Write as _};
use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let result = match arguments.as_slice() {
        ["parent"] => members::parent(),
        ["rows", name, count] => members::rows(name, count, false),
        ["hold", name, count] => members::rows(name, count, true),
        ["other", id] => members::other(id),
        ["steady", name] => members::steady(ups_track::Run::from_env(), name, 1),
        ["signalled", name] => members::steady(ups_track::init(), name, 20),
        ["everything"] => members::everything(),
        ["environment"] => {
            members::environment();
            Ok(ExitCode::SUCCESS)
        }
        ["panic"] => members::panic(),
        ["nest", depth] => family::nest(depth),
        ["track", kind, program, more @ ..] => family::track(kind, program, more),
        ["behind", rows] => family::behind(rows),
        ["adjusted"] => family::adjusted(),
        ["tokio", program, more @ ..] => family::tokio(program, more),
        #[cfg(unix)]
        ["fork", "crowd"] => forked::crowd(),
        #[cfg(unix)]
        ["fork", end] => forked::fork(end),
        ["main"] => {
            members::main_attribute();
            Ok(ExitCode::SUCCESS)
        }
        other => {
            eprintln!("there is no program {other:?}");
            return ExitCode::from(99);
        }
    };
    match result {
        Ok(code) => code,
        Err(e) => {
            tell(&format!("error: {e}"));
            ExitCode::FAILURE
        }
    }
}

type Result<T = ExitCode> = std::result::Result<T, Box<dyn std::error::Error>>;

/// Tells the test something, at once.
fn tell(line: &str) {
    let mut out = std::io::stdout().lock();
    // A test that has gone away is no reason to fail here.
    drop(writeln!(out, "{line}").and_then(|()| out.flush()));
}

/// Does nothing until the test closes our standard input.
fn wait() {
    let mut rest = Vec::new();
    drop(std::io::stdin().read_to_end(&mut rest));
}
