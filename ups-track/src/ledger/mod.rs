//! The ledger turns what was recorded into the records of the log: it numbers rows, keeps the summary, the best
//! values and the definitions, and decides what is written when. It runs on the writer's side only.

mod definitions;
mod key;
mod output;
mod stages;

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Map, Value};

use crate::kinds::alert::{Alert, AlertLevel};
use crate::kinds::metric::Number;
use crate::kinds::scalar::Scalar;
use crate::kinds::summary::Goal;
use crate::log::encode;
use crate::log::record::{self, Item, Kind, Timestamp};
use crate::recorder::{
    Definition, Op, Plan, Recorder, RowView, Slot, Stage, StageStatus, Stamped, Stream, SummaryWords,
};
use crate::{say, secrets};
use definitions::Definitions;
use key::Key;
pub(crate) use output::{Output, Sink};
use stages::{Best, StageBook};

/// A plan as the writer uses it.
#[derive(Debug)]
struct RowPlan {
    plan: Arc<Plan>,
    /// The key of each slot.
    keys: Vec<Option<u32>>,
    /// Step metrics that definitions demand and the row lacks; valid for `version` of the definitions.
    inserts: Vec<u32>,
    version: u32,
}

/// A metric at the end of the run, for people.
#[derive(Debug, Clone)]
pub(crate) struct LastMetric {
    pub(crate) name: String,
    pub(crate) last: Number,
    pub(crate) thumbnail: Vec<f64>,
}

/// A stage at the end of the run, for people.
#[derive(Debug, Clone)]
pub(crate) struct LastStage {
    pub(crate) path: String,
    pub(crate) seconds: f64,
    pub(crate) status: &'static str,
}

/// See the module docs.
#[derive(Debug)]
pub(crate) struct Ledger {
    output: Output,
    /// Nanoseconds since 1970.
    start: u64,
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
    refused: HashMap<&'static str, u64>,
    /// Whether any summary value has changed since the last summary record.
    summary_changed: bool,
    items: Vec<u8>,
    record: Vec<u8>,
    row: Vec<(u32, Number)>,
}

impl Ledger {
    /// `start` is in nanoseconds since 1970.
    pub(crate) fn new(sink: Box<dyn Sink>, start: u64) -> Self {
        Self {
            output: Output::new(sink),
            start,
            keys: Vec::new(),
            by_name: HashMap::new(),
            plans: Vec::new(),
            stages: Vec::new(),
            definitions: Definitions::default(),
            version: 0,
            next_step: 0,
            last_time: start,
            config: Map::new(),
            refused: HashMap::new(),
            summary_changed: false,
            items: Vec::new(),
            record: Vec::new(),
            row: Vec::new(),
        }
    }

