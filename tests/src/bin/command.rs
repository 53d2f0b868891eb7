//! The command `ups-track`, for the tests of this package.

use std::process::ExitCode;

fn main() -> ExitCode {
    ups_track::cli::main()
}
