//! What the server knows: runs, requests and violations.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use axum::http::{Method, Uri};
use serde::Serialize;
use serde_json::Value;
use thiserror::Error;

use super::{ConsoleLine, Fault, Place, Received, Storm, oidc};
use crate::json::{self, Row};

/// The whole state behind one [`Server`](super::Server).
#[derive(Debug)]
pub(super) struct State {
    pub(super) base_url: String,
    pub(super) runs: BTreeMap<RunKey, Run>,
    pub(super) violations: Vec<Violation>,
    pub(super) requests: Vec<Request>,
    pub(super) received: Vec<Received>,
    /// The features that are on.
    pub(super) features: BTreeSet<String>,
    pub(super) identity: Option<oidc::Identity>,
    /// What the next requests meet, in order.
    pub(super) faults: Vec<(Place, Fault)>,
    /// What every request meets that meets nothing else.
    pub(super) always: Option<Fault>,
    /// What every other request may meet.
    pub(super) storm: Option<Storm>,
    /// Whether nothing is held back any more.
    pub(super) released: bool,
    /// The uploads that have been granted: the place in this list is the ticket in the URL.
    pub(super) uploads: Vec<(RunKey, String)>,
    /// Seconds of the server's own time, which goes on when something is changed.
    clock: u32,
}

impl State {
    pub(super) fn new(base_url: &str) -> Self {
        Self {
            base_url: base_url.to_owned(),
            runs: BTreeMap::new(),
            violations: Vec::new(),
            requests: Vec::new(),
            received: Vec::new(),
            features: BTreeSet::new(),
            identity: None,
            faults: Vec::new(),
            always: None,
            storm: None,
            released: false,
            uploads: Vec::new(),
            clock: 0,
        }
    }

    /// A time that is later than any before, in the form in which servers tell it.
    pub(super) fn now(&mut self) -> String {
        let seconds = self.clock;
        self.clock += 1;
        let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
        format!("2026-01-{:02}T{hours:02}:{minutes:02}:{:02}Z", days + 1, seconds % 60)
    }

    pub(super) fn note_request(&mut self, method: &Method, uri: &Uri, operation: Option<&str>) {
        self.requests.push(Request {
            method: method.to_string(),
            path: uri.path().to_owned(),
            operation: operation.map(str::to_owned),
        });
    }

    pub(super) fn malformed(&mut self, path: &str, error: &impl ToString) {
        self.violations.push(Violation::Malformed { path: path.to_owned(), error: error.to_string() });
    }
}

/// What names a run on a server.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct RunKey {
    /// The user or team that owns the project.
    pub entity: String,
    /// The project.
    pub project: String,
    /// The run id.
    pub run_id: String,
}

impl RunKey {
    /// The key of a run.
    pub fn new(entity: impl Into<String>, project: impl Into<String>, run_id: impl Into<String>) -> Self {
        Self { entity: entity.into(), project: project.into(), run_id: run_id.into() }
    }
}

impl fmt::Display for RunKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.entity, self.project, self.run_id)
    }
}

/// One request that reached the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The HTTP method.
    pub method: String,
    /// The path of the URL.
    pub path: String,
    /// The operation, if this was GraphQL.
    pub operation: Option<String>,
}

