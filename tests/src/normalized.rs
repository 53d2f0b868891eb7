//! Two runs are the same if a person who looks at them on W&B cannot tell which client wrote which.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;
use serde_json::Value;

use crate::json::Row;
use crate::server::{Alert, MetricDefinition, Run};

/// What must not depend on which client recorded a run: a [`Run`] without its times, without what describes the
/// client and the machine (system metrics among it), with sets in order and numbers written in one way.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NormalizedRun {
    /// The name for people, if one was chosen.
    pub display_name: Option<String>,
    /// The notes.
    pub notes: Option<String>,
    /// The tags, sorted.
    pub tags: Vec<String>,
    /// The group.
    pub group: Option<String>,
    /// The job type.
    pub job_type: Option<String>,
    /// The sweep.
    pub sweep: Option<String>,
    /// The configuration without `_wandb`.
    pub config: Row,
    /// What is in `_wandb` beside versions, telemetry, environment and metric definitions: custom charts and such.
    pub internal: Row,
    /// The metric definitions, by name.
    pub metrics: BTreeMap<String, Vec<MetricDefinition>>,
    /// The history, with the times masked.
    pub history: Vec<Row>,
    /// The summary, with the times masked.
    pub summary: Row,
    /// The console, without the times.
    pub console: Vec<ConsoleText>,
    /// The alerts, by title.
    pub alerts: BTreeMap<String, Vec<Alert>>,
    /// The files, as far as they do not describe the client or the machine or repeat the above.
    pub files: BTreeMap<String, String>,
    /// The exit code.
    pub exit_code: Option<i64>,
    /// Whether the run is complete.
    pub complete: bool,
}

/// A line of the console without its time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConsoleText {
    /// Whether it was written to stderr.
    pub stderr: bool,
    /// The text.
    pub text: String,
}

/// The entries of `_wandb` that describe the client, or are compared on their own.
const INTERNAL: [&str; 5] = ["cli_version", "python_version", "t", "e", "m"];

/// The files that describe the client and the machine, and those that repeat configuration and summary.
const LEFT_OUT: [&str; 4] = ["config.yaml", "requirements.txt", "wandb-metadata.json", "wandb-summary.json"];

/// What stands in the place of a time.
const MASK: &str = "<time>";

impl From<&Run> for NormalizedRun {
    fn from(run: &Run) -> Self {
        let mut internal = run.internal();
        internal.retain(|key, _| !INTERNAL.contains(&key.as_str()));
        Self {
            display_name: run.display_name.clone(),
            notes: run.notes.clone(),
            tags: sorted(run.tags.clone()),
            group: run.group.clone(),
            job_type: run.job_type.clone(),
            sweep: run.sweep.clone(),
            config: canonical_row(run.config()),
            internal: canonical_row(internal),
            metrics: by(run.metrics(), |metric| &metric.name),
            history: run.history().into_iter().map(masked).collect(),
            summary: masked(run.summary()),
            console: run
                .console()
                .into_iter()
                .map(|line| ConsoleText { stderr: line.stderr, text: line.text })
                .collect(),
            alerts: by(run.alerts.clone(), |alert| &alert.title),
            files: run
                .files
                .iter()
                .filter(|(path, _)| !LEFT_OUT.contains(&path.as_str()))
                .map(|(path, bytes)| (path.clone(), text(bytes)))
                .collect(),
            exit_code: run.exit_code,
            complete: run.complete,
        }
    }
}

fn sorted<T: Ord>(mut values: Vec<T>) -> Vec<T> {
    values.sort();
    values
}

fn by<T: Ord>(values: Vec<T>, name: impl Fn(&T) -> &String) -> BTreeMap<String, Vec<T>> {
    let mut by = BTreeMap::<_, Vec<T>>::new();
    for value in sorted(values) {
        by.entry(name(&value).clone()).or_default().push(value);
    }
    by
}

/// The bytes in a form that can be compared and read.
fn text(bytes: &[u8]) -> String {
    str::from_utf8(bytes).map_or_else(|_| format!("{bytes:02x?}"), str::to_owned)
}

