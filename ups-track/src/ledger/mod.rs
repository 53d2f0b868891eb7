//! The ledger turns what was recorded into the records of the log: it numbers rows, keeps the summary, the best
//! values and the definitions, and decides what is written when. It runs on the writer's side only.

mod definitions;
mod key;
mod merge;
mod output;
mod people;
mod ranks;
mod rows;
pub(crate) mod scrub;
mod stages;
mod summary;
mod tables;

use std::collections::{BTreeMap, HashMap};
use std::io;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::kinds::alert::Alert;
use crate::kinds::metric::Number;
use crate::kinds::scalar::Scalar;
use crate::kinds::summary::Goal;
use crate::log::encode;
use crate::log::record::{self, Item, Kind, Timestamp};
use crate::os::clock::Timeline;
use crate::recorder::{Definition, Op, Plan, Recorder, Slot, Stage, Stamped, Stream, SummaryWords};
use crate::say;
use definitions::Definitions;
use key::Key;
pub(crate) use merge::{Memo, Merged};
pub(crate) use output::{Output, Sink};
pub(crate) use people::{LastMetric, LastPart};
pub(crate) use ranks::RankMark;
use rows::Moment;
use stages::{Best, StageBook};

/// A plan as the writer uses it.
#[derive(Debug)]
struct RowPlan {
    plan: Arc<Plan>,
    /// The key of each slot.
    keys: Vec<Option<u32>>,
    has_step: bool,
    /// Step metrics that definitions demand and the row lacks; valid for `version` of the definitions.
    inserts: Vec<u32>,
    version: u32,
}

/// See the module docs.
#[derive(Debug)]
pub(crate) struct Ledger {
    output: Output,
    time: Timeline,
    keys: Vec<Key>,
    by_name: HashMap<Box<str>, u32>,
    plans: Vec<RowPlan>,
    stages: Vec<Option<StageBook>>,
    definitions: Definitions,
    /// Counts changes of the definitions.
    version: u32,
    /// The number of the next row.
    next_step: u64,
    /// Time of the last row, nanoseconds since 1970.
    last_time: u64,
    config: Map<String, Value>,
    /// The summary of the run's earlier part.
    earlier: BTreeMap<String, Scalar>,
    refused: HashMap<&'static str, u64>,
    /// Callsites that were warned about.
    warned: u64,
    /// Whether any summary value has changed since the last summary record.
    summary_changed: bool,
    /// Whether one was set as such since then: it is written with the next flush.
    summary_set: bool,
    /// Whether the log is a shard: what follows from its rows is then left to the run it belongs to.
    is_shard: bool,
    /// Which rank of a group records, if several record into one run.
    rank: Option<RankMark>,
    moment: Moment,
    items: Vec<u8>,
    record: Vec<u8>,
    row: Vec<(u32, Number)>,
}

impl Ledger {
    pub(crate) fn new(sink: Box<dyn Sink>, time: Timeline) -> Self {
        Self {
            output: Output::new(sink),
            time,
            keys: Vec::new(),
            by_name: HashMap::new(),
            plans: Vec::new(),
            stages: Vec::new(),
            definitions: Definitions::default(),
            version: 0,
            next_step: 0,
            last_time: time.start_wall(),
            config: Map::new(),
            earlier: BTreeMap::new(),
            refused: HashMap::new(),
            warned: 0,
            summary_changed: false,
            summary_set: false,
            is_shard: false,
            rank: None,
            moment: Moment::default(),
            items: Vec::new(),
            record: Vec::new(),
            row: Vec::new(),
        }
    }

    /// The ledger of a shard.
    pub(crate) fn for_shard(mut self) -> Self {
        self.is_shard = true;
        self
    }

    pub(crate) fn output(&mut self) -> &mut Output {
        &mut self.output
    }

    /// Time of the last row, nanoseconds since 1970; the start if there is none.
    pub(crate) fn last_time(&self) -> u64 {
        self.last_time
    }

    /// The time of the run.
    pub(crate) fn time(&mut self) -> &mut Timeline {
        &mut self.time
    }