/// Something that a client must not do.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Violation {
    /// A request that needs the API key came without.
    #[error("{path}: no Authorization header")]
    NoKey {
        /// The path of the request.
        path: String,
    },
    /// A request came with another API key than the server's.
    #[error("{path}: a wrong Authorization header")]
    WrongKey {
        /// The path of the request.
        path: String,
    },
    /// The API key was given away: uploads go to a storage that must never see it.
    #[error("{path}: an Authorization header on an upload")]
    KeyGivenAway {
        /// The path of the upload.
        path: String,
    },
    /// The API key is where it does not belong, for logs and proxies to keep.
    #[error("{path}: the API key is in {place}")]
    KeyElsewhere {
        /// The path of the request.
        path: String,
        /// Where the key is.
        place: String,
    },
    /// JSON came under another name, or none.
    #[error("{path}: Content-Type is {sent:?} instead of application/json")]
    ContentType {
        /// The path of the request.
        path: String,
        /// What was sent, empty if nothing was.
        sent: String,
    },
    /// An upload did not say how long it is.
    #[error("{path}: an upload without Content-Length")]
    NoLength {
        /// The path of the upload.
        path: String,
    },
    /// A file was called uploaded, but no such file came.
    #[error("{run}: {file} is said to be uploaded, but is not there")]
    NotUploaded {
        /// The run.
        run: RunKey,
        /// The file.
        file: String,
    },
    /// An upload came without a header that the server had asked for.
    #[error("{path}: the upload header {header} is missing or wrong")]
    UploadHeader {
        /// The path of the upload.
        path: String,
        /// The header.
        header: String,
    },
    /// Nothing is served at this path.
    #[error("{method} {path}: no such path")]
    UnknownPath {
        /// The HTTP method.
        method: String,
        /// The path of the request.
        path: String,
    },
    /// A GraphQL operation that the server does not know.
    #[error("unknown GraphQL operation {name}")]
    UnknownOperation {
        /// The name of the operation.
        name: String,
    },
    /// A request that cannot be understood.
    #[error("{path}: {error}")]
    Malformed {
        /// The path of the request.
        path: String,
        /// What is wrong with it.
        error: String,
    },
    /// Data for a run that has not been created.
    #[error("{run}: the run has not been created")]
    UnknownRun {
        /// The run.
        run: RunKey,
    },
    /// Data for a run that the client had declared complete.
    #[error("{run}: data after the run was complete")]
    AfterComplete {
        /// The run.
        run: RunKey,
    },
    /// Lines were left out of a stream.
    #[error("{run}: {stream:?} continues at line {offset}, but {expected} lines are there")]
    Gap {
        /// The run.
        run: RunKey,
        /// The stream.
        stream: Stream,
        /// How many lines the stream had.
        expected: usize,
        /// The offset that the client sent.
        offset: usize,
    },
    /// A line that must not change was sent again with another content.
    #[error("{run}: line {line} of {stream:?} was sent again and is another")]
    Rewritten {
        /// The run.
        run: RunKey,
        /// The stream.
        stream: Stream,
        /// The number of the line, from 0.
        line: usize,
    },
    /// A line that is not what the stream is made of.
    #[error("{run}: a line of {stream:?} is not valid ({error}): {line}")]
    InvalidLine {
        /// The run.
        run: RunKey,
        /// The stream.
        stream: Stream,
        /// What is wrong with it.
        error: String,
        /// The line.
        line: String,
    },
    /// A history row whose `_step` is missing or not above that of the row before.
    #[error("{run}: history row {line} does not increase `_step`")]
    Step {
        /// The run.
        run: RunKey,
        /// The number of the row, from 0.
        line: usize,
    },
}

/// A stream of lines that belongs to a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stream {
    /// The history: one row per line, only ever continued.
    History,
    /// The system metrics: one row per line, only ever continued.
    Events,
    /// The summary: a single line that is overwritten.
    Summary,
    /// The console: lines may be rewritten.
    Console,
}

impl Stream {
    const ALL: [Self; 4] = [Self::History, Self::Events, Self::Summary, Self::Console];

    /// The name of the stream in requests.
    pub fn name(self) -> &'static str {
        match self {
            Self::History => "wandb-history.jsonl",
            Self::Events => "wandb-events.jsonl",
            Self::Summary => "wandb-summary.json",
            Self::Console => "output.log",
        }
    }

    /// The stream of this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|stream| stream.name() == name)
    }
}

