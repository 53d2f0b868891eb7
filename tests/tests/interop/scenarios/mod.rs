//! The real client, online, and ours: the same program in both languages leaves the same run on a server.
//!
//! `interop/programs.py` and `interop/programs/` have each program twice. Ours goes both ways: recorded offline and
//! uploaded by `ups-track sync`, and online while it runs. What any two clients write differently (times, telemetry, files that
//! describe the machine) is left out in one place, `NormalizedRun`. Where ups-track means to differ, a test below says so with
//! the reason, and fails if it does not.

mod ends;
mod means;
mod programs;
mod same;

/// The ways of ours to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    /// Offline, and `ups-track sync` afterwards.
    Synced,
    /// While it is recorded.
    Live,
}

const WAYS: &[Way] = &[Way::Synced, Way::Live];
