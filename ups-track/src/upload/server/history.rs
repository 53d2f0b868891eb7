//! Rows as the server has them, and whether they are rows of a log.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::client::Client;
use super::target::Target;
use crate::json;
use crate::upload::Failure;
use crate::upload::transport::Endpoint;

/// Rows whose steps are in a range, as W&B's client asks for them.
pub(crate) const HISTORY_PAGE: &str = "query HistoryPage($project: String!, $entity: String!, $run: String!, \
$minStep: Int64!, $maxStep: Int64!, $pageSize: Int!) { project(name: $project, entityName: $entity) { \
run(name: $run) { history(minStep: $minStep, maxStep: $maxStep, samples: $pageSize) } } }";

/// A row, key by key.
pub(crate) type Row = Map<String, Value>;

/// Seconds by which times of the same row may differ: what is between may have written the number anew.
const INSTANT: f64 = 2e-6;

impl Client {
    /// The rows of a run with steps from `from` up to below `end`, at most `most` of them.
    pub(crate) async fn rows(
        &self,
        target: &Target,
        from: i64,
        end: i64,
        most: usize,
    ) -> Result<Vec<Row>, Failure> {
        #[derive(Deserialize)]
        struct Run {
            history: Vec<Value>,
        }
        #[derive(Deserialize)]
        struct Project {
            run: Option<Run>,
        }
        let Target { entity, project, run } = target;
        let variables = json!({
            "entity": entity, "project": project, "run": run, "minStep": from, "maxStep": end, "pageSize": most,
        });
        let operation = ("HistoryPage", HISTORY_PAGE);
        let project: Option<Project> =
            self.graphql(Endpoint::GraphQl, "the rows of the run", operation, variables, "project").await?;
        let rows = project.and_then(|project| project.run).map(|run| run.history).unwrap_or_default();
        Ok(rows.into_iter().filter_map(row_of).collect())
    }
}

/// A row that comes as a text, or as it is.
fn row_of(found: Value) -> Option<Row> {
    match found {
        Value::String(line) => parse(&line),
        Value::Object(row) => Some(row),
        _ => None,
    }
}

/// The row of a line.
pub(crate) fn parse(line: &str) -> Option<Row> {
    serde_json::from_str(&json::standard(line)?).ok()
}

/// `_step` of a row.
pub(crate) fn step_of(row: &Row) -> Option<i64> {
    row.get("_step")?.as_i64()
}

/// The last line of a tail: JSON text of a list of JSON texts.
pub(crate) fn last_of(tail: Option<&str>) -> Option<Row> {
    let lines: Vec<String> = serde_json::from_str(tail?).ok()?;
    parse(lines.last()?)
}

/// Whether the server's row is the one of a log: the same values at the same time. Step and run time are counted anew
/// wherever a run goes on, and say nothing.
pub(crate) fn is_same(there: &Row, line: &str) -> bool {
    // Most rows are others, and their time says it.
    let time = there.get("_timestamp").and_then(Value::as_f64);
    if let (Some(time), Some(own)) = (time, time_of(line))
        && (time - own).abs() > INSTANT
    {
        return false;
    }
    let Some(own) = parse(line) else { return false };
    if time.is_some() != own.contains_key("_timestamp") {
        return false;
    }
    let counted = ["_step", "_runtime", "_timestamp"];
    let values = |row: &Row| row.keys().filter(|key| !counted.contains(&key.as_str())).count();
    // A row without a time must have nothing else.
    (time.is_some() || values(there) == values(&own))
        && own.iter().all(|(key, value)| counted.contains(&key.as_str()) || is_alike(there.get(key), value))
}

/// The time in a line, without taking it apart.
fn time_of(line: &str) -> Option<f64> {
    const KEY: &str = "\"_timestamp\":";
    let rest = line.get(line.rfind(KEY)? + KEY.len()..)?;
    let end = rest.find([',', '}'])?;
    rest.get(..end)?.trim().parse().ok()
}

/// Whether two values may be the same one: servers write numbers anew, leave out what is none, and change media.
fn is_alike(there: Option<&Value>, own: &Value) -> bool {
    match (there, own) {
        (_, Value::Object(_) | Value::Null) => true,
        (Some(Value::Number(there)), Value::Number(own)) => match (there.as_f64(), own.as_f64()) {
            (Some(there), Some(own)) => (there - own).abs() <= 1e-9 * own.abs().max(there.abs()),
            _ => there == own,
        },
        // What is no number is written in several ways.
        (there, Value::String(text)) if is_no_number(text) => match there {
            None | Some(Value::Null) => true,
            Some(Value::String(there)) => is_no_number(there),
            Some(_) => false,
        },
        (Some(Value::Array(there)), Value::Array(own)) => {
            there.len() == own.len() && there.iter().zip(own).all(|(there, own)| is_alike(Some(there), own))
        }
        (Some(there), own) => there == own,
        (None, _) => false,
    }
}

fn is_no_number(text: &str) -> bool {
    matches!(text, "NaN" | "Infinity" | "-Infinity")
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn a_row_is_known_by_time_and_values() {
        let line =
            r#"{"a":0.1,"m":{"_type":"x"},"n":NaN,"s":"t","l":[1,2],"_timestamp":1767225600.25,"_step":3}"#;
        let row = |text: &str| parse(text).unwrap();
        for same in [
            line,
            r#"{"a":0.10000000000000001,"m":1,"n":"NaN","s":"t","l":[1,2.0],"_timestamp":1767225600.2500002,"_step":9,"_runtime":4,"more":1}"#,
            r#"{"a":0.1,"s":"t","l":[1,2],"_timestamp":1767225600.25}"#,
        ] {
            assert!(is_same(&row(same), line), "{same}");
        }
        for other in [
            r#"{"a":0.1,"s":"t","l":[1,2],"_timestamp":1767225600.26}"#,
            r#"{"a":0.2,"s":"t","l":[1,2],"_timestamp":1767225600.25}"#,
            r#"{"a":0.1,"s":"t","l":[1],"_timestamp":1767225600.25}"#,
            r#"{"s":"t","l":[1,2],"_timestamp":1767225600.25}"#,
            r#"{"a":0.1,"m":{"_type":"x"},"n":NaN,"s":"t","l":[1,2],"_step":3}"#,
        ] {
            assert!(!is_same(&row(other), line), "{other}");
        }
        // A row without a time is known by all that it has.
        assert!(is_same(&row(r#"{"a":1,"_step":5}"#), r#"{"a":1,"_step":0}"#));
        assert!(!is_same(&row(r#"{"a":1,"b":2,"_step":5}"#), r#"{"a":1,"_step":5}"#));
        assert!(!is_same(&row(r#"{"a":1,"b":2,"_step":5}"#), r#"{"a":1,"_timestamp":5}"#));
    }
}