    pub(crate) fn output(&mut self) -> &mut Output {
        &mut self.output
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
            self.plans.push(RowPlan { plan, keys, inserts: Vec::new(), version: u32::MAX });
        }
    }

    /// Writes a row out of a lane.
    pub(crate) fn row(&mut self, view: RowView<'_>) {
        let mut row = std::mem::take(&mut self.row);
        row.clear();
        let index = view.plan as usize;
        let Some(plan) = self.plans.get(index) else {
            // Plans are learnt before rows are read, and are made before rows are pushed.
            self.row = row;
            return self.refuse("row without plan");
        };
        let stage = Arc::clone(&plan.plan.stage);
        let has_step = plan.plan.has_step();
        let mut stale = plan.version != self.version;
        for (slot, number) in view.iter() {
            if let Some(Some(key)) = plan.keys.get(slot) {
                row.push((*key, number));
                // An optional value may come for the first time in any row.
                stale |= self.keys.get(*key as usize).is_some_and(|key| !key.defined);
            }
        }
        // A row that lacks optional values may need other step metrics than the one before.
        stale |= row.len() != plan.keys.len() && self.definitions.have_steps();
        if stale {
            self.refresh(index, &stage, &row);
        }
        let inserts = self.plans.get_mut(index).map(|p| std::mem::take(&mut p.inserts)).unwrap_or_default();
        self.finish_row(&mut row, &stage, has_step, &inserts, view.time);
        if let Some(plan) = self.plans.get_mut(index) {
            plan.inserts = inserts;
        }
        self.row = row;
    }

    /// Brings a plan up to date with the definitions.
    fn refresh(&mut self, index: usize, stage: &Arc<Stage>, row: &[(u32, Number)]) {
        self.define_row(stage, row);
        let inserts = self.missing_steps(row);
        if let Some(plan) = self.plans.get_mut(index) {
            plan.inserts = inserts;
            plan.version = self.version;
        }
    }

    fn dynamic_row(
        &mut self,
        stage: &Arc<Stage>,
        step: Option<Number>,
        values: Vec<(String, Number)>,
        time: u64,
    ) {
        let mut row: Vec<_> = values.into_iter().map(|(name, number)| (self.key(&name), number)).collect();
        if let Some(step) = step {
            row.push((self.key(&stage.step_key()), step));
        }
        self.define_row(stage, &row);
        let inserts = self.missing_steps(&row);
        self.finish_row(&mut row, stage, step.is_some(), &inserts, time);
    }

    /// Step metrics that definitions demand of the row's keys and that the row lacks.
    fn missing_steps(&self, row: &[(u32, Number)]) -> Vec<u32> {
        let mut missing = Vec::new();
        for (key, _) in row {
            let Some(step) = self.keys.get(*key as usize).and_then(|key| key.step) else { continue };
            if !row.iter().any(|(key, _)| *key == step) && !missing.contains(&step) {
                missing.push(step);
            }
        }
        missing
    }

    /// Completes, observes and writes a row.
    fn finish_row(
        &mut self,
        row: &mut Vec<(u32, Number)>,
        stage: &Arc<Stage>,
        has_step: bool,
        inserts: &[u32],
        time: u64,
    ) {
        if row.is_empty() {
            return;
        }
        if !has_step && !stage.is_root() {
            // Kept with the stage's last step, so that the chart has it.
            let step = self.stage(stage).step;
            let last = self.keys.get(step as usize).and_then(|key| key.last).unwrap_or(Number::U64(0));
            row.push((step, last));
        }
        for step in inserts {
            if row.iter().all(|(key, _)| key != step) {
                let last = self.keys.get(*step as usize).and_then(|key| key.last).map_or(0.0, Number::as_f64);
                row.push((*step, Number::F64(last)));
            }
        }
        self.items.clear();
        let mut not_finite = Vec::new();
        for (index, number) in row.iter() {
            let Some(key) = self.keys.get_mut(*index as usize) else { continue };
            encode::history_item(&mut self.items, &key.encoded, |out| encode::number(out, *number));
            if key.observe(*number) {
                not_finite.push((*index, *number));
            }
        }
        self.write_row(time);
        if let Some(Some(book)) = self.stages.get_mut(stage.id as usize) {
            for best in &mut book.bests {
                best.offer(row);
            }
        }
        for (key, number) in not_finite {
            self.alert_not_finite(key, number, row, stage);
        }
    }

    /// Writes the items as the next row.
    fn write_row(&mut self, time: u64) {
        // The keys of W&B's own values, as `encode::item_key` gives them.
        const RUNTIME: &[u8] = b"\x12\x08_runtime";
        const TIMESTAMP: &[u8] = b"\x12\x0a_timestamp";
        const STEP: &[u8] = b"\x12\x05_step";
        let runtime = time.saturating_sub(self.start) / 1_000_000;
        encode::history_item(&mut self.items, RUNTIME, |out| encode::seconds(out, runtime));
        encode::history_item(&mut self.items, TIMESTAMP, |out| encode::seconds(out, time / 1_000_000));
        encode::history_item(&mut self.items, STEP, |out| encode::number(out, Number::U64(self.next_step)));
        encode::history_record(&mut self.record, self.output.next_number(), &self.items);
        self.output.append_row(&self.record);
        self.next_step += 1;
        self.last_time = time;
        self.summary_changed = true;
    }

    fn alert_not_finite(&mut self, key: u32, number: Number, row: &[(u32, Number)], stage: &Arc<Stage>) {
        let name = self.name(key);
        let mut text = format!("`{name}` is {}", display(number));
        let step = stage.step_key();
        if let Some((_, at)) = row.iter().find(|(k, _)| *self.name(*k) == *step) {
            text = format!("{text} at {step} {}", display(*at));
        }
        say::warning(&format!("{text}; it is recorded, and further ones are counted"));
        self.alert(&Alert::new(format!("{name} is not finite")).text(text).level(AlertLevel::Warn));
    }

    /// Defines what a row's keys are charted against, the first time they are seen.
    fn define_row(&mut self, stage: &Arc<Stage>, row: &[(u32, Number)]) {
        if !stage.is_root() {
            self.stage(stage);
        }
        let step = stage.step_key();
        let has_step = row.iter().any(|(key, _)| *self.name(*key) == *step);
        // A prefix definition of an outer stage holds for this key too, and which one the server takes is not known;
        // and none holds for a key with a dot. Such a key gets a definition of its own.
        let nested = stage.path.contains('/') && !stage.is_root();
        for (index, _) in row {
            let Some(key) = self.keys.get_mut(*index as usize) else { continue };
            if std::mem::replace(&mut key.defined, true) || *key.name == *step {
                continue;
            }
            let name = key.name.to_string();
            let definition = self.definitions.of(&name);
            let undefined = if nested || name.contains('.') && !stage.is_root() {
                definition.is_none_or(|d| d.name != name)
            } else {
                stage.is_root() && has_step && definition.is_none_or(|d| d.step.is_none())
            };
            if undefined {
                if stage.is_root() {
                    self.define_once(&Definition { name: step.clone(), ..Definition::default() });
                }
                self.output.append(definitions::record(&Definition {
                    name,
                    step: Some(step.clone()),
                    ..Definition::default()
                }));
            }
        }
    }

    /// Writes a definition unless its name has one.
    fn define_once(&mut self, definition: &Definition) {
        if self.definitions.of(&definition.name).is_none_or(|d| d.name != definition.name) {
            self.define(definition);
        }
    }

    fn define(&mut self, definition: &Definition) {
        self.definitions.add(definition);
        self.output.append(definitions::record(definition));
        if let Some(step) = &definition.step {
            self.key(step);
        }
        for index in 0..self.keys.len() {
            self.apply_definition(index);
        }
        self.version = self.version.wrapping_add(1);
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
        for (metric, words) in &stage.options.summary {
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
        let bests = stage
            .options
            .best
            .iter()
            .map(|(metric, goal)| Best::new(self.key(&stage.key(metric)), *goal))
            .collect();
        StageBook { stage: Arc::clone(stage), step, bests, told: None }
    }

    /// Applies an operation.
    pub(crate) fn apply(&mut self, stamped: Stamped, host: &mut dyn Host) {
        let time = stamped.time;
        match stamped.op {
            Op::Row { stage, step, values } => self.dynamic_row(&stage, step, values, time),
            Op::Summary { values, goals } => {
                for (name, value) in values {
                    self.set_summary(&name, value);
                }
                for (name, goal) in goals {
                    self.define_once(&Definition { name, goal: Some(goal), ..Definition::default() });
                }
            }
            Op::Config(entries) => self.update_config(entries),
            Op::Define(definition) => self.define(&definition),
            Op::Alert(alert) => self.alert(&alert),
            Op::File { path, policy } => {
                let item = record::FileItem { path, policy: policy.wire(), file_type: 0 };
                self.output.append(Kind::Files(record::Files { files: vec![item] }));
            }
            Op::Console { stream, text } => {
                host.console(&text);
                self.output.append(Kind::OutputRaw(record::OutputRaw {
                    output_type: i32::from(stream == Stream::Stdout),
                    timestamp: Some(timestamp(time)),
                    line: text,
                }));
            }
            Op::Tags(_) | Op::Notes(_) | Op::Name(_) => {
                if let Some(run) = host.amend(stamped.op) {
                    self.output.append(Kind::Run(Box::new(run)));
                }
            }
            Op::StageOpened(stage) => {
                self.stage(&stage);
                self.summary_changed = true;
            }
            Op::Refused(what) => self.refuse(what),
        }
    }

    fn refuse(&mut self, what: &'static str) {
        *self.refused.entry(what).or_default() += 1;
        self.summary_changed = true;
    }

    fn set_summary(&mut self, name: &str, value: Scalar) {
        let index = self.key(name);
        if let Some(key) = self.keys.get_mut(index as usize) {
            key.explicit = Some(value);
            key.changed = true;
            self.summary_changed = true;
        }
    }

    /// Takes the config that the run record already has.
    pub(crate) fn begin_config(&mut self, config: Map<String, Value>) {
        self.config = config;
    }

    fn update_config(&mut self, mut entries: Map<String, Value>) {
        for (name, value) in &mut entries {
            secrets::scrub(name, value);
        }
        let update = config_items(&entries);
        for (key, value) in entries {
            merge(self.config.entry(key).or_insert(Value::Null), value);
        }
        if !update.is_empty() {
            self.output.append(Kind::Config(record::Config { update, remove: Vec::new() }));
        }
    }

    fn alert(&mut self, alert: &Alert) {
        self.output.append(Kind::Alert(record::Alert {
            title: alert.title.clone(),
            text: alert.text.clone(),
            level: alert.level.as_str().to_owned(),
            wait_duration: i64::try_from(alert.wait.as_millis()).unwrap_or(i64::MAX),
        }));
    }

    /// Turns what stages and counters say into summary values.
    fn settle_derived(&mut self) {
        let mut derived: Vec<(String, Scalar)> = Vec::new();
        for book in self.stages.iter_mut().flatten() {
            let stage = &book.stage;
            let calls = stage.calls();
            if book.told.is_none_or(|told| told != calls) {
                book.told = Some(calls);
                derived.push((
                    stage.key("status"),
                    Scalar::from(calls.status.map_or("running", StageStatus::as_str)),
                ));
                if calls.count > 0 {
                    derived.push((stage.key("duration_s"), Scalar::from(calls.seconds)));
                }
                if calls.count > 1 {
                    derived.push((stage.key("calls"), Scalar::from(calls.count)));
                }
            }
            for best in book.bests.iter_mut().filter(|best| best.changed) {
                best.changed = false;
                let short = |index: u32| {
                    let name = self.keys.get(index as usize).map_or("", |key| &*key.name);
                    name.get(stage.path.len() + 1..).unwrap_or(name)
                };
                let metric = short(best.metric);
                for (key, number) in &best.row {
                    let name = match *key {
                        key if key == best.metric => stage.key(&format!("best_{metric}")),
                        key => stage.key(&format!("best_{metric}/{}", short(key))),
                    };
                    derived.push((name, Scalar::Number(*number)));
                }
            }
        }
        for key in self.keys.iter().filter(|key| key.not_finite > 0) {
            derived.push((format!("ups_track/not_finite/{}", key.name), Scalar::from(key.not_finite)));
        }
        for (what, count) in &self.refused {
            derived.push((format!("ups_track/refused/{what}"), Scalar::from(*count)));
        }
        for (name, value) in derived {
            let index = self.key(&name);
            if let Some(key) =
                self.keys.get_mut(index as usize).filter(|key| key.explicit.as_ref() != Some(&value))
            {
                key.explicit = Some(value);
                key.changed = true;
            }
        }
    }

    /// Writes a summary record with everything that has changed since the last one. `now` in nanoseconds since 1970.
    pub(crate) fn write_summary(&mut self, now: u64) {
        let stages_changed = self.stages.iter().flatten().any(|book| book.told != Some(book.stage.calls()));
        if self.summary_changed || stages_changed {
            self.write_last_summary(now);
        }
    }

    /// The same at the end of the run, whether or not anything has changed: the run time has.
    pub(crate) fn write_last_summary(&mut self, now: u64) {
        self.summary_changed = false;
        self.settle_derived();
        let mut update = Vec::new();
        for key in self.keys.iter_mut().filter(|key| key.changed) {
            key.changed = false;
            let mut json = Vec::new();
            if key.write_summary(&mut json) {
                update.push(item([key.name.to_string()], json));
            }
        }
        for (path, json) in self.own_summary(now) {
            update.push(item(path, json));
        }
        self.output.append(Kind::Summary(record::Summary { update, remove: Vec::new() }));
    }

    /// W&B's own summary values.
    fn own_summary(&self, now: u64) -> Vec<(Vec<String>, Vec<u8>)> {
        let seconds = now.saturating_sub(self.start) / 1_000_000_000;
        let json = |write: &dyn Fn(&mut Vec<u8>)| {
            let mut out = Vec::new();
            write(&mut out);
            out
        };
        let runtime = json(&|out| encode::number(out, Number::U64(seconds)));
        let mut own = vec![
            (vec!["_wandb".to_owned(), "runtime".to_owned()], runtime.clone()),
            (vec!["_runtime".to_owned()], runtime),
        ];
        if self.next_step > 0 {
            let step = json(&|out| encode::number(out, Number::U64(self.next_step - 1)));
            let time = json(&|out| encode::seconds(out, self.last_time / 1_000_000));
            own.push((vec!["_step".to_owned()], step));
            own.push((vec!["_timestamp".to_owned()], time));
        }
        own
    }

    /// The summary as one JSON object, in the form of `wandb-summary.json`.
    pub(crate) fn summary_json(&mut self, now: u64) -> Vec<u8> {
        self.settle_derived();
        let mut out = vec![b'{'];
        for key in &self.keys {
            let before = out.len();
            encode::json_text(&mut out, &key.name);
            out.push(b':');
            if key.write_summary(&mut out) {
                out.push(b',');
            } else {
                out.truncate(before);
            }
        }
        for (path, json) in self.own_summary(now) {
            encode::json_text(&mut out, path.first().map_or("", String::as_str));
            out.push(b':');
            if let Some(inner) = path.get(1) {
                out.push(b'{');
                encode::json_text(&mut out, inner);
                out.push(b':');
                out.extend_from_slice(&json);
                out.push(b'}');
            } else {
                out.extend_from_slice(&json);
            }
            out.push(b',');
        }
        out.pop();
        out.push(b'}');
        out
    }

    /// Sets the counter of data that was dropped, so that the summary tells of it.
    pub(crate) fn set_dropped(&mut self, dropped: u64) {
        if dropped > 0 {
            self.set_summary("ups_track/dropped", Scalar::from(dropped));
        }
    }

    /// Writes the exit record. `now` in nanoseconds since 1970.
    pub(crate) fn write_exit(&mut self, code: i32, now: u64) {
        let seconds = now.saturating_sub(self.start) / 1_000_000_000;
        self.output.append(Kind::Exit(record::Exit {
            exit_code: code,
            runtime: i32::try_from(seconds).unwrap_or(i32::MAX),
            not_complete: false,
        }));
    }

    /// Metrics with their last values, for people. Step metrics are left out.
    pub(crate) fn last_metrics(&self) -> Vec<LastMetric> {
        let steps: Vec<u32> = self.stages.iter().flatten().map(|book| book.step).collect();
        (0..)
            .zip(&self.keys)
            .filter(|(index, key)| !steps.contains(index) && &*key.name != "step")
            .filter_map(|(_, key)| {
                Some(LastMetric {
                    name: key.name.to_string(),
                    last: key.last?,
                    thumbnail: key.thumbnail.values().to_vec(),
                })
            })
            .collect()
    }

    /// The values that were set as summary values, and the best values of stages, for people.
    pub(crate) fn last_summary(&self) -> Vec<(String, Scalar)> {
        let stages = || self.stages.iter().flatten().map(|book| &book.stage);
        let of_stage = |name: &str| {
            let tail = stages().find_map(|stage| name.strip_prefix(stage.path.as_str())?.strip_prefix('/'));
            tail.is_some_and(|tail| matches!(tail, "status" | "duration_s" | "calls"))
                || tail.is_some_and(|tail| tail.starts_with("best_") && tail.contains('/'))
        };
        let shown =
            self.keys.iter().filter(|key| !of_stage(&key.name) && !key.name.starts_with("ups_track/"));
        shown.filter_map(|key| Some((key.name.to_string(), key.explicit.clone()?))).collect()
    }

    /// Stages with times and outcomes, for people.
    pub(crate) fn last_stages(&self) -> Vec<LastStage> {
        self.stages
            .iter()
            .flatten()
            .map(|book| {
                let calls = book.stage.calls();
                LastStage {
                    path: book.stage.path.clone(),
                    seconds: calls.seconds,
                    status: calls.status.map_or("running", StageStatus::as_str),
                }
            })
            .collect()
    }

    /// How many values were refused, over all reasons.
    pub(crate) fn refused(&self) -> u64 {
        self.refused.values().sum()
    }
}

/// What the ledger needs from the run around it.
pub(crate) trait Host {
    /// Console text, for `output.log`.
    fn console(&mut self, text: &str);
    /// Changes tags, notes or name; gives the run record that says so.
    fn amend(&mut self, op: Op) -> Option<record::Run>;
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
        .map(|part| match part.split_once('=') {
            Some((name, "min")) => Ok((name.to_owned(), Goal::Min)),
            Some((name, "max")) => Ok((name.to_owned(), Goal::Max)),
            _ => Err(part),
        })
        .collect()
}
