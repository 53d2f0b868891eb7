//! The command `ups-track`; see `ups_track::cli`.

/// Runs the command.
fn main() -> std::process::ExitCode {
    ups_track::cli::main()
}
