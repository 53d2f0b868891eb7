//! A log as the tests look at it.

#![expect(clippy::unwrap_used, clippy::panic, clippy::missing_panics_doc, reason = "tests end by panicking")]

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use ups_track::log::record::{Exit, Item, Kind, Run};
use ups_track::log::{ReadError, Reader};

use crate::json;

/// What a log holds.
#[derive(Debug)]
pub struct Log {
    /// The records in order, without their numbers.
    pub records: Vec<Kind>,
    /// The same records' `uuid`s.
    pub uuids: Vec<String>,
    /// Where and why reading stopped, unless the file ends after a whole record.
    pub fault: Option<ReadError>,
    /// The file.
    pub path: PathBuf,
}

impl Log {
    /// The logs below the `wandb` directory in `dir`, by path. A run that begins may have a directory and no log yet.
    pub fn all(dir: &Path) -> Vec<Self> {
        run_dirs(dir).iter().filter_map(|run| Some(Self::read(path_in(run)?))).collect()
    }

    /// The log in a run's directory.
    pub fn of(run: &Path) -> Self {
        Self::read(path_in(run).unwrap_or_else(|| panic!("there is no log in {}", run.display())))
    }

    fn read(path: PathBuf) -> Self {
        let (mut records, mut uuids, mut fault) = (Vec::new(), Vec::new(), None);
        let mut number = 0;
        for entry in Reader::open(&path).unwrap() {
            match entry {
                Ok(entry) => {
                    number += 1;
                    assert_eq!(entry.record.num, number, "records are numbered without gaps");
                    records.push(entry.record.kind.unwrap());
                    uuids.push(entry.record.uuid);
                }
                Err(e) => fault = Some(e),
            }
        }
        Self { records, uuids, fault, path }
    }

    /// The rows in order. Each has the number that W&B goes by.
    pub fn rows(&self) -> Vec<Map<String, Value>> {
        let histories = self.records.iter().filter_map(|kind| match kind {
            Kind::History(history) => Some(&history.item),
            _ => None,
        });
        histories.map(|items| object(items)).collect()
    }

    /// The summary as it stands after the last record.
    pub fn summary(&self) -> Map<String, Value> {
        let mut summary = Map::new();
        for kind in &self.records {
            if let Kind::Summary(changes) = kind {
                summary.extend(object(&changes.update));
            }
        }
        summary
    }

    /// The config as it stands after the last record.
    pub fn config(&self) -> Map<String, Value> {
        let mut config = Map::new();
        for kind in &self.records {
            match kind {
                Kind::Config(changes) => config.extend(object(&changes.update)),
                Kind::Run(run) => config.extend(run.config.iter().flat_map(|c| object(&c.update))),
                _ => {}
            }
        }
        config
    }

    /// The console output.
    pub fn console(&self) -> String {
        let lines = self.records.iter().filter_map(|kind| match kind {
            Kind::OutputRaw(output) => Some(output.line.as_str()),
            _ => None,
        });
        lines.collect()
    }

    /// The last run record.
    pub fn run(&self) -> &Run {
        let runs = self.records.iter().rev().find_map(|kind| match kind {
            Kind::Run(run) => Some(run),
            _ => None,
        });
        runs.unwrap()
    }

    /// The exit record, if there is one: then it is the only one.
    pub fn exit(&self) -> Option<Exit> {
        let mut exits = self.records.iter().filter_map(|kind| match kind {
            Kind::Exit(exit) => Some(*exit),
            _ => None,
        });
        let exit = exits.next();
        assert_eq!(exits.next(), None, "a run ends once");
        exit
    }

    /// Checks that the log ends as a whole one does: last summary, then the exit record with `code`.
    #[track_caller]
    pub fn assert_ends_with(&self, code: i32) {
        assert!(self.fault.is_none(), "{:?}", self.fault);
        assert_eq!(self.exit().map(|exit| exit.exit_code), Some(code));
        match self.records.as_slice() {
            [.., Kind::Summary(_), Kind::Exit(_)] => {}
            records => panic!("the log ends with {:?}", records.get(records.len().saturating_sub(3)..)),
        }
    }

    /// Checks the rows of the usual work, `rows` of them, and what it says of itself.
    #[track_caller]
    pub fn assert_work(&self, rows: u64) {
        self.assert_rows(rows);
        let summary = self.summary();
        assert_eq!(self.config().get("rate"), Some(&0.1.into()));
        assert_eq!(summary.get("score"), Some(&0.25.into()));
        assert_eq!(summary.get("step"), Some(&(rows - 1).into()));
        assert_eq!(summary.get("loss").and_then(Value::as_f64), Some((rows - 1) as f64 * 0.5));
        assert_eq!(summary.get("_step"), Some(&(rows - 1).into()));
    }

    /// Checks the first `rows` rows of the usual work, and that there are no others.
    #[track_caller]
    pub fn assert_rows(&self, rows: u64) {
        let logged = self.rows();
        for (step, row) in (0_u64..).zip(&logged) {
            assert_eq!(row.get("_step"), Some(&step.into()));
            assert_eq!(row.get("step"), Some(&step.into()));
            assert_eq!(row.get("loss").and_then(Value::as_f64), Some(step as f64 * 0.5));
        }
        assert_eq!(logged.len() as u64, rows);
    }
}

/// The one log in a run's directory, if it is there.
fn path_in(run: &Path) -> Option<PathBuf> {
    let is_log = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "wandb");
    let mut logs = std::fs::read_dir(run).unwrap().map(|entry| entry.unwrap().path()).filter(is_log);
    let path = logs.next()?;
    assert_eq!(logs.next(), None, "a run has one log");
    Some(path)
}

/// The directories of runs below `dir`, by path.
pub fn run_dirs(dir: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(dir.join("wandb")) else { return Vec::new() };
    let entries = entries.map(|entry| entry.unwrap());
    let mut runs: Vec<_> = entries.filter(|e| e.file_type().unwrap().is_dir()).map(|e| e.path()).collect();
    runs.sort();
    runs
}

/// Items as an object, nested keys joined by dots.
fn object(items: &[Item]) -> Map<String, Value> {
    let pair = |item: &Item| {
        let key: Vec<_> = item.path().collect();
        (key.join("."), json::parse(&item.value_json).unwrap())
    };
    items.iter().map(pair).collect()
}
