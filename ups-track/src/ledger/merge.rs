//! Records that another log has already: those of a child, which become the run's own, and those of a log that is gone
//! on with. The ledger learns from them what it would know had it written them.

use std::borrow::Cow;
use std::path::{Component, Path};

use serde_json::Value;

use super::key::Setter;
use super::{Host, Ledger, merge};
use crate::kinds::key::{self, KeyFault};
use crate::kinds::metric::Number;
use crate::kinds::scalar::Scalar;
use crate::kinds::summary::Goal;
use crate::log::lean;
use crate::log::record::{self, Item, Kind, Metric, MetricSummary, Record};
use crate::log::splice::{self, RUNTIME, STEP, TIMESTAMP};
use crate::os;
use crate::recorder::{Definition, Op, Stream, SummaryWords};

/// What a shard's rows looked like last: their keys, by position.
#[derive(Debug, Default)]
pub(crate) struct Memo(Vec<(Box<[u8]>, u32)>);

/// What became of a record.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Merged {
    /// It is a row of the run.
    Row,
    /// It is a record of the run.
    Other,
    /// There was nothing to do.
    Nothing,
    /// It may not be there; why.
    Refused(String),
}

impl Ledger {
    /// Makes a record of a child's log one of this log. `uuid` tells which one it is.
    pub(crate) fn merge(&mut self, bytes: &[u8], uuid: &str, memo: &mut Memo, host: &mut dyn Host) -> Merged {
        if let Some(items) = splice::history_items(bytes)
            && let Some(time) = self.take_row(items, memo, true)
        {
            self.write_row(self.time.moment(time), Some(uuid));
            return Merged::Row;
        }
        match lean::decode(bytes) {
            Ok(Record { kind: Some(kind), .. }) => self.merge_kind(kind, uuid, memo, host),
            Ok(_) => Merged::Refused("a record of unknown kind".into()),
            Err(e) => Merged::Refused(format!("a record that is none: {e}")),
        }
    }

    fn merge_kind(&mut self, mut kind: Kind, uuid: &str, memo: &mut Memo, host: &mut dyn Host) -> Merged {
        match &mut kind {
            Kind::History(row) => {
                let Some(time) = self.take_row(&splice::canonical(row), memo, false) else {
                    return Merged::Refused("a row that is none".into());
                };
                self.write_row(self.time.moment(time), Some(uuid));
                return Merged::Row;
            }
            Kind::Summary(summary) => {
                summary.update.retain(|item| !is_own(item));
                summary.remove.retain(|item| !is_own(item));
                if summary.update.is_empty() && summary.remove.is_empty() {
                    return Merged::Nothing;
                }
                self.take_summary(summary, true);
            }
            Kind::Config(config) => self.take_config(config),
            Kind::Metric(metric) => {
                let definition = definition(metric);
                if self.definitions.knows(&definition) {
                    return Merged::Nothing;
                }
                self.take_definition(&definition);
            }
            Kind::Files(list) => {
                if let Some(bad) = list.files.iter().find(|file| !is_below_files(&file.path)) {
                    return Merged::Refused(format!(
                        "a file `{}`, which is not below the run's files",
                        bad.path
                    ));
                }
            }
            Kind::OutputRaw(output) => host.console(stream(output.output_type), &output.line),
            Kind::OutputLogger(output) => host.console_lines(&output.line),
            Kind::Alert(_) | Kind::Stats(_) => {}
            Kind::Run(run) => {
                amend(run, host);
                match host.amended() {
                    Some(amended) => kind = Kind::Run(Box::new(amended)),
                    None => return Merged::Nothing,
                }
            }
            // The run has its own.
            Kind::Header(_)
            | Kind::Telemetry(_)
            | Kind::Environment(_)
            | Kind::Exit(_)
            | Kind::Final(_)
            | Kind::Footer(_)
            | Kind::Preempting(_)
            | Kind::Output(_) => return Merged::Nothing,
            Kind::Artifact(_) | Kind::TensorBoard(_) | Kind::UseArtifact(_) => {
                return Merged::Refused(format!("a record of kind {}", kind.name()));
            }
        }
        self.output.append(Record { num: 0, kind: Some(kind), uuid: uuid.to_owned() });
        Merged::Other
    }

