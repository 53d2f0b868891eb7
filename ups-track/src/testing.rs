//! A test kit: see what a piece of code would log, as typed rows, without files and without the global subscriber.
//!
//! ```
//! use ups_track::{metric, testing};
//! let captured = testing::capture(|| {
//!     for step in 0..3_u64 {
//!         metric!(step = step, loss = 1.0 / (step + 1) as f64);
//!     }
//! });
//! assert_eq!(captured.metric("loss"), [1.0, 0.5, 1.0 / 3.0]);
//! ```
//!
//! The whole way is the real one, from the event to the records of the log; only the file is missing.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use prost::Message as _;
use serde_json::Value;
use tracing::Dispatch;
use tracing::dispatcher::DefaultGuard;
use tracing_subscriber::Registry;
use tracing_subscriber::layer::SubscriberExt as _;

use crate::direct::carry::StageContext;
use crate::kinds::file::FilePolicy;
use crate::kinds::key::{self, KeyFault};
use crate::layer;
use crate::ledger::Sink;
use crate::log::record::{self, Item, Kind, Record};
use crate::os::clock::Timeline;
use crate::recorder::thread::{Force, Stay};
use crate::recorder::{Drive, Home, Op, Recorder};
use crate::run::writer::Writer;
use crate::rundir::Surroundings;

/// Runs `code` and tells what it recorded on this thread.
///
/// Code on other threads is seen if it is [carried](crate::carry) there, or under [`Capture::enter`] of its own.
pub fn capture(code: impl FnOnce()) -> Captured {
    let capture = Capture::new();
    let entered = capture.enter();
    code();
    drop(entered);
    capture.finish()
}

/// A capture that is going on, for code that [`capture`] does not fit: futures, threads, panics.
#[derive(Debug)]
pub struct Capture {
    recorder: Arc<Recorder>,
    writer: Arc<Mutex<Writer>>,
    records: Arc<Mutex<Vec<Record>>>,
    dispatch: Dispatch,
}

impl Default for Capture {
    fn default() -> Self {
        Self::new()
    }
}

impl Capture {
    /// Begins a capture.
    pub fn new() -> Self {
        let recorder = Recorder::new();
        let records = Arc::new(Mutex::default());
        let memory = Memory { records: Arc::clone(&records), pending: Vec::new(), count: 0, flushed: 0 };
        let surroundings = Surroundings::new(None, record::Run::default());
        let writer = Writer::new(Arc::clone(&recorder), Box::new(memory), surroundings, Timeline::begin());
        let writer = Arc::new(Mutex::new(writer));
        recorder.set_driver(Box::new(Inline(Arc::downgrade(&writer))));
        recorder.set_home(Box::new(Nowhere(Arc::downgrade(&recorder))));
        let dispatch = Dispatch::new(Registry::default().with(layer::for_recorder(Some(&recorder))));
        Self { recorder, writer, records, dispatch }
    }

    /// Makes a mistake that only running can show a panic where it is made, as `UPS_TRACK_STRICT` does for a run.
    ///
    /// ```should_panic
    /// let capture = ups_track::testing::Capture::new().strict();
    /// let _guard = capture.enter();
    /// tracing::info!(metric.loss = "high", step = 1); // text is no metric
    /// ```
    #[must_use]
    pub fn strict(self) -> Self {
        self.recorder.set_strict(true);
        self
    }

    /// The subscriber that captures plain events and spans; what macros record is captured where the capture is entered.
    pub fn dispatch(&self) -> &Dispatch {
        &self.dispatch
    }

    /// Captures on this thread while the guard lives: macros, attributes, plain events and spans.
    pub fn enter(&self) -> Entered {
        let run = Stay::enter(|thread| thread.enter_run(Force::Of(Arc::clone(&self.recorder))));
        Entered { _subscriber: tracing::dispatcher::set_default(&self.dispatch), _run: run }
    }

    /// The capture for other threads and futures: `capture.context().in_scope(..)`, `future.in_stage(capture.context())`.
    pub fn context(&self) -> StageContext {
        let _entered = self.enter();
        StageContext::current()
    }

    /// Ends the capture and tells what was recorded.
    pub fn finish(self) -> Captured {
        let code = i32::from(std::thread::panicking());
        let (report, media) = {
            let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
            (writer.finish(code), std::mem::take(&mut writer.surroundings.media))
        };
        debug_assert!(!self.recorder.is_open(), "a finished capture takes nothing any more");
        let records = std::mem::take(&mut *self.records.lock().unwrap_or_else(PoisonError::into_inner));
        let mut captured = Captured { refused: report.refused, lost: report.lost, ..Captured::default() };
        for record in records {
            captured.take(record, &media);
        }
        captured
    }
}

