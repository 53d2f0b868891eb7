//! Runs that are on the server while they are recorded, as a user sees them, against the test server.
#![cfg(unix)]
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests end by panicking")]

mod ending;
mod outage;
mod people;
mod player;
mod power;
mod refused;
mod resume;
mod sessions;
mod shared;
mod start;
mod stop;
mod whole;