    /// Learns what a record of this very log says.
    pub(crate) fn replay(&mut self, record: Record, host: &mut dyn Host) {
        let Some(kind) = record.kind else { return };
        match kind {
            Kind::History(row) => {
                let mut memo = Memo::default();
                let step = row.item.iter().find(|item| item.path().eq(["_step"]));
                let step = step.and_then(|item| item.value_json.parse::<u64>().ok());
                self.next_step =
                    step.map_or(self.next_step, |step| self.next_step.max(step.saturating_add(1)));
                if let Some(time) = self.take_row(&splice::canonical(&row), &mut memo, false) {
                    self.last_time = self.last_time.max(time);
                }
            }
            Kind::Summary(summary) => self.take_summary(&summary, !record.uuid.is_empty()),
            Kind::Config(config) => self.take_config(&config),
            Kind::Metric(metric) => self.take_definition(&definition(&metric)),
            Kind::OutputRaw(output) => host.console(stream(output.output_type), &output.line),
            Kind::OutputLogger(output) => host.console_lines(&output.line),
            Kind::Run(run) => {
                if let Some(config) = &run.config {
                    self.take_config(config);
                }
                // What it says is kept by the host; there is nothing to write.
                amend(&run, host);
                drop(host.amended());
            }
            _ => {}
        }
    }

    /// Observes a row and puts what is the user's of it into `self.items`; gives its time, in nanoseconds since
    /// 1970. None, and nothing is
    /// observed, if the row is not in order, or (if it must be `plain`) in another form than ours.
    fn take_row(&mut self, mut items: &[u8], memo: &mut Memo, plain: bool) -> Option<u64> {
        self.items.clear();
        let mut row = std::mem::take(&mut self.row);
        row.clear();
        let mut time = None;
        let mut position = 0;
        while !items.is_empty() {
            let Some((bytes, rest)) = splice::split_bytes(items) else { break };
            match splice::item(bytes) {
                Some(item) if item.key == RUNTIME || item.key == STEP => {}
                Some(item) if item.key == TIMESTAMP => time = nanos(item.json),
                Some(item) => {
                    if let Some(number) = number(item.json) {
                        let Some(key) = self.known_key(&item, memo, position) else { break };
                        row.push((key, number));
                    }
                    position += 1;
                    self.items.extend_from_slice(bytes);
                }
                None if plain => break,
                None => self.items.extend_from_slice(bytes),
            }
            items = rest;
        }
        let whole = items.is_empty();
        if whole {
            for (index, number) in &row {
                if let Some(key) = self.keys.get_mut(*index as usize) {
                    key.observe(*number);
                }
            }
        }
        self.row = row;
        whole.then(|| time.unwrap_or_else(os::nanos))
    }

    /// The number of an item's key: mostly what stood at the same position in the row before.
    #[inline]
    fn known_key(&mut self, item: &splice::RawItem<'_>, memo: &mut Memo, position: usize) -> Option<u32> {
        if let Some((key, index)) = memo.0.get(position)
            && **key == *item.key
        {
            return Some(*index);
        }
        let index = self.key(item.name()?);
        let entry = (Box::from(item.key), index);
        match memo.0.get_mut(position) {
            Some(place) => *place = entry,
            None => memo.0.push(entry),
        }
        Some(index)
    }

    /// Takes summary values that are in the log. Those of a shard were all `set`, and stay; of others those that are not
    /// simply what the history says.
    fn take_summary(&mut self, summary: &record::Summary, set: bool) {
        for item in &summary.remove {
            let index = self.key(&flat(item));
            if let Some(key) = self.keys.get_mut(index as usize) {
                key.explicit = None;
            }
        }
        for item in &summary.update {
            if is_own(item) {
                continue;
            }
            let name = flat(item);
            let index = self.key(&name);
            let Some(key) = self.keys.get_mut(index as usize) else { continue };
            let mut known = Vec::new();
            let is_known = key.write_summary(&mut known) && known == item.value_json.as_bytes();
            if set || !is_known {
                let value = scalar(&item.value_json);
                if let Scalar::Number(number) = value {
                    // Whoever has set it has told.
                    key.judge(number);
                }
                key.explicit = Some(value);
                key.setter = Setter::Child;
            }
            key.changed = false;
        }
        self.summary_changed = true;
    }