    pub(crate) fn config(&self) -> &Map<String, Value> {
        &self.config
    }

    /// Learns the plans that were made since the last call.
    pub(crate) fn learn_plans(&mut self, recorder: &Recorder) {
        for plan in recorder.plans_from(self.plans.len()) {
            let keys = plan
                .slots
                .iter()
                .map(|slot| match slot {
                    None => None,
                    Some(Slot::Metric(name)) => Some(self.key(name)),
                    Some(Slot::Step) => Some(self.key(&plan.stage.step_key())),
                })
                .collect();
            let has_step = plan.has_step();
            self.plans.push(RowPlan { plan, keys, has_step, inserts: Vec::new(), version: u32::MAX });
        }
    }

    /// Writes a definition unless its name has one.
    fn define_once(&mut self, definition: &Definition) {
        if self.definitions.of(&definition.name).is_none_or(|d| d.name != definition.name) {
            self.define(definition);
        }
    }

    fn define(&mut self, definition: &Definition) {
        self.take_definition(definition);
        self.output.append(definitions::record(definition));
    }

    fn take_definition(&mut self, definition: &Definition) {
        self.definitions.add(definition);
        if let Some(step) = &definition.step {
            self.key(step);
        }
        if definition.name.ends_with('*') {
            (0..self.keys.len()).for_each(|index| self.apply_definition(index));
        } else if let Some(index) = self.by_name.get(definition.name.as_str()) {
            self.apply_definition(*index as usize);
        }
        self.version = self.version.wrapping_add(1);
    }

    /// Tells all but rows once more, for a log that has lost some of it.
    pub(crate) fn tell_again(&mut self) {
        for definition in self.definitions.all() {
            self.output.append(definitions::record(definition));
        }
        let update = config_items(&self.config);
        if !update.is_empty() {
            self.output.append(Kind::Config(record::Config { update, remove: Vec::new() }));
        }
        self.keys.iter_mut().for_each(|key| key.changed = true);
        self.summary_changed = true;
    }

    fn apply_definition(&mut self, index: usize) {
        let Some(name) = self.keys.get(index).map(|key| key.name.clone()) else { return };
        let Some(definition) = self.definitions.of(&name) else { return };
        let words = definition.summary;
        let step = definition.step.as_deref().filter(|step| **step != *name);
        let step = step.and_then(|step| self.by_name.get(step).copied());
        if let Some(key) = self.keys.get_mut(index) {
            key.words = words;
            key.step = step;
        }
    }

    /// The number of a key; made if it is new.
    fn key(&mut self, name: &str) -> u32 {
        if let Some(index) = self.by_name.get(name) {
            return *index;
        }
        let index = u32::try_from(self.keys.len()).unwrap_or(u32::MAX);
        self.keys.push(Key::new(name));
        self.by_name.insert(name.into(), index);
        if let Some(step) = self.definitions.of(name).and_then(|d| d.step.clone()).filter(|step| step != name)
        {
            self.key(&step);
        }
        self.apply_definition(index as usize);
        index
    }

    fn name(&self, index: u32) -> &str {
        self.keys.get(index as usize).map_or("", |key| &key.name)
    }

    /// The books of a stage; opening them defines the stage's metrics against its step.
    fn stage(&mut self, stage: &Arc<Stage>) -> &mut StageBook {
        let index = stage.id as usize;
        if self.stages.len() <= index {
            self.stages.resize_with(index + 1, || None);
        }
        if self.stages.get(index).is_none_or(Option::is_none) {
            let book = self.open_stage(stage);
            if let Some(place) = self.stages.get_mut(index) {
                *place = Some(book);
            }
        }
        // The place was filled above; a fresh book keeps this total without a panic.
        match self.stages.get_mut(index) {
            Some(Some(book)) => book,
            _ => unreachable!("the books of stage {index} were just opened; this is a bug"),
        }
    }

