//! Rows of the history and of the system metrics, as lines of JSON.

use std::borrow::Cow;

use super::Tree;
use crate::json;
use crate::log::record::{History, Item, Stats, Timestamp};
use crate::log::splice;

/// Items up to which a row is looked through for the same key twice.
const FEW: usize = 24;

/// Numbers the rows of the history: `_step` is the recorded one, but always increases.
#[derive(Debug, Clone)]
pub(crate) struct Rows {
    next_step: i64,
    /// Seconds of earlier attempts, which the run goes on from.
    runtime: f64,
    /// Rows so far.
    count: u64,
    /// From which row on which step is the least, the last of them first.
    floors: Vec<(u64, i64)>,
}

impl Rows {
    pub(crate) fn new(starting_step: i64, runtime: f64) -> Self {
        Self { next_step: starting_step.max(0), runtime, count: 0, floors: Vec::new() }
    }

    /// The same, where others have added rows to the run behind so many of the log's: it goes on behind theirs.
    pub(crate) fn with_floors(mut self, floors: &[(u64, i64)]) -> Self {
        self.floors = floors.iter().rev().copied().collect();
        self.rise();
        self
    }

    /// The step of the row before.
    pub(crate) fn last_step(&self) -> i64 {
        self.next_step - 1
    }

    fn rise(&mut self) {
        while let Some((_, step)) = self.floors.pop_if(|(row, _)| *row <= self.count) {
            self.next_step = self.next_step.max(step);
        }
    }

    /// The line of a row.
    pub(crate) fn line(&mut self, row: &History) -> String {
        let recorded = row.item.iter().rev().find(|item| is(item, "_step"));
        let recorded = recorded.and_then(|item| item.value_json.trim().parse::<i64>().ok());
        let runtime = row.item.iter().rev().find(|item| is(item, "_runtime"));
        let line = flat(row).unwrap_or_else(|| nested(row));
        self.numbered(line, recorded, runtime.map(|item| item.value_json.as_str()))
    }

    /// The line of a row that stands in the log as this crate writes it: plain values under plain keys, each once. None if
    /// the record is anything else. Nothing is taken apart that stays as it is.
    pub(crate) fn raw_line(&mut self, record: &[u8]) -> Option<String> {
        let mut rest = splice::history_items(record)?;
        let mut line = String::with_capacity(rest.len() + 48);
        line.push('{');
        let mut keys: [&[u8]; FEW] = [&[]; FEW];
        let (mut step, mut runtime, mut count) = (None, None, 0);
        while !rest.is_empty() {
            let (bytes, after) = splice::split_bytes(rest)?;
            rest = after;
            let item = splice::item(bytes)?;
            if keys.get(..count)?.contains(&item.key) {
                return None;
            }
            *keys.get_mut(count)? = item.key;
            count += 1;
            let value = json::dialect(std::str::from_utf8(item.json).ok()?)?;
            match item.key {
                splice::STEP => step = value.parse().ok(),
                splice::RUNTIME => runtime = std::str::from_utf8(item.json).ok(),
                _ if value.starts_with('{') => return None,
                _ => push(&mut line, item.name()?, &value),
            }
        }
        Some(self.numbered(line, step, runtime))
    }

    /// Completes the line of a row, of which `_step` and `_runtime` are missing.
    fn numbered(&mut self, mut line: String, recorded: Option<i64>, runtime: Option<&str>) -> String {
        let step = recorded.unwrap_or(self.next_step).max(self.next_step);
        self.next_step = step.saturating_add(1);
        self.count += 1;
        self.rise();
        line.push_str(if line.len() > 1 { ",\"_step\":" } else { "\"_step\":" });
        line.push_str(itoa::Buffer::new().format(step));
        if let Some(runtime) = runtime.and_then(|recorded| self.later(recorded)) {
            line.push_str(",\"_runtime\":");
            line.push_str(&runtime);
        }
        line.push('}');
        line
    }

