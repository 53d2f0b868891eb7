//! What a log tells, read as a stream: little is kept of each row.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};

use super::console::Tail;
use super::row;
use super::series::AllSeries;
use crate::json;
use crate::log::record::{self, Alert, Exit, FileItem, History, Kind, Metric};
use crate::log::{Entry, ReadError, Reader};
use crate::tree::Tree;

/// How much of a log is kept.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Detail {
    /// The last rows.
    pub(super) rows: usize,
    /// The last console lines.
    pub(super) console: usize,
    /// Whether to look at values at all, or only at beginning and end.
    pub(super) values: bool,
}

/// Alerts that are kept.
const ALERTS: usize = 50;

/// A run as its log tells it.
#[derive(Debug)]
pub(super) struct Story {
    pub(super) path: PathBuf,
    detail: Detail,
    pub(super) run: Option<Box<record::Run>>,
    pub(super) environment: Option<Box<record::Environment>>,
    pub(super) producer: String,
    pub(super) config: Tree,
    pub(super) summary: Tree,
    /// By name, as far as it was defined.
    pub(super) definitions: Vec<Metric>,
    pub(super) series: AllSeries,
    pub(super) last_rows: VecDeque<History>,
    pub(super) alerts: VecDeque<Alert>,
    pub(super) alerts_seen: u64,
    pub(super) files: Vec<FileItem>,
    pub(super) console: Tail,
    pub(super) exit: Option<Exit>,
    pub(super) rows: u64,
    pub(super) records: u64,
    /// Records of a kind that this version does not know.
    pub(super) unknown: u64,
    /// Seconds from the start to the last row.
    last_runtime: f64,
    /// The bytes that were read.
    pub(super) bytes: u64,
    /// Where reading stopped, if not at the end.
    pub(super) damage: Option<ReadError>,
}

/// Reads a log.
pub(super) fn read(path: &Path, detail: Detail) -> Result<Story, ReadError> {
    Ok(read_from(open(path)?, path, detail))
}

/// Opens a log.
pub(super) fn open(path: &Path) -> Result<Reader<BufReader<File>>, ReadError> {
    Reader::open(path)
}

/// Reads a log from any source.
fn read_from<R: Read>(mut log: Reader<R>, path: &Path, detail: Detail) -> Story {
    let mut story = Story::new(path, detail);
    for entry in log.by_ref() {
        match entry {
            Ok(entry) => story.take(entry),
            Err(damage) => story.damage = Some(damage),
        }
    }
    story.bytes = log.position();
    story.console.finish();
    story
}

impl Story {
    fn new(path: &Path, detail: Detail) -> Self {
        Self {
            path: path.to_owned(),
            detail,
            run: None,
            environment: None,
            producer: String::new(),
            config: Tree::default(),
            summary: Tree::default(),
            definitions: Vec::new(),
            series: AllSeries::default(),
            last_rows: VecDeque::new(),
            alerts: VecDeque::new(),
            alerts_seen: 0,
            files: Vec::new(),
            console: Tail::new(detail.console),
            exit: None,
            rows: 0,
            records: 0,
            unknown: 0,
            last_runtime: 0.0,
            bytes: 0,
            damage: None,
        }
    }

    fn take(&mut self, entry: Entry) {
        self.records += 1;
        let Some(kind) = entry.record.kind else {
            self.unknown += 1;
            return;
        };
        match kind {
            Kind::Run(run) => self.run(*run),
            Kind::Exit(exit) => self.exit = Some(exit),
            Kind::History(row) => self.row(row),
            _ if !self.detail.values => {}
            Kind::Header(header) => {
                self.producer = header.version_info.map(|v| v.producer).unwrap_or_default();
            }
            Kind::Environment(environment) => self.environment = Some(environment),
            Kind::Config(config) => self.config(&config),
            Kind::Summary(summary) => {
                summary.remove.iter().for_each(|item| self.summary.remove(item));
                summary.update.iter().for_each(|item| self.summary.put(item));
            }
            Kind::Metric(metric) => self.define(metric),
            Kind::OutputRaw(output) => self.console.feed(output.output_type == 0, &output.line),
            Kind::OutputLogger(output) => self.console.add(&output.line),
            Kind::Files(files) => files.files.into_iter().for_each(|file| self.file(file)),
            Kind::Alert(alert) => {
                self.alerts_seen += 1;
                self.alerts.push_back(alert);
                if self.alerts.len() > ALERTS {
                    self.alerts.pop_front();
                }
            }
            _ => {}
        }
    }

    /// The first run record begins the run; what later ones say replaces, what they leave empty stays.
    fn run(&mut self, new: record::Run) {
        if let Some(config) = &new.config {
            self.config(config);
        }
        let Some(old) = &mut self.run else {
            self.run = Some(Box::new(record::Run { config: None, ..new }));
            return;
        };
        for (old, new) in [
            (&mut old.entity, new.entity),
            (&mut old.project, new.project),
            (&mut old.run_group, new.run_group),
            (&mut old.job_type, new.job_type),
            (&mut old.display_name, new.display_name),
            (&mut old.notes, new.notes),
        ] {
            if !new.is_empty() {
                *old = new;
            }
        }
        if !new.tags.is_empty() {
            old.tags = new.tags;
        }
    }

    fn config(&mut self, config: &record::Config) {
        if self.detail.values {
            config.remove.iter().for_each(|item| self.config.remove(item));
            config.update.iter().for_each(|item| self.config.merge(item));
        }
    }

    fn row(&mut self, row: History) {
        self.rows += 1;
        let runtime = row.item.iter().rev().find(|item| row::key(item) == "_runtime");
        if let Some(seconds) =
            runtime.and_then(|item| json::number(&item.value_json)).filter(|s| s.is_finite())
        {
            self.last_runtime = self.last_runtime.max(seconds);
        }
        if !self.detail.values {
            return;
        }
        self.series.row(&row);
        if self.detail.rows > 0 {
            if self.last_rows.len() == self.detail.rows {
                self.last_rows.pop_front();
            }
            self.last_rows.push_back(row);
        }
    }

    fn define(&mut self, new: Metric) {
        let known =
            self.definitions.iter_mut().find(|old| old.name == new.name && old.glob_name == new.glob_name);
        match known {
            Some(old) if !new.control.is_some_and(|control| control.overwrite) => widen(old, new),
            Some(old) => *old = new,
            None => self.definitions.push(new),
        }
    }

    fn file(&mut self, new: FileItem) {
        match self.files.iter_mut().find(|old| old.path == new.path) {
            Some(old) => *old = new,
            None => self.files.push(new),
        }
    }

    /// Whether a metric is one that others are charted against.
    pub(super) fn is_step(&self, key: &str) -> bool {
        self.definitions.iter().any(|definition| definition.step_metric == key)
    }

    /// Seconds that the run took, as far as the log tells.
    pub(super) fn seconds(&self) -> Option<f64> {
        let exit = self.exit.map_or(0.0, |exit| f64::from(exit.runtime));
        let seconds = self.last_runtime.max(exit);
        (seconds > 0.0).then_some(seconds)
    }
}

/// A second definition of a name adds to the first.
fn widen(old: &mut Metric, new: Metric) {
    if !new.step_metric.is_empty() {
        old.step_metric = new.step_metric;
    }
    if new.goal != 0 {
        old.goal = new.goal;
    }
    old.options = new.options.or(old.options);
    if let Some(add) = new.summary {
        old.summary.get_or_insert_default().add(add);
    }
}