    fn open_stage(&mut self, stage: &Arc<Stage>) -> StageBook {
        let step_name = stage.step_key();
        let step = self.key(&step_name);
        self.define_once(&Definition { name: step_name.clone(), ..Definition::default() });
        self.define_once(&Definition {
            name: format!("{}/*", stage.path),
            step: Some(step_name.clone()),
            ..Definition::default()
        });
        for (metric, words) in &stage.options().summary {
            match SummaryWords::parse(words) {
                Ok(summary) => self.define_once(&Definition {
                    name: stage.key(metric),
                    step: Some(step_name.clone()),
                    summary,
                    ..Definition::default()
                }),
                Err(unknown) => say::warning(&format!(
                    "stage `{}`: unknown summary word `{unknown}` for `{metric}`; words are min, max, mean, first, last, none",
                    stage.path
                )),
            }
        }
        let bests = stage.options().best.iter();
        let bests = bests
            .map(|(metric, goal)| {
                let before = self.best_before(&stage.key(&format!("best_{metric}")));
                Best::new(self.key(&stage.key(metric)), *goal, before)
            })
            .collect();
        StageBook { stage: Arc::clone(stage), step, bests, told: None }
    }

    /// The best value of the run's earlier part, which with the rest of its row becomes part of this summary.
    fn best_before(&mut self, name: &str) -> Option<f64> {
        let Some(Scalar::Number(best)) = self.earlier.get(name).cloned() else { return None };
        let is_of_row =
            |key: &str| key.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        let row: Vec<_> = self
            .earlier
            .iter()
            .filter(|(key, _)| is_of_row(key))
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect();
        for (key, value) in row {
            self.note(&key, value);
        }
        Some(best.as_f64())
    }

    /// What the summary of the run's earlier part held, if the run is gone on with.
    pub(crate) fn goes_on(&mut self, earlier: BTreeMap<String, Scalar>) {
        self.earlier = earlier;
    }

    /// Applies an operation.
    pub(crate) fn apply(&mut self, mut stamped: Stamped, host: &mut dyn Host) {
        let time = stamped.time;
        scrub::op(&mut stamped.op);
        self.mark(&mut stamped.op);
        match stamped.op {
            Op::Row { stage, step, values } => self.dynamic_row(&stage, step, values, time),
            Op::Summary { values, goals } => {
                for (name, value) in values {
                    self.set_summary(&name, value);
                }
                self.summary_set = true;
                for (name, goal) in goals.into_iter().filter(|(name, _)| !name.ends_with('*')) {
                    self.define_once(&Definition { name, goal: Some(goal), ..Definition::default() });
                }
            }
            Op::Found(values) => {
                for (name, value) in values {
                    self.note(&name, value);
                }
                self.summary_set = true;
            }
            Op::Config(entries) => self.update_config(entries),
            Op::Define(definition) => self.define(&definition),
            Op::Alert(alert) => self.alert(&alert),
            Op::File { path, policy } => {
                let item = record::FileItem { path, policy: policy.wire(), file_type: 0 };
                self.output.append(Kind::Files(record::Files { files: vec![item] }));
            }
            Op::Table { key, table } => self.table(&key, table, time, host),
            Op::Console { stream, text } => {
                host.console(stream, &text);
                self.output.append(Kind::OutputRaw(record::OutputRaw {
                    output_type: i32::from(stream == Stream::Stdout),
                    timestamp: Some(timestamp(self.time.wall(time))),
                    line: text,
                }));
            }
            Op::Tags(_) | Op::Notes(_) | Op::Name(_) => host.amend(stamped.op),
            Op::StageOpened(stage) => {
                self.stage(&stage);
                self.summary_changed = true;
            }
            Op::Refused(what) => self.refuse(what),
            Op::Warned => {
                self.warned += 1;
                self.summary_changed = true;
            }
        }
    }

    fn refuse(&mut self, what: &'static str) {
        *self.refused.entry(what).or_default() += 1;
        self.summary_changed = true;
    }

    /// Takes the config that the run record already has.
    pub(crate) fn begin_config(&mut self, config: Map<String, Value>) {
        self.config = config;
    }