/// A run, as the clients have described it so far.
#[derive(Debug, Clone, Default)]
pub struct Run {
    /// The opaque id that the server gave it.
    pub storage_id: String,
    /// The name for people, if a client chose one.
    pub display_name: Option<String>,
    /// The notes.
    pub notes: Option<String>,
    /// The tags, as sent.
    pub tags: Vec<String>,
    /// The group.
    pub group: Option<String>,
    /// The job type.
    pub job_type: Option<String>,
    /// The host that the run says it is on.
    pub host: Option<String>,
    /// The program that the run says it is.
    pub program: Option<String>,
    /// The sweep that it belongs to.
    pub sweep: Option<String>,
    /// The git commit.
    pub commit: Option<String>,
    /// The git remote.
    pub repo: Option<String>,
    /// The files, by their paths in the run.
    pub files: BTreeMap<String, Vec<u8>>,
    /// The files of which the client said that they are uploaded.
    pub reported_files: BTreeSet<String>,
    /// The alerts, in the order of arrival.
    pub alerts: Vec<Alert>,
    /// The exit code, once the run is complete.
    pub exit_code: Option<i64>,
    /// Whether the client has declared the run complete.
    pub complete: bool,
    /// Whether the client has announced that it is about to be preempted.
    pub preempting: bool,
    /// Whether somebody has asked that the run stops.
    pub stop_asked: bool,
    /// When the run was created, in the server's own time.
    pub created_at: String,
    /// When the server last heard of the run, in its own time.
    pub heartbeat_at: String,
    /// How often the run was created or updated.
    pub upserts: usize,
    /// What the run has last said it branches off, if it does.
    pub branch_point: Option<Value>,
    /// How often the run was taken back to a step.
    pub rewinds: usize,
    /// How many file stream requests there were.
    pub stream_requests: usize,
    pub(super) key: RunKey,
    pub(super) config: Row,
    pub(super) lines: BTreeMap<Stream, Vec<String>>,
    /// The same of each of several writers, by the ids that they sent along.
    pub(super) writers: BTreeMap<String, Run>,
    /// Whether this is what one of several writers sent.
    pub(super) is_writer: bool,
    /// The numbers of a writer's first lines.
    pub(super) first: BTreeMap<Stream, usize>,
    /// The last file stream request: a client may repeat it.
    pub(super) last_request: Vec<u8>,
}

impl Run {
    /// A run with these values, for [`Server::insert`](super::Server::insert): of its history each row is a line of text.
    pub fn with(key: RunKey, config: Row, summary: &str, history: Vec<String>) -> Self {
        let lines = [(Stream::History, history), (Stream::Summary, vec![summary.to_owned()])];
        Self { key, config, lines: BTreeMap::from(lines), ..Self::default() }
    }

    /// What names the run.
    pub fn key(&self) -> &RunKey {
        &self.key
    }

    /// The state, as the server tells it to those who read.
    pub fn state(&self) -> &'static str {
        match (self.complete, self.exit_code) {
            (true, Some(0)) => "finished",
            (true, _) => "failed",
            (false, _) => "running",
        }
    }

    /// The name that people see: the server makes one up if no client has chosen one.
    pub(super) fn shown_name(&self) -> String {
        self.display_name.clone().unwrap_or_else(|| format!("made-up-{}", self.storage_id))
    }

    /// The lines of a stream exactly as they were sent.
    pub fn lines(&self, stream: Stream) -> &[String] {
        self.lines.get(&stream).map_or(&[], Vec::as_slice)
    }

    /// The writers that wrote the run together in mode shared, each with what it sent.
    pub fn writers(&self) -> impl Iterator<Item = &Self> {
        self.writers.values()
    }

    /// The history, row by row.
    pub fn history(&self) -> Vec<Row> {
        self.rows(Stream::History)
    }

    /// The system metrics, row by row.
    pub fn events(&self) -> Vec<Row> {
        self.rows(Stream::Events)
    }

    /// The summary.
    pub fn summary(&self) -> Row {
        self.rows(Stream::Summary).pop().unwrap_or_default()
    }

    /// The configuration without `_wandb`, each value without its wrapping.
    pub fn config(&self) -> Row {
        let mut config = self.config.clone();
        config.remove("_wandb");
        config
    }

    /// Sets a value of the configuration, or with null removes it.
    pub fn set_config(&mut self, key: &str, value: Value) {
        if value.is_null() {
            self.config.remove(key);
        } else {
            self.config.insert(key.to_owned(), value);
        }
    }

    /// The entry `_wandb` of the configuration: what the client says about itself.
    pub fn internal(&self) -> Row {
        self.config.get("_wandb").and_then(Value::as_object).cloned().unwrap_or_default()
    }

    /// The metric definitions, in the order in which they were sent.
    pub fn metrics(&self) -> Vec<MetricDefinition> {
        let internal = self.internal();
        let encoded = internal.get("m").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        encoded.iter().map(|metric| MetricDefinition::decode(metric, encoded)).collect()
    }

    /// The console, line by line.
    pub fn console(&self) -> Vec<ConsoleLine> {
        self.lines(Stream::Console).iter().filter_map(|line| ConsoleLine::parse(line).ok()).collect()
    }

    fn rows(&self, stream: Stream) -> Vec<Row> {
        // What does not parse was reported as a violation when it came.
        self.lines(stream).iter().filter_map(|line| json::parse_object(line).ok()).collect()
    }
}

