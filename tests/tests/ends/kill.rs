//! `kill -9` at any moment: what was logged longer ago than the flush interval is there, in order.

use std::time::Duration;

use rustix::process::Signal;

use super::program::Program;
use ups_track_tests::log::Log;

/// The flush interval, and time for a busy machine to run the writer.
const LOST_AT_MOST: u64 = 100_000 + 150_000;

#[test]
fn at_most_the_last_flush_interval_is_lost() {
    // The fractional parts of multiples of the golden ratio: spread over the range, each time the same.
    for n in 1..=15 {
        let after = 5.0 + (f64::from(n) * 0.618_034).fract() * 495.0;
        let program = Program::new("attribute-firehose").start();
        std::thread::sleep(Duration::from_secs_f64(after / 1000.0));
        program.signal(Signal::KILL);
        let ended = program.end();
        ended.assert_killed_by(Signal::KILL);
        let told: Vec<(u64, u64)> = ended.stdout.iter().filter_map(|line| told(line)).collect();
        let Some((last, killed)) = told.last() else { continue };
        let must = told.iter().filter(|(_, time)| time + LOST_AT_MOST < *killed).count();

        let log = Log::all(ended.dir.path()).pop().unwrap();
        assert!(log.fault.as_ref().is_none_or(ups_track::log::ReadError::is_torn), "{:?}", log.fault);
        assert_eq!(log.exit(), None);
        let rows = log.rows().len();
        log.assert_rows(rows as u64);
        assert!(rows >= must, "after {after} ms: {rows} rows, {must} of {last} are older than the interval");
        assert!(rows as u64 <= last + 2, "after {after} ms: {rows} rows of {last}");
    }
}

/// A row's number and the microsecond at which it was logged; the last line may be cut.
fn told(line: &str) -> Option<(u64, u64)> {
    let (step, time) = line.split_once(' ')?;
    Some((step.parse().ok()?, time.parse().ok()?))
}