    fn take_config(&mut self, config: &record::Config) {
        for item in &config.update {
            let Some(json) = crate::json::standard(&item.value_json) else { continue };
            // What is nested too deep to be read is there as text.
            let mut value = serde_json::from_str(&json).unwrap_or_else(|_| Value::String(json.into_owned()));
            let path = item.levels();
            let Some((first, rest)) = path.split_first() else { continue };
            for part in rest.iter().rev() {
                value = Value::Object([(part.clone().into_owned(), value)].into_iter().collect());
            }
            merge(self.config.entry(first.clone().into_owned()).or_insert(Value::Null), value);
        }
    }
}

/// Puts what a later run record of a child says into the run's own.
fn amend(run: &record::Run, host: &mut dyn Host) {
    if !run.tags.is_empty() {
        host.amend(Op::Tags(run.tags.clone()));
    }
    if !run.notes.is_empty() {
        host.amend(Op::Notes(run.notes.clone()));
    }
    if !run.display_name.is_empty() {
        host.amend(Op::Name(run.display_name.clone()));
    }
}

/// The definition that a record holds: the way back from [`definitions::record`](super::definitions::record).
fn definition(metric: &Metric) -> Definition {
    let options = metric.options.unwrap_or_default();
    let step = Some(metric.step_metric.clone()).filter(|step| !step.is_empty());
    Definition {
        name: if metric.glob_name.is_empty() {
            metric.name.replace("\\.", ".")
        } else {
            metric.glob_name.clone()
        },
        step,
        summary: metric.summary.map(words).unwrap_or_default(),
        hidden: options.hidden,
        goal: match metric.goal {
            1 => Some(Goal::Min),
            2 => Some(Goal::Max),
            _ => None,
        },
        overwrite: metric.control.is_some_and(|control| control.overwrite),
    }
}

fn words(w: MetricSummary) -> SummaryWords {
    SummaryWords { min: w.min, max: w.max, mean: w.mean, first: w.first, last: w.last, none: w.none }
}

/// Whether an item is one of W&B's own, which every log has for itself.
fn is_own(item: &Item) -> bool {
    item.path().next().and_then(key::fault) == Some(KeyFault::Own)
}

/// The stream of a record of output.
fn stream(output_type: i32) -> Stream {
    if output_type == 0 { Stream::Stderr } else { Stream::Stdout }
}

/// The key of an item, parts joined with dots.
fn flat(item: &Item) -> Cow<'_, str> {
    match item.nested_key.as_slice() {
        [] => Cow::Borrowed(&item.key),
        [one] => Cow::Borrowed(one),
        parts => Cow::Owned(parts.join(".")),
    }
}

/// Whether the path of a file record stays below the run's `files/`.
fn is_below_files(path: &str) -> bool {
    let mut parts = Path::new(path).components();
    !path.is_empty() && !path.contains('\0') && parts.all(|part| matches!(part, Component::Normal(_)))
}

/// A number in W&B's JSON.
fn number(json: &[u8]) -> Option<Number> {
    if !matches!(json.first()?, b'0'..=b'9' | b'-' | b'N' | b'I') {
        return None;
    }
    let text = std::str::from_utf8(json).ok()?;
    if !text.bytes().all(|b| b.is_ascii_digit() || b == b'-') {
        return text.parse().ok().map(Number::F64);
    }
    let whole = text.parse().map(Number::U64).or_else(|_| text.parse().map(Number::I64));
    whole.or_else(|_| text.parse().map(Number::F64)).ok()
}

fn scalar(json: &str) -> Scalar {
    if let Some(number) = number(json.as_bytes()) {
        return Scalar::Number(number);
    }
    match serde_json::from_str(json) {
        Ok(Value::Bool(v)) => Scalar::Bool(v),
        Ok(Value::String(text)) => Scalar::Text(text),
        Ok(value) => Scalar::Json(value),
        // JSON with bare words inside: its text is all there is to keep.
        Err(_) => Scalar::Text(json.to_owned()),
    }
}

/// A time in seconds as nanoseconds since 1970.
fn nanos(json: &[u8]) -> Option<u64> {
    let seconds = number(json)?.as_f64();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a time since 1970")]
    let millis = (seconds * 1e3).round() as u64;
    (seconds.is_finite() && seconds >= 0.0).then(|| millis.saturating_mul(1_000_000))
}

#[cfg(test)]
mod tests;