/// A thread's time in a capture, see [`Capture::enter`].
#[derive(Debug)]
#[must_use = "the thread leaves the capture when this guard is dropped; bind it: `let _guard = ...`"]
pub struct Entered {
    _subscriber: DefaultGuard,
    _run: Stay,
}

/// The home of a capture: files are noted, console lines are kept.
#[derive(Debug)]
struct Nowhere(Weak<Recorder>);

impl Home for Nowhere {
    fn save(&self, path: &Path, policy: FilePolicy) -> Result<(), String> {
        if let Some(recorder) = self.0.upgrade() {
            recorder.op(Op::File { path: path.display().to_string(), policy });
        }
        Ok(())
    }
    fn wants_console(&self) -> bool {
        true
    }
}

/// Empties the recorder on the thread that needs room.
#[derive(Debug)]
struct Inline(Weak<Mutex<Writer>>);

impl Drive for Inline {
    fn drain_soon(&self) {
        if let Some(writer) = self.0.upgrade()
            && let Ok(mut writer) = writer.try_lock()
        {
            writer.step();
        }
    }
}

/// Keeps records in memory.
#[derive(Debug)]
struct Memory {
    records: Arc<Mutex<Vec<Record>>>,
    pending: Vec<Record>,
    count: i64,
    /// Records that were handed over.
    flushed: u64,
}

impl Sink for Memory {
    fn next_number(&self) -> i64 {
        self.count + 1
    }
    fn append(&mut self, mut record: Record) -> io::Result<()> {
        record.num = self.next_number();
        self.count += 1;
        self.pending.push(record);
        Ok(())
    }
    fn append_encoded(&mut self, record: &[u8]) -> io::Result<()> {
        self.count += 1;
        self.pending.push(Record::decode(record).map_err(io::Error::other)?);
        Ok(())
    }
    fn flush(&mut self) -> io::Result<()> {
        self.flushed += self.pending.len() as u64;
        self.records.lock().unwrap_or_else(PoisonError::into_inner).append(&mut self.pending);
        Ok(())
    }
    fn trim(&mut self) -> io::Result<()> {
        self.pending.clear();
        Ok(())
    }
    fn written(&self) -> u64 {
        self.flushed
    }
}

/// A row of metrics: the values by key, in the order in which they were logged. W&B's own keys (`_step`, …) are left
/// out.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Keys and values.
    pub values: Vec<(String, f64)>,
}

impl Row {
    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<f64> {
        self.values.iter().find(|(name, _)| name == key).map(|(_, value)| *value)
    }

    /// The keys.
    pub fn keys(&self) -> Vec<&str> {
        self.values.iter().map(|(name, _)| name.as_str()).collect()
    }
}

/// A metric definition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Defined {
    /// The metric, or a prefix that ends with `*`.
    pub name: String,
    /// The step metric; empty if none.
    pub step: String,
    /// The summary words in W&B's order.
    pub summary: Vec<&'static str>,
    /// `min`, `max` or nothing.
    pub goal: &'static str,
}

/// An alert.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CapturedAlert {
    /// The title.
    pub title: String,
    /// The text.
    pub text: String,
    /// `INFO`, `WARN` or `ERROR`.
    pub level: String,
}

/// A table.
#[derive(Debug, Clone, PartialEq)]
pub struct CapturedTable {
    /// The key.
    pub key: String,
    /// The names of the columns.
    pub columns: Vec<String>,
    /// The cells, row by row.
    pub rows: Vec<Vec<Value>>,
}

/// What a piece of code recorded.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Captured {
    /// The rows of metrics, in order.
    pub rows: Vec<Row>,
    /// The summary at the end, without W&B's own keys. Values that JSON lacks are the texts `NaN`, `Infinity` and
    /// `-Infinity`.
    pub summary: BTreeMap<String, Value>,
    /// The config at the end.
    pub config: BTreeMap<String, Value>,
    /// The metric definitions, in order.
    pub definitions: Vec<Defined>,
    /// The alerts, in order.
    pub alerts: Vec<CapturedAlert>,
    /// The saved files, in order: path and policy (`now`, `end`, `live`).
    pub files: Vec<(String, &'static str)>,
    /// The tables, in order.
    pub tables: Vec<CapturedTable>,
    /// The console output.
    pub console: String,
    /// Values that were refused.
    pub refused: u64,
    /// Values that were lost.
    pub lost: u64,
}