    fn update_config(&mut self, entries: Map<String, Value>) {
        let update = config_items(&entries);
        for (key, value) in entries {
            merge(self.config.entry(key).or_insert(Value::Null), value);
        }
        if !update.is_empty() {
            self.output.append(Kind::Config(record::Config { update, remove: Vec::new() }));
        }
    }

    pub(crate) fn alert(&mut self, alert: &Alert) {
        self.output.append(Kind::Alert(record::Alert {
            title: alert.title.clone(),
            text: alert.text.clone(),
            level: alert.level.as_str().to_owned(),
            wait_duration: i64::try_from(alert.wait.as_millis()).unwrap_or(i64::MAX),
        }));
    }

    /// Writes what has changed of tags, notes and name. Once for many changes: the record has all of them each time.
    pub(crate) fn write_amended(&mut self, host: &mut dyn Host) {
        if let Some(run) = host.amended() {
            self.output.append(Kind::Run(Box::new(run)));
        }
    }

    /// Writes the exit record; `now` is a moment of the run's time.
    pub(crate) fn write_exit(&mut self, code: i32, now: u64) {
        let seconds = self.time.elapsed(now) / 1_000_000_000;
        self.output.append(Kind::Exit(record::Exit {
            exit_code: code,
            runtime: i32::try_from(seconds).unwrap_or(i32::MAX),
            not_complete: false,
        }));
    }

    /// How many values were refused, over all reasons.
    pub(crate) fn refused(&self) -> u64 {
        self.refused.values().sum()
    }
}

/// What the ledger needs from the run around it.
pub(crate) trait Host {
    /// Console text, for `output.log`.
    fn console(&mut self, stream: Stream, text: &str);
    /// Lines of the console that went past any terminal.
    fn console_lines(&mut self, text: &str);
    /// Keeps a file of the run that belongs to a value; `path` is relative and leads down.
    fn media(&mut self, path: &str, content: &[u8]) -> io::Result<()>;
    /// Changes tags, notes or name.
    fn amend(&mut self, op: Op);
    /// The run record that says what has changed since the last call, if anything has.
    fn amended(&mut self) -> Option<record::Run>;
}

pub(crate) fn timestamp(nanos: u64) -> Timestamp {
    Timestamp {
        seconds: i64::try_from(nanos / 1_000_000_000).unwrap_or(i64::MAX),
        nanos: i32::try_from(nanos % 1_000_000_000).unwrap_or(0),
    }
}

pub(crate) fn config_items(entries: &Map<String, Value>) -> Vec<Item> {
    let json = |value: &Value| {
        let mut out = Vec::new();
        encode::json_value(&mut out, value);
        out
    };
    entries.iter().map(|(key, value)| item([key.clone()], json(value))).collect()
}

fn item(path: impl Into<Vec<String>>, json: Vec<u8>) -> Item {
    // What is encoded here is UTF-8 throughout.
    Item {
        key: String::new(),
        nested_key: path.into(),
        value_json: String::from_utf8(json).unwrap_or_default(),
    }
}

/// Sets `old` to `new`, entry by entry where both are maps, as W&B merges a config.
fn merge(old: &mut Value, new: Value) {
    match (old, new) {
        (Value::Object(old), Value::Object(new)) => {
            for (key, value) in new {
                merge(old.entry(key).or_insert(Value::Null), value);
            }
        }
        (old, new) => *old = new,
    }
}

fn display(number: Number) -> String {
    let mut out = Vec::new();
    encode::number(&mut out, number);
    String::from_utf8(out).unwrap_or_default()
}

/// Reads `loss=min,acc=max`, the form in which best metrics and goals travel in a span or event field. The error is
/// the part that is not understood.
pub(crate) fn parse_goals(text: &str) -> Result<Vec<(String, Goal)>, &str> {
    text.split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(|part| match part.rsplit_once('=') {
            Some((name, "min")) => Ok((name.to_owned(), Goal::Min)),
            Some((name, "max")) => Ok((name.to_owned(), Goal::Max)),
            _ => Err(part),
        })
        .collect()
}