/// Masks the times of a history row or a summary. Where there is no number there is no time, and it stays.
fn masked(mut row: Row) -> Row {
    let mask = |value: Option<&mut Value>| {
        if let Some(value) = value
            && value.is_number()
        {
            *value = MASK.into();
        }
    };
    mask(row.get_mut("_timestamp"));
    mask(row.get_mut("_runtime"));
    mask(row.get_mut("_wandb").and_then(|wandb| wandb.get_mut("runtime")));
    canonical_row(row)
}

/// Writes numbers in one way: `3.0` is the same number as `3`, and `-0.0` as `0`.
fn canonical(value: Value) -> Value {
    match value {
        Value::Number(number) => match number.as_f64() {
            // The largest float below which all integers are floats is 2^53.
            #[expect(clippy::cast_possible_truncation, reason = "the guard makes the cast exact")]
            Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() < 9e15 => {
                (float as i64).into()
            }
            _ => Value::Number(number),
        },
        Value::Array(values) => values.into_iter().map(canonical).collect(),
        Value::Object(row) => Value::Object(canonical_row(row)),
        other => other,
    }
}

fn canonical_row(row: Row) -> Row {
    row.into_iter().map(|(key, value)| (key, canonical(value))).collect()
}

/// One place where two runs differ.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// The place, from the name of the field on: `summary["loss"]["min"]`.
    pub path: String,
    /// What the first run has there, if anything.
    pub left: Option<Value>,
    /// What the second run has there, if anything.
    pub right: Option<Value>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, left, right } = self;
        let side = |value: &Option<Value>| value.as_ref().map_or("nothing".to_owned(), Value::to_string);
        write!(f, "{path}: {} | {}", side(left), side(right))
    }
}

impl NormalizedRun {
    /// Where this run differs from another: every place, none if they are equal.
    pub fn differences(&self, other: &Self) -> Vec<Difference> {
        let value = |run: &Self| serde_json::to_value(run).unwrap_or_default();
        let mut found = Vec::new();
        compare("", &value(self), &value(other), &mut found);
        found
    }
}

fn compare(path: &str, left: &Value, right: &Value, found: &mut Vec<Difference>) {
    let mut differ = |path: String, left: Option<&Value>, right: Option<&Value>| {
        found.push(Difference { path, left: left.cloned(), right: right.cloned() });
    };
    match (left, right) {
        (Value::Object(left), Value::Object(right)) => {
            // The fields of the run itself need no brackets.
            let at = |key: &str| if path.is_empty() { key.to_owned() } else { format!("{path}[{key:?}]") };
            for (key, value) in right.iter().filter(|(key, _)| !left.contains_key(*key)) {
                differ(at(key), None, Some(value));
            }
            for (key, value) in left {
                match right.get(key) {
                    Some(other) => compare(&at(key), value, other, found),
                    None => found.push(Difference { path: at(key), left: Some(value.clone()), right: None }),
                }
            }
        }
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => {
            for (index, (value, other)) in left.iter().zip(right).enumerate() {
                compare(&format!("{path}[{index}]"), value, other, found);
            }
        }
        _ if left == right => {}
        _ => differ(path.to_owned(), Some(left), Some(right)),
    }
}

/// A difference between two runs that is meant: where it is, what each run has there, and why.
#[derive(Debug, Clone)]
pub struct Meant {
    /// The place, as in [`Difference::path`].
    pub path: String,
    /// What the first run has there.
    pub left: Side,
    /// What the second run has there.
    pub right: Side,
    /// Why they differ.
    pub reason: &'static str,
}

/// What a run has at a place where it is meant to differ.
#[derive(Debug, Clone)]
pub enum Side {
    /// Nothing.
    Nothing,
    /// This value.
    Is(Value),
    /// Some number that is not negative: a time.
    Time,
}

impl Side {
    fn holds(&self, value: Option<&Value>) -> bool {
        match (self, value) {
            (Self::Nothing, None) => true,
            (Self::Is(expected), Some(value)) => expected == value,
            (Self::Time, Some(value)) => value.as_f64().is_some_and(|time| time >= 0.0),
            _ => false,
        }
    }
}

impl Meant {
    /// Something that only the second run has.
    pub fn extra(path: impl Into<String>, right: Side, reason: &'static str) -> Self {
        Self { path: path.into(), left: Side::Nothing, right, reason }
    }