    /// The run time of a row, as recorded where the run has no past.
    fn later<'a>(&self, recorded: &'a str) -> Option<Cow<'a, str>> {
        let recorded = json::dialect(recorded)?;
        if self.runtime == 0.0 {
            return Some(recorded);
        }
        let seconds = recorded.parse::<f64>().ok()? + self.runtime;
        seconds.is_finite().then(|| Cow::Owned(zmij::Buffer::new().format(seconds).to_owned()))
    }
}

/// Adds a value to a line.
fn push(line: &mut String, key: &str, value: &str) {
    if line.len() > 1 {
        line.push(',');
    }
    if key.bytes().all(|byte| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\') {
        line.push('"');
        line.push_str(key);
        line.push('"');
    } else {
        line.push_str(&json::quoted(key));
    }
    line.push(':');
    line.push_str(value);
}

fn is(item: &Item, name: &str) -> bool {
    let mut path = item.path();
    path.next() == Some(name) && path.next().is_none()
}

fn is_numbered(item: &Item) -> bool {
    is(item, "_step") || is(item, "_runtime")
}

/// A row of plain values under plain keys, without the closing brace; none if it is anything else.
fn flat(row: &History) -> Option<String> {
    let mut line = String::with_capacity(row.item.len() * 32);
    line.push('{');
    for (at, item) in row.item.iter().enumerate() {
        if is_numbered(item) {
            continue;
        }
        let mut path = item.path();
        let key = path.next().filter(|_| path.next().is_none())?;
        let again = row.item.get(at + 1..)?.iter().any(|other| is(other, key));
        let value = json::dialect(&item.value_json)?;
        if again || row.item.len() > FEW || value.starts_with('{') {
            return None;
        }
        push(&mut line, key, &value);
    }
    Some(line)
}

/// A row whatever is in it, without the closing brace. What is no JSON is left out.
fn nested(row: &History) -> String {
    let mut tree = Tree::default();
    for item in row.item.iter().filter(|item| !is_numbered(item)) {
        tree.merge(item);
    }
    let mut line = String::new();
    tree.write(&mut line);
    line.pop();
    line
}