/// An alert.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Alert {
    /// The title.
    pub title: String,
    /// The text.
    pub text: String,
    /// `INFO`, `WARN` or `ERROR`.
    pub severity: String,
    /// For how many milliseconds no alert of this title shall follow.
    pub wait_duration: i64,
}

/// How the charts shall treat a metric, decoded from the configuration.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct MetricDefinition {
    /// The name, or the pattern that ends in `*`.
    pub name: String,
    /// Whether the name was sent as a pattern.
    pub glob: bool,
    /// The name of the metric on the x-axis.
    pub step_metric: Option<String>,
    /// The options that are set, among `step_sync`, `hidden` and `defined`.
    pub options: BTreeSet<String>,
    /// The summary words that are set, such as `min`.
    pub summary: BTreeSet<String>,
    /// `minimize` or `maximize`.
    pub goal: Option<String>,
}

impl MetricDefinition {
    /// Decodes one element of the list `all`: an object keyed by field numbers.
    fn decode(encoded: &Value, all: &[Value]) -> Self {
        const OPTIONS: [&str; 3] = ["step_sync", "hidden", "defined"];
        const SUMMARY: [&str; 8] = ["min", "max", "mean", "best", "last", "none", "copy", "first"];
        const GOALS: [&str; 2] = ["minimize", "maximize"];

        let name = name_of(encoded);
        let step_metric = encoded.get("5").map(|index| {
            let step = index.as_u64().and_then(|index| usize::try_from(index).ok()?.checked_sub(1));
            step.and_then(|index| all.get(index)).map_or_else(|| format!("<no metric {index}>"), name_of)
        });
        Self {
            name,
            glob: encoded.get("2").is_some(),
            step_metric,
            options: words(encoded.get("6"), &OPTIONS),
            summary: words(encoded.get("7"), &SUMMARY),
            goal: encoded.get("8").map(|goal| word(goal, &GOALS)),
        }
    }
}

/// The name or pattern of an encoded metric.
fn name_of(encoded: &Value) -> String {
    let name = encoded.get("1").or_else(|| encoded.get("2")).and_then(Value::as_str);
    name.unwrap_or_default().to_owned()
}

/// The words that a list of field numbers stands for.
fn words(numbers: Option<&Value>, words: &[&str]) -> BTreeSet<String> {
    numbers.and_then(Value::as_array).into_iter().flatten().map(|number| word(number, words)).collect()
}

/// The word of a field number; a number without a word stands for itself.
fn word(number: &Value, words: &[&str]) -> String {
    let index = number.as_u64().and_then(|number| usize::try_from(number).ok()?.checked_sub(1));
    index.and_then(|index| words.get(index)).map_or_else(|| number.to_string(), |word| (*word).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_metric_finds_its_step_metric_by_index() {
        let all =
            [json!({"1": "step", "6": [3], "7": []}), json!({"2": "val/*", "5": 1, "6": [1], "7": [1, 3]})];
        let metric = MetricDefinition::decode(&all[1], &all);
        assert_eq!((metric.name.as_str(), metric.glob), ("val/*", true));
        assert_eq!(metric.step_metric.as_deref(), Some("step"));
        assert_eq!(metric.options.iter().collect::<Vec<_>>(), ["step_sync"]);
        assert_eq!(metric.summary.iter().collect::<Vec<_>>(), ["mean", "min"]);
    }

    #[test]
    fn an_index_that_leads_nowhere_is_visible() {
        for index in [json!(0), json!(9), json!(-1), json!("x")] {
            let all = [json!({"1": "loss", "5": index})];
            assert_eq!(
                MetricDefinition::decode(&all[0], &all).step_metric,
                Some(format!("<no metric {index}>"))
            );
        }
    }
}
