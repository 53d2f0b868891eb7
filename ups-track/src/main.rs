//! The command `ups-track`: see `ups-track --help`.

use std::process::ExitCode;

fn main() -> ExitCode {
    ups_track::cli::main()
}
