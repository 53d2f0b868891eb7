//! The rules that make charts right, each through the whole way from the macro to the records, and what every form of
//! the macros records.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests end by panicking")]

mod arrows;
mod asynchronous;
mod calls;
mod charts;
mod evaluation;
mod events;
mod features;
mod forms;
mod futures;
mod metrics;
mod order;
mod own;
mod rows;
mod stages;
mod strict;
mod tables;
mod threads;
