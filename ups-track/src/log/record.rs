//! The messages of the log, as far as a run needs them. Field numbers are those of W&B's `wandb_internal.proto`
//! (see the module docs of [`log`](super)); fields that are left out here are skipped when a log is read.

#![expect(missing_docs, clippy::struct_excessive_bools, reason = "names and meanings are W&B's own")]

use std::borrow::Cow;
use std::collections::BTreeMap;

/// One record of the log.
#[derive(Clone, PartialEq, prost::Message)]
pub struct Record {
    #[prost(int64, tag = "1")]
    pub num: i64,
    #[prost(
        oneof = "Kind",
        tags = "2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 17, 18, 20, 21, 22, 23, 25, 26, 27"
    )]
    pub kind: Option<Kind>,
    /// Of a record that came out of a child's log: which one, `<shard>/<number>`. W&B does not use this field.
    #[prost(string, tag = "19")]
    pub uuid: String,
}

/// What a record holds.
#[derive(Clone, PartialEq, prost::Oneof)]
#[non_exhaustive]
pub enum Kind {
    #[prost(message, tag = "2")]
    History(History),
    #[prost(message, tag = "3")]
    Summary(Summary),
    #[prost(message, tag = "4")]
    Output(Unread),
    #[prost(message, tag = "5")]
    Config(Config),
    #[prost(message, tag = "6")]
    Files(Files),
    #[prost(message, tag = "7")]
    Stats(Stats),
    #[prost(message, tag = "8")]
    Artifact(Unread),
    #[prost(message, tag = "9")]
    TensorBoard(Unread),
    #[prost(message, tag = "10")]
    Alert(Alert),
    #[prost(message, tag = "11")]
    Telemetry(Telemetry),
    #[prost(message, tag = "12")]
    Metric(Metric),
    #[prost(message, tag = "13")]
    OutputRaw(OutputRaw),
    #[prost(message, tag = "17")]
    Run(Box<Run>),
    #[prost(message, tag = "18")]
    Exit(Exit),
    #[prost(message, tag = "20")]
    Final(Unread),
    #[prost(message, tag = "21")]
    Header(Header),
    #[prost(message, tag = "22")]
    Footer(Unread),
    #[prost(message, tag = "23")]
    Preempting(Unread),
    #[prost(message, tag = "25")]
    UseArtifact(Unread),
    #[prost(message, tag = "26")]
    Environment(Box<Environment>),
    #[prost(message, tag = "27")]
    OutputLogger(OutputLogger),
}

impl Kind {
    /// The kind's name, as W&B spells it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::History(_) => "history",
            Self::Summary(_) => "summary",
            Self::Output(_) => "output",
            Self::Config(_) => "config",
            Self::Files(_) => "files",
            Self::Stats(_) => "stats",
            Self::Artifact(_) => "artifact",
            Self::TensorBoard(_) => "tbrecord",
            Self::Alert(_) => "alert",
            Self::Telemetry(_) => "telemetry",
            Self::Metric(_) => "metric",
            Self::OutputRaw(_) => "output_raw",
            Self::Run(_) => "run",
            Self::Exit(_) => "exit",
            Self::Final(_) => "final",
            Self::Header(_) => "header",
            Self::Footer(_) => "footer",
            Self::Preempting(_) => "preempting",
            Self::UseArtifact(_) => "use_artifact",
            Self::Environment(_) => "environment",
            Self::OutputLogger(_) => "output_logger",
        }
    }
}

impl From<Kind> for Record {
    fn from(kind: Kind) -> Self {
        Self { num: 0, kind: Some(kind), uuid: String::new() }
    }
}

/// A message whose content this crate does not look at.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct Unread {}

#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Header {
    #[prost(message, optional, tag = "1")]
    pub version_info: Option<VersionInfo>,
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct VersionInfo {
    #[prost(string, tag = "1")]
    pub producer: String,
    #[prost(string, tag = "2")]
    pub min_consumer: String,
}

