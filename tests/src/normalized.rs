//! Two runs are the same if a person who looks at them on W&B cannot tell which client wrote which.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::json::{self, Row};
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
    /// The metric definitions, sorted.
    pub metrics: Vec<MetricDefinition>,
    /// The history, with the times masked.
    pub history: Vec<Row>,
    /// The summary, with the times masked.
    pub summary: Row,
    /// The console, without the times.
    pub console: Vec<ConsoleText>,
    /// The alerts, sorted.
    pub alerts: Vec<Alert>,
    /// The files that do not describe the client or the machine.
    pub files: BTreeMap<String, Value>,
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

/// The files that describe the client and the machine.
const MACHINE_FILES: [&str; 3] = ["config.yaml", "requirements.txt", "wandb-metadata.json"];

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
            metrics: sorted(run.metrics()),
            history: run.history().into_iter().map(masked).collect(),
            summary: masked(run.summary()),
            console: run
                .console()
                .into_iter()
                .map(|line| ConsoleText { stderr: line.stderr, text: line.text })
                .collect(),
            alerts: sorted(run.alerts.clone()),
            files: run
                .files
                .iter()
                .filter_map(|(path, bytes)| Some((path.clone(), file(path, bytes)?)))
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

/// The content of a file in a form that can be compared and read; `None` if it is the machine's.
fn file(path: &str, bytes: &[u8]) -> Option<Value> {
    if MACHINE_FILES.contains(&path) {
        return None;
    }
    let Ok(text) = str::from_utf8(bytes) else {
        return Some(format!("{bytes:02x?}").into());
    };
    let summary = json::parse_object(text).ok().filter(|_| path == "wandb-summary.json");
    Some(summary.map_or_else(|| text.into(), |summary| Value::Object(masked(summary))))
}

impl NormalizedRun {
    /// Where this run differs from another: one line for each place, none if they are equal.
    pub fn differences(&self, other: &Self) -> Vec<String> {
        let value = |run: &Self| serde_json::to_value(run).unwrap_or_default();
        let mut found = Vec::new();
        compare("run", &value(self), &value(other), &mut found);
        found
    }
}

fn compare(path: &str, left: &Value, right: &Value, found: &mut Vec<String>) {
    match (left, right) {
        (Value::Object(left), Value::Object(right)) => {
            for (key, value) in left {
                match right.get(key) {
                    Some(other) => compare(&format!("{path}[{key:?}]"), value, other, found),
                    None => found.push(format!("{path}[{key:?}]: {value} | nothing")),
                }
            }
            for (key, value) in right.iter().filter(|(key, _)| !left.contains_key(*key)) {
                found.push(format!("{path}[{key:?}]: nothing | {value}"));
            }
        }
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => {
            for (index, (value, other)) in left.iter().zip(right).enumerate() {
                compare(&format!("{path}[{index}]"), value, other, found);
            }
        }
        _ if left == right => {}
        _ => found.push(format!("{path}: {left} | {right}")),
    }
}

/// Asserts that two runs are the same, up to what [`NormalizedRun`] masks.
///
/// # Panics
///
/// If they differ; the message has one line for each place where they do.
#[track_caller]
pub fn assert_same(left: &Run, right: &Run) {
    let differences = NormalizedRun::from(left).differences(&NormalizedRun::from(right));
    assert!(differences.is_empty(), "{} | {} differ:\n{}", left.key(), right.key(), differences.join("\n"));
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
        let expected = [
            r#"run["changed"][0]["a"]: 1 | "1""#,
            r#"run["left"]: null | nothing"#,
            r#"run["longer"]: [1] | [1,2]"#,
            r#"run["right"]: nothing | {}"#,
        ];
        assert_eq!(found, expected);
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
