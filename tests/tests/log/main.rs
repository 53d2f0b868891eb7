//! Logs that are cut, damaged or not logs at all.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests end by panicking")]

mod cuts;
mod fuzz;

use std::path::Path;

use ups_track::log::{Entry, ReadError, Reader};
use ups_track::{Mode, Run, metric};

/// Reads bytes as a log: what could be read, and what stopped the reader.
fn read(bytes: &[u8]) -> (Vec<Entry>, Option<ReadError>) {
    let mut entries = Vec::new();
    for entry in Reader::new(bytes, Path::new("test.wandb")) {
        match entry {
            Ok(entry) => entries.push(entry),
            Err(e) => return (entries, Some(e)),
        }
    }
    (entries, None)
}

/// A log of several blocks, with records that span them.
fn sample() -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let builder = Run::builder().mode(Mode::Offline).dir(dir.path()).id("sample").quiet(true).global(false);
    let run = builder.config(&[("big", "x".repeat(100_000))]).start().unwrap();
    run.scope(|_| {
        for step in 0..400_u32 {
            metric!(step = step, loss = 1.0 / f64::from(step + 1), lr = f64::from(step).sqrt());
        }
    });
    run.summarize(&[("text", "y".repeat(40_000))]);
    let finished = run.finish().unwrap();
    std::fs::read(finished.dir().unwrap().join("run-sample.wandb")).unwrap()
}
