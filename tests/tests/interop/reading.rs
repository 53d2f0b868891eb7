//! Logs as our own reader sees them.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use ups_track::log::record::{History, Kind};
use ups_track::log::{Entry, ReadError, Reader};
use ups_track_tests::json::{self, Row};
use ups_track_tests::server::Run;

/// A log, read to its end or to the first fault.
#[derive(Debug)]
pub(crate) struct Log {
    /// The records.
    pub entries: Vec<Entry>,
    /// The fault at which reading ended.
    pub fault: Option<ReadError>,
}

impl Log {
    /// Reads a log.
    pub(crate) fn read(path: &Path) -> Self {
        let mut log = Self { entries: Vec::new(), fault: None };
        for entry in Reader::open(path).unwrap() {
            match entry {
                Ok(entry) => log.entries.push(entry),
                Err(fault) => log.fault = Some(fault),
            }
        }
        log
    }

    /// The kinds of the records.
    pub(crate) fn kinds(&self) -> impl DoubleEndedIterator<Item = &Kind> {
        self.entries.iter().filter_map(|entry| entry.record.kind.as_ref())
    }

    /// The history, row by row.
    pub(crate) fn rows(&self) -> impl Iterator<Item = Row> {
        self.kinds().filter_map(|kind| match kind {
            Kind::History(history) => Some(row(history)),
            _ => None,
        })
    }
}

fn row(history: &History) -> Row {
    let mut row = Map::new();
    for item in &history.item {
        let path: Vec<_> = item.path().collect();
        row.insert(path.join("."), as_float(json::parse(&item.value_json).unwrap()));
    }
    row
}

/// Numbers as floats: on the way to the server `3.0` becomes `3`.
fn as_float(value: Value) -> Value {
    value.as_f64().map_or(value, Value::from)
}

/// Asserts that the server has exactly the rows of the log, in order, with all of their values.
#[track_caller]
pub(crate) fn assert_rows(run: &Run, log: &Log) {
    let (received, mut logged) = (run.history(), log.rows());
    for (index, received) in received.into_iter().enumerate() {
        let received: Row = received.into_iter().map(|(key, value)| (key, as_float(value))).collect();
        assert_eq!(Some(received), logged.next(), "row {index}");
    }
    assert_eq!(logged.next(), None, "is missing");
}

/// The log in a run directory.
pub(crate) fn log_of(run_dir: &Path, run_id: &str) -> PathBuf {
    run_dir.join(format!("run-{run_id}.wandb"))
}

/// Whether the client has marked the log as uploaded to its end.
pub(crate) fn is_marked(run_dir: &Path, run_id: &str) -> bool {
    fs::exists(run_dir.join(format!("run-{run_id}.wandb.synced"))).unwrap()
}