/// The line of a record of system metrics.
pub(crate) fn event(stats: &Stats, started: Option<Timestamp>) -> String {
    let seconds = |time: Timestamp| time.seconds as f64 + f64::from(time.nanos) / 1e9;
    let time = seconds(stats.timestamp.unwrap_or_default());
    let runtime = started.map_or(0.0, |started| time - seconds(started));
    let mut line = format!(
        "{{\"_wandb\":true,\"_timestamp\":{},\"_runtime\":{}",
        zmij::Buffer::new().format(time),
        zmij::Buffer::new().format(runtime)
    );
    let mut tree = Tree::default();
    for item in &stats.item {
        if let Some(value) = json::dialect(&item.value_json) {
            let key: Vec<&str> = item.path().collect();
            tree.set(&[&format!("system.{}", key.join("."))], &value);
        }
    }
    let mut rest = String::new();
    tree.write(&mut rest);
    if !tree.is_empty() {
        line.push(',');
    }
    line.push_str(rest.get(1..).unwrap_or("}"));
    line
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use prost::Message as _;

    use super::*;
    use crate::log::record::{Kind, Record};

    fn row(items: &[(&[&str], &str)]) -> History {
        let item = items.iter().map(|(path, value)| Item {
            key: String::new(),
            nested_key: path.iter().map(|part| (*part).to_owned()).collect(),
            value_json: (*value).to_owned(),
        });
        History { item: item.collect(), step: None }
    }

    #[test]
    fn steps_always_increase() {
        let mut rows = Rows::new(100, 0.0);
        let steps = [Some("0"), Some("101"), None, Some("200"), Some("200"), Some("x")];
        let lines = steps.map(|step| match step {
            Some(step) => rows.line(&row(&[(&["_step"], step)])),
            None => rows.line(&row(&[])),
        });
        assert_eq!(lines, [100, 101, 102, 200, 201, 202].map(|step| format!("{{\"_step\":{step}}}")));
    }

    #[test]
    fn rows_keep_digits_and_nest() {
        let line = |items: &[(&[&str], &str)]| Rows::new(0, 0.0).line(&row(items));
        assert_eq!(
            line(&[(&["a/b"], "0.30000000000000004"), (&["n\""], "NaN"), (&["_runtime"], "1.5")]),
            r#"{"a/b":0.30000000000000004,"n\"":NaN,"_step":0,"_runtime":1.5}"#
        );
        assert_eq!(
            line(&[(&["a", "b"], r#"{"c": 1}"#), (&["a", "d"], "2"), (&["bad"], "nope")]),
            r#"{"a":{"b":{"c":1},"d":2},"_step":0}"#
        );
        assert_eq!(line(&[(&["a"], "1"), (&["a"], "2")]), r#"{"a":2,"_step":0}"#);
    }

    proptest! {
        /// What is not taken apart becomes the line that it becomes when it is.
        #[test]
        fn a_raw_row_is_the_same_line(
            items in prop::collection::vec(
                ("[a-e/.]{1,3}|_step|_runtime|ü|\"", r#"-?[0-9]{1,3}(\.[0-9]{1,3})?|NaN|"[a-z ]*"|\{"a": ?1\}|nope| 3|1e5"#),
                0..30,
            ),
            past in prop::bool::ANY,
        ) {
            let items: Vec<(Vec<&str>, &str)> =
                items.iter().map(|(key, value)| (vec![key.as_str()], value.as_str())).collect();
            let items: Vec<(&[&str], &str)> = items.iter().map(|(key, value)| (key.as_slice(), *value)).collect();
            let row = row(&items);
            let rows = || Rows::new(7, if past { 10.0 } else { 0.0 });
            let kind = Some(Kind::History(row.clone()));
            let raw = Record { num: 1, kind, uuid: String::new() }.encode_to_vec();
            let (mut whole, mut quick) = (rows(), rows());
            let expected = whole.line(&row);
            if let Some(line) = quick.raw_line(&raw) {
                prop_assert_eq!(line, expected);
                prop_assert_eq!(quick.last_step(), whole.last_step());
            } else {
                prop_assert_eq!(quick.last_step(), rows().last_step());
            }
        }
    }

    #[test]
    fn a_plain_row_is_not_taken_apart() {
        let row = row(&[(&["a/b"], "0.5"), (&["_step"], "3"), (&["_runtime"], "1.5")]);
        let raw = Record { num: 1, kind: Some(Kind::History(row)), uuid: String::new() }.encode_to_vec();
        let line = Rows::new(0, 0.0).raw_line(&raw);
        assert_eq!(line.as_deref(), Some(r#"{"a/b":0.5,"_step":3,"_runtime":1.5}"#));
    }

    #[test]
    fn rows_go_on_behind_those_of_others() {
        let mut rows = Rows::new(2, 0.0).with_floors(&[(1, 7), (3, 20), (3, 9)]);
        let steps: Vec<_> = (0..4).map(|_| rows.line(&row(&[]))).collect();
        assert_eq!(steps, [2, 7, 8, 20].map(|step| format!(r#"{{"_step":{step}}}"#)));
        assert_eq!(Rows::new(2, 0.0).with_floors(&[(0, 5)]).last_step(), 4);
    }

    #[test]
    fn a_run_with_a_past_goes_on_with_its_time() {
        let line = Rows::new(0, 10.0).line(&row(&[(&["_runtime"], "1.5")]));
        assert_eq!(line, r#"{"_step":0,"_runtime":11.5}"#);
    }

    #[test]
    fn system_metrics_have_a_prefix() {
        let item = Item { key: "disk./.in".into(), nested_key: Vec::new(), value_json: "2".into() };
        let stats = Stats {
            stats_type: 0,
            timestamp: Some(Timestamp { seconds: 10, nanos: 500_000_000 }),
            item: vec![item],
        };
        let line = event(&stats, Some(Timestamp { seconds: 8, nanos: 0 }));
        assert_eq!(line, r#"{"_wandb":true,"_timestamp":10.5,"_runtime":2.5,"system.disk./.in":2}"#);
    }
}
