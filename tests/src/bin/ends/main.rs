//! Programs that run and end in every way a program can, for the tests in `tests/ends`: the first argument says which.
//! They speak to the test through standard input and output.

mod attribute;
mod bare;
mod builder;
mod crowd;
mod disk;
mod guest;
mod misuse;
mod runs;
#[cfg(unix)]
mod signals;
mod work;

use std::process::{ExitCode, Termination as _};

fn main() -> ExitCode {
    let mode = work::mode();
    let (family, program) = mode.split_once('-').unwrap_or((&mode, ""));
    match (family, program) {
        ("attribute", _) => attribute::main().report(),
        ("own", _) => attribute::own::main(),
        ("guest", program) => guest::main(program),
        ("unit", _) => {
            attribute::unit::main();
            ExitCode::SUCCESS
        }
        ("code", _) => attribute::code::main(),
        ("tokio", _) => attribute::tokio::main().report(),
        ("builder", program) => builder::main(program),
        ("bare", program) => bare::main(program),
        ("crowd", _) => crowd::main().report(),
        ("rush", _) => crowd::rush::main().report(),
        ("order", _) => crowd::order::main().report(),
        ("disk", program) => disk::main(program),
        ("misuse", program) => misuse::main(program),
        ("runs", program) => runs::main(program).report(),
        #[cfg(unix)]
        ("signals", program) => signals::main(program),
        _ => unknown(&mode),
    }
}

/// A test asks for a program that is not here.
fn unknown(mode: &str) -> ExitCode {
    eprintln!("there is no program `{mode}`");
    ExitCode::from(99)
}