/// Seconds and nanoseconds since 1970.
#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct Timestamp {
    #[prost(int64, tag = "1")]
    pub seconds: i64,
    #[prost(int32, tag = "2")]
    pub nanos: i32,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Run {
    #[prost(string, tag = "1")]
    pub run_id: String,
    #[prost(string, tag = "2")]
    pub entity: String,
    #[prost(string, tag = "3")]
    pub project: String,
    #[prost(message, optional, tag = "4")]
    pub config: Option<Config>,
    #[prost(string, tag = "6")]
    pub run_group: String,
    #[prost(string, tag = "7")]
    pub job_type: String,
    #[prost(string, tag = "8")]
    pub display_name: String,
    #[prost(string, tag = "9")]
    pub notes: String,
    #[prost(string, repeated, tag = "10")]
    pub tags: Vec<String>,
    #[prost(string, tag = "12")]
    pub sweep_id: String,
    #[prost(string, tag = "13")]
    pub host: String,
    #[prost(int64, tag = "14")]
    pub starting_step: i64,
    #[prost(message, optional, tag = "17")]
    pub start_time: Option<Timestamp>,
    #[prost(message, optional, tag = "19")]
    pub telemetry: Option<Telemetry>,
    #[prost(int32, tag = "20")]
    pub runtime: i32,
    #[prost(message, optional, tag = "21")]
    pub git: Option<Git>,
    #[prost(message, optional, tag = "23")]
    pub branch_point: Option<BranchPoint>,
    #[prost(bool, tag = "24")]
    pub resume: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct BranchPoint {
    #[prost(string, tag = "1")]
    pub run: String,
    #[prost(double, tag = "2")]
    pub value: f64,
    #[prost(string, tag = "3")]
    pub metric: String,
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Git {
    #[prost(string, tag = "1")]
    pub remote_url: String,
    #[prost(string, tag = "2")]
    pub commit: String,
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Config {
    #[prost(message, repeated, tag = "1")]
    pub update: Vec<Item>,
    #[prost(message, repeated, tag = "2")]
    pub remove: Vec<Item>,
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Summary {
    #[prost(message, repeated, tag = "1")]
    pub update: Vec<Item>,
    #[prost(message, repeated, tag = "2")]
    pub remove: Vec<Item>,
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct History {
    #[prost(message, repeated, tag = "1")]
    pub item: Vec<Item>,
    #[prost(message, optional, tag = "2")]
    pub step: Option<Step>,
}

#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct Step {
    #[prost(int64, tag = "1")]
    pub num: i64,
}

/// A key and a value, in config, summary, history and stats alike: either `key` or, if not empty, the path
/// `nested_key`; the value is JSON with the bare words `NaN`, `Infinity` and `-Infinity`.
#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Item {
    #[prost(string, tag = "1")]
    pub key: String,
    #[prost(string, repeated, tag = "2")]
    pub nested_key: Vec<String>,
    #[prost(string, tag = "16")]
    pub value_json: String,
}

/// Levels of nested keys that are kept apart, so that nobody runs out of stack.
pub(crate) const LEVELS: usize = 32;

impl Item {
    /// The path of the key; one part unless nested.
    pub fn path(&self) -> impl Iterator<Item = &str> {
        let flat = self.nested_key.is_empty().then_some(self.key.as_str());
        self.nested_key.iter().map(String::as_str).chain(flat)
    }

    /// The path in [`LEVELS`] parts at most: the rest of a longer one is one part, joined with dots.
    pub(crate) fn levels(&self) -> Vec<Cow<'_, str>> {
        let mut parts: Vec<_> = self.path().take(LEVELS).map(Cow::Borrowed).collect();
        if self.nested_key.len() > LEVELS {
            parts.pop();
            parts.push(Cow::Owned(self.nested_key.get(LEVELS - 1..).unwrap_or_default().join(".")));
        }
        parts
    }
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Stats {
    #[prost(int32, tag = "1")]
    pub stats_type: i32,
    #[prost(message, optional, tag = "2")]
    pub timestamp: Option<Timestamp>,
    #[prost(message, repeated, tag = "3")]
    pub item: Vec<Item>,
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Metric {
    #[prost(string, tag = "1")]
    pub name: String,
    #[prost(string, tag = "2")]
    pub glob_name: String,
    #[prost(string, tag = "4")]
    pub step_metric: String,
    #[prost(message, optional, tag = "6")]
    pub options: Option<MetricOptions>,
    #[prost(message, optional, tag = "7")]
    pub summary: Option<MetricSummary>,
    /// 0 unset, 1 minimize, 2 maximize.
    #[prost(int32, tag = "8")]
    pub goal: i32,
    #[prost(message, optional, tag = "9")]
    pub control: Option<MetricControl>,
}

#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct MetricOptions {
    #[prost(bool, tag = "1")]
    pub step_sync: bool,
    #[prost(bool, tag = "2")]
    pub hidden: bool,
    #[prost(bool, tag = "3")]
    pub defined: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct MetricSummary {
    #[prost(bool, tag = "1")]
    pub min: bool,
    #[prost(bool, tag = "2")]
    pub max: bool,
    #[prost(bool, tag = "3")]
    pub mean: bool,
    #[prost(bool, tag = "4")]
    pub best: bool,
    #[prost(bool, tag = "5")]
    pub last: bool,
    #[prost(bool, tag = "6")]
    pub none: bool,
    #[prost(bool, tag = "7")]
    pub copy: bool,
    #[prost(bool, tag = "8")]
    pub first: bool,
}

impl MetricSummary {
    /// Asks for what `other` asks for as well.
    #[cfg_attr(
        not(any(feature = "cli", feature = "online")),
        expect(dead_code, reason = "only readers put definitions together")
    )]
    pub(crate) fn add(&mut self, other: Self) {
        self.min |= other.min;
        self.max |= other.max;
        self.mean |= other.mean;
        self.best |= other.best;
        self.last |= other.last;
        self.none |= other.none;
        self.copy |= other.copy;
        self.first |= other.first;
    }
}

#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct MetricControl {
    #[prost(bool, tag = "1")]
    pub overwrite: bool,
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Files {
    #[prost(message, repeated, tag = "1")]
    pub files: Vec<FileItem>,
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct FileItem {
    /// Relative to the run's `files/`.
    #[prost(string, tag = "1")]
    pub path: String,
    /// 0 now, 1 end, 2 live.
    #[prost(int32, tag = "2")]
    pub policy: i32,
    /// 0 other, 1 wandb, 2 media, 3 artifact.
    #[prost(int32, tag = "3")]
    pub file_type: i32,
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct OutputRaw {
    /// 0 stderr, 1 stdout.
    #[prost(int32, tag = "1")]
    pub output_type: i32,
    #[prost(message, optional, tag = "2")]
    pub timestamp: Option<Timestamp>,
    #[prost(string, tag = "3")]
    pub line: String,
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct OutputLogger {
    #[prost(string, tag = "1")]
    pub line: String,
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Alert {
    #[prost(string, tag = "1")]
    pub title: String,
    #[prost(string, tag = "2")]
    pub text: String,
    /// `INFO`, `WARN` or `ERROR`.
    #[prost(string, tag = "3")]
    pub level: String,
    /// Milliseconds.
    #[prost(int64, tag = "4")]
    pub wait_duration: i64,
}

#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct Exit {
    #[prost(int32, tag = "1")]
    pub exit_code: i32,
    /// Seconds.
    #[prost(int32, tag = "2")]
    pub runtime: i32,
    #[prost(bool, tag = "3")]
    pub not_complete: bool,
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Telemetry {
    #[prost(message, optional, tag = "3")]
    pub feature: Option<Feature>,
    #[prost(string, tag = "4")]
    pub python_version: String,
    #[prost(string, tag = "5")]
    pub cli_version: String,
    #[prost(string, tag = "12")]
    pub core_version: String,
    #[prost(string, tag = "13")]
    pub platform: String,
}

#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct Feature {
    #[prost(bool, tag = "4")]
    pub offline: bool,
    #[prost(bool, tag = "5")]
    pub resumed: bool,
    #[prost(bool, tag = "7")]
    pub metric: bool,
    /// Several processes write the run.
    #[prost(bool, tag = "67")]
    pub shared_mode: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
pub struct Environment {
    #[prost(string, tag = "1")]
    pub os: String,
    #[prost(string, tag = "2")]
    pub python: String,
    #[prost(message, optional, tag = "3")]
    pub started_at: Option<Timestamp>,
    #[prost(string, tag = "4")]
    pub docker: String,
    #[prost(string, repeated, tag = "5")]
    pub args: Vec<String>,
    #[prost(string, tag = "6")]
    pub program: String,
    #[prost(string, tag = "7")]
    pub code_path: String,
    #[prost(string, tag = "8")]
    pub code_path_local: String,
    #[prost(message, optional, tag = "9")]
    pub git: Option<Git>,
    #[prost(string, tag = "10")]
    pub email: String,
    #[prost(string, tag = "11")]
    pub root: String,
    #[prost(string, tag = "12")]
    pub host: String,
    #[prost(string, tag = "13")]
    pub username: String,
    #[prost(string, tag = "14")]
    pub executable: String,
    #[prost(uint32, tag = "16")]
    pub cpu_count: u32,
    #[prost(uint32, tag = "17")]
    pub cpu_count_logical: u32,
    #[prost(message, optional, tag = "21")]
    pub memory: Option<Memory>,
    #[prost(message, optional, tag = "22")]
    pub cpu: Option<Cpu>,
    #[prost(btree_map = "string, string", tag = "27")]
    pub slurm: BTreeMap<String, String>,
    #[prost(string, tag = "199")]
    pub writer_id: String,
}

#[derive(Clone, Copy, PartialEq, Eq, prost::Message)]
pub struct Memory {
    /// Bytes.
    #[prost(uint64, tag = "1")]
    pub total: u64,
}

#[derive(Clone, PartialEq, Eq, prost::Message)]
pub struct Cpu {
    #[prost(uint32, tag = "1")]
    pub count: u32,
    #[prost(uint32, tag = "2")]
    pub count_logical: u32,
    #[prost(string, tag = "3")]
    pub model: String,
}