    /// Something that only the first run has.
    pub fn missing(path: impl Into<String>, left: Side, reason: &'static str) -> Self {
        Self { path: path.into(), left, right: Side::Nothing, reason }
    }

    /// A value that the second run writes in another way.
    pub fn other(
        path: impl Into<String>,
        left: impl Into<Value>,
        right: impl Into<Value>,
        reason: &'static str,
    ) -> Self {
        Self { path: path.into(), left: Side::Is(left.into()), right: Side::Is(right.into()), reason }
    }

    fn covers(&self, found: &Difference) -> bool {
        self.path == found.path
            && self.left.holds(found.left.as_ref())
            && self.right.holds(found.right.as_ref())
    }
}

/// Asserts that two runs are the same, up to what [`NormalizedRun`] masks.
///
/// # Panics
///
/// If they differ; the message has one line for each place where they do.
#[track_caller]
pub fn assert_same(left: &Run, right: &Run) {
    assert_same_but(left, right, &[]);
}

/// Asserts that two runs are the same but for the differences that are meant, and that each of those is there.
///
/// # Panics
///
/// If they differ elsewhere, or do not differ where they are meant to; the message has one line for each place.
#[track_caller]
pub fn assert_same_but(left: &Run, right: &Run, meant: &[Meant]) {
    let found = NormalizedRun::from(left).differences(&NormalizedRun::from(right));
    let faults: Vec<_> = faults(&found, meant).collect();
    assert!(faults.is_empty(), "{} | {} differ:\n{}", left.key(), right.key(), faults.join("\n"));
}

/// The differences that are not meant, and what is meant to differ and does not.
fn faults<'a>(found: &'a [Difference], meant: &'a [Meant]) -> impl Iterator<Item = String> + 'a {
    let unmeant = found.iter().filter(|found| !meant.iter().any(|meant| meant.covers(found)));
    let missing = meant.iter().filter(|meant| !found.iter().any(|found| meant.covers(found)));
    let missing = missing.map(|Meant { path, left, right, reason }| {
        format!("{path}: {left:?} | {right:?} was meant ({reason}), but is not there")
    });
    unmeant.map(ToString::to_string).chain(missing)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn differences_name_their_places() {
        let left = json!({"same": 1, "changed": [{"a": 1}, 2], "left": null, "longer": [1]});
        let right = json!({"same": 1, "changed": [{"a": "1"}, 2], "right": {}, "longer": [1, 2]});
        let mut found = Vec::new();
        compare("run", &left, &right, &mut found);
        let found: Vec<_> = found.iter().map(ToString::to_string).collect();
        let expected = [
            r#"run["right"]: nothing | {}"#,
            r#"run["changed"][0]["a"]: 1 | "1""#,
            r#"run["left"]: null | nothing"#,
            r#"run["longer"]: [1] | [1,2]"#,
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn only_what_is_meant_may_differ_and_must() {
        let mut found = Vec::new();
        let left = json!({"same": 1, "notes": "a", "tags": 1});
        let right = json!({"same": 1, "notes": "b", "tags": 1, "seconds": 0.5});
        compare("", &left, &right, &mut found);
        let notes = Meant::other("notes", "a", "b", "a test");
        let seconds = Meant::extra("seconds", Side::Time, "a test");
        assert_eq!(faults(&found, &[notes.clone(), seconds]).count(), 0);
        let negative = Meant::extra("seconds", Side::Is(json!(-1)), "a test");
        let faults: Vec<_> = faults(&found, &[notes, negative]).collect();
        assert_eq!(faults.len(), 2, "{faults:?}");
    }

    #[test]
    fn only_times_are_masked() {
        let row =
            json!({"_timestamp": 1.5, "_runtime": "text", "_wandb": {"runtime": 3, "other": 3}, "loss": 1.5});
        let expected = json!({"_timestamp": MASK, "_runtime": "text", "_wandb": {"runtime": MASK, "other": 3}, "loss": 1.5});
        let row = row.as_object().cloned().unwrap_or_default();
        assert_eq!(Value::Object(masked(row)), expected);
    }

    #[test]
    fn a_number_is_the_same_in_every_notation() {
        assert_eq!(canonical(json!([3.0, {"a": -0.0}, 0.5, 1e300])), json!([3, {"a": 0}, 0.5, 1e300]));
    }
}
