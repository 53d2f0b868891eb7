//! What the programs record, and how they speak to the test.

use std::io::{Read as _, Write as _};
use std::ops::Range;

use tracing::info;
use ups_track::{config, metric, summary};

/// Rows that [`work`] logs; the tests know it too.
pub(crate) const ROWS: u64 = 100;

/// Which program this is.
pub(crate) fn mode() -> String {
    std::env::args().nth(1).unwrap_or_default()
}

/// The value that row `step` has.
pub(crate) fn loss(step: u64) -> f64 {
    step as f64 * 0.5
}

/// Records a config entry, [`ROWS`] rows and a summary value, with our macros.
pub(crate) fn work() {
    let rate = 0.1;
    config!(rate);
    rows(0..ROWS);
    let score = 0.25;
    summary!(score);
}

/// Records some rows.
pub(crate) fn rows(steps: Range<u64>) {
    for step in steps {
        metric!(step = step, loss = loss(step));
    }
}

/// As [`work`], with nothing but `tracing`.
pub(crate) fn plain_work() {
    info!(config.rate = 0.1);
    for step in 0..ROWS {
        info!(metric.loss = loss(step), step, "a row");
    }
    info!(summary.score = 0.25);
}

/// Tells the test something, at once.
pub(crate) fn tell(line: &str) {
    let mut out = std::io::stdout().lock();
    // A test that has gone away is no reason to fail here.
    drop(writeln!(out, "{line}").and_then(|()| out.flush()));
}

/// Tells the test that it may go on, and does nothing until it closes our standard input.
pub(crate) fn wait() {
    tell("ready");
    let mut rest = Vec::new();
    drop(std::io::stdin().read_to_end(&mut rest));
}
