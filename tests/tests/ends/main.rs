//! Whole programs, and what their logs hold after every way to end. The programs are in `src/bin/ends`.
#![cfg(unix)]
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests end by panicking")]

mod clock;
mod crowd;
mod disk;
mod ending;
mod gone;
mod guests;
mod kill;
mod misuse;
mod places;
mod program;
mod resumed;
mod runs;
mod saved;
mod settings;
mod signals;
mod subscriber;
mod tags;

/// Rows that the usual work of a program logs.
const ROWS: u64 = 100;

/// Whether the system tells what a process ends with behind `main`.
const TELLS_CODE: bool = cfg!(all(target_os = "linux", target_env = "gnu"));