impl Captured {
    /// All values of a metric, in order.
    pub fn metric(&self, key: &str) -> Vec<f64> {
        self.rows.iter().filter_map(|row| row.get(key)).collect()
    }

    /// A summary value.
    pub fn summary(&self, key: &str) -> Option<&Value> {
        self.summary.get(key)
    }

    /// The definition of a metric or prefix, the last one if there are several.
    pub fn definition(&self, name: &str) -> Option<&Defined> {
        self.definitions.iter().rev().find(|defined| defined.name == name)
    }

    fn take(&mut self, record: Record, media: &[(String, Vec<u8>)]) {
        match record.kind {
            Some(Kind::History(history)) => {
                let own = history.item.iter().filter(|item| !is_wandbs_own(&name(item)));
                let (values, numbers): (Vec<_>, Vec<_>) =
                    own.partition(|item| item.value_json.starts_with('{'));
                self.tables.extend(values.into_iter().filter_map(|item| table(item, media)));
                if !numbers.is_empty() {
                    let values = numbers.iter().map(|item| (name(item), number(&item.value_json)));
                    self.rows.push(Row { values: values.collect() });
                }
            }
            Some(Kind::Summary(summary)) => self.summary.extend(entries(&summary.update)),
            Some(Kind::Config(config)) => self.config.extend(entries(&config.update)),
            Some(Kind::Metric(metric)) => self.definitions.push(defined(metric)),
            Some(Kind::Alert(alert)) => {
                self.alerts.push(CapturedAlert { title: alert.title, text: alert.text, level: alert.level });
            }
            Some(Kind::Files(files)) => {
                let policy = |item: &record::FileItem| match item.policy {
                    0 => "now",
                    1 => "end",
                    _ => "live",
                };
                self.files.extend(files.files.iter().map(|item| (item.path.clone(), policy(item))));
            }
            Some(Kind::OutputRaw(output)) => self.console.push_str(&output.line),
            _ => {}
        }
    }
}

/// Whether a value is one that W&B's clients add.
fn is_wandbs_own(name: &str) -> bool {
    name.split('.').next().and_then(key::fault) == Some(KeyFault::Own)
}

fn name(item: &Item) -> String {
    item.path().collect::<Vec<_>>().join(".")
}

fn number(json: &str) -> f64 {
    match json {
        "Infinity" => f64::INFINITY,
        "-Infinity" => f64::NEG_INFINITY,
        json => json.parse().unwrap_or(f64::NAN),
    }
}

/// The table that a value refers to.
fn table(item: &Item, media: &[(String, Vec<u8>)]) -> Option<CapturedTable> {
    let value: Value = serde_json::from_str(&item.value_json).ok()?;
    let path = value.get("path")?.as_str()?;
    let (_, content) = media.iter().find(|(name, _)| name == path)?;
    let content: Value = serde_json::from_slice(content).ok()?;
    let columns = serde_json::from_value(content.get("columns")?.clone()).ok()?;
    Some(CapturedTable {
        key: name(item),
        columns,
        rows: serde_json::from_value(content.get("data")?.clone()).ok()?,
    })
}

fn entries(items: &[Item]) -> impl Iterator<Item = (String, Value)> + '_ {
    items
        .iter()
        .map(|item| {
            let value = serde_json::from_str(&item.value_json)
                .unwrap_or_else(|_| Value::from(item.value_json.as_str()));
            (name(item), value)
        })
        .filter(|(name, _)| !is_wandbs_own(name))
}

fn defined(metric: record::Metric) -> Defined {
    let words = metric.summary.unwrap_or_default();
    let words = [
        (words.min, "min"),
        (words.max, "max"),
        (words.mean, "mean"),
        (words.last, "last"),
        (words.none, "none"),
        (words.first, "first"),
    ];
    Defined {
        name: if metric.glob_name.is_empty() { metric.name.replace("\\.", ".") } else { metric.glob_name },
        step: metric.step_metric,
        summary: words.into_iter().filter(|(set, _)| *set).map(|(_, word)| word).collect(),
        goal: match metric.goal {
            1 => "min",
            2 => "max",
            _ => "",
        },
    }
}
