//! Filters of runs, as `MongoDB` evaluates them, and orders.

use std::cmp::Ordering;

use regex::Regex;
use serde_json::{Map, Value, json};

use super::state::{Run, Stream};
use crate::json::Row;

/// Whether a filter, as clients send it, holds for a run.
///
/// # Errors
///
/// If the filter is not one that a server takes.
pub fn matches(filter: &Value, run: &Run) -> Result<bool, String> {
    let conditions = filter.as_object().ok_or_else(|| format!("a filter must be an object: {filter}"))?;
    // All are looked at, so that what is wrong with one is told whatever the others say.
    let mut all = true;
    for (key, condition) in conditions {
        all &= match key.as_str() {
            "$and" => each(condition, run)?.iter().all(|holds| *holds),
            "$or" => each(condition, run)?.iter().any(|holds| *holds),
            "$nor" => !each(condition, run)?.iter().any(|holds| *holds),
            operator if operator.starts_with('$') => return Err(format!("unknown operator {operator}")),
            field => holds(condition, field_of(run, field)?.as_ref())?,
        };
    }
    Ok(all)
}

/// Which of the filters of a list hold.
fn each(filters: &Value, run: &Run) -> Result<Vec<bool>, String> {
    match filters.as_array().filter(|filters| !filters.is_empty()) {
        Some(filters) => filters.iter().map(|filter| matches(filter, run)).collect(),
        None => Err(format!("a list of filters must not be empty: {filters}")),
    }
}

/// The value of a field; none if the run has none.
pub(super) fn field_of(run: &Run, field: &str) -> Result<Option<Value>, String> {
    if let Some(key) = field.strip_prefix("config.") {
        return Ok(nested(&run.config(), key));
    }
    if let Some(key) = field.strip_prefix("summary_metrics.") {
        return Ok(nested(&run.summary(), key));
    }
    let value = match field {
        "name" => json!(run.key().run_id),
        "displayName" => json!(run.shown_name()),
        "state" => json!(run.state()),
        "tags" => json!(run.tags),
        "group" => json!(run.group),
        "jobType" => json!(run.job_type),
        "createdAt" | "created_at" => json!(run.created_at),
        "heartbeatAt" | "heartbeat_at" => json!(run.heartbeat_at),
        "sweep" => json!(run.sweep),
        "historyLineCount" => json!(run.lines(Stream::History).len()),
        other => return Err(format!("unknown field {other}")),
    };
    Ok(Some(value).filter(|value| !value.is_null()))
}

/// The value of a key, or where dots lead.
fn nested(values: &Row, key: &str) -> Option<Value> {
    fn find(values: &Map<String, Value>, key: &str) -> Option<Value> {
        let whole = values.get(key).cloned();
        whole.or_else(|| {
            key.match_indices('.')
                .find_map(|(at, _)| find(values.get(&key[..at])?.as_object()?, &key[at + 1..]))
        })
    }
    find(values, key)
}

/// Whether a condition holds for a value.
fn holds(condition: &Value, value: Option<&Value>) -> Result<bool, String> {
    let operators = condition.as_object().filter(|object| object.keys().any(|key| key.starts_with('$')));
    let Some(operators) = operators else { return Ok(equal(condition, value)) };
    let mut all = true;
    for (operator, operand) in operators {
        let list = || operand.as_array().ok_or_else(|| format!("{operator} needs a list: {operand}"));
        let order = |wanted: &[Ordering]| {
            any_element(value, |value| compare(value, operand).is_some_and(|order| wanted.contains(&order)))
        };
        all &= match operator.as_str() {
            "$eq" => equal(operand, value),
            "$ne" => !equal(operand, value),
            "$gt" => order(&[Ordering::Greater]),
            "$gte" => order(&[Ordering::Greater, Ordering::Equal]),
            "$lt" => order(&[Ordering::Less]),
            "$lte" => order(&[Ordering::Less, Ordering::Equal]),
            "$in" => list()?.iter().any(|operand| equal(operand, value)),
            "$nin" => !list()?.iter().any(|operand| equal(operand, value)),
            "$exists" => {
                let wanted = operand.as_bool().ok_or_else(|| format!("$exists needs a bool: {operand}"))?;
                value.is_some() == wanted
            }
            "$regex" => {
                let text = operand.as_str().ok_or_else(|| format!("$regex needs a text: {operand}"))?;
                let regex = Regex::new(text).map_err(|e| e.to_string())?;
                any_element(value, |value| value.as_str().is_some_and(|text| regex.is_match(text)))
            }
            other => return Err(format!("unknown operator {other}")),
        };
    }
    Ok(all)
}

/// Whether it holds for the value or, if that is a list, for one in it.
fn any_element(value: Option<&Value>, holds: impl Fn(&Value) -> bool) -> bool {
    match value {
        Some(Value::Array(list)) => list.iter().any(holds),
        Some(value) => holds(value),
        None => false,
    }
}

/// Equality: nothing equals `null`, and a list what is in it.
fn equal(operand: &Value, value: Option<&Value>) -> bool {
    let same = |value: &Value| match (operand.as_f64(), value.as_f64()) {
        (Some(a), Some(b)) => compare_numbers(a, b) == Some(Ordering::Equal),
        _ => operand == value,
    };
    match value {
        None => operand.is_null(),
        Some(value) => same(value) || any_element(Some(value), same),
    }
}

fn compare_numbers(a: f64, b: f64) -> Option<Ordering> {
    a.partial_cmp(&b)
}

/// The order of two values of one kind.
fn compare(a: &Value, b: &Value) -> Option<Ordering> {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => compare_numbers(a.as_f64()?, b.as_f64()?),
        (Value::String(a), Value::String(b)) => Some(a.cmp(b)),
        _ => None,
    }
}

/// Sorts runs as an order says; those without a value come last, and equal ones by their creation.
///
/// # Errors
///
/// If the order is not one that a server takes.
pub(super) fn sort(runs: &mut Vec<&Run>, order: &str) -> Result<(), String> {
    let (descending, field) = match order.split_at_checked(1) {
        Some(("-", field)) => (true, field),
        Some(("+", field)) => (false, field),
        _ => (false, order),
    };
    let known = ["created_at", "heartbeat_at"].contains(&field) || field.starts_with("summary_metrics.");
    let field = match (field.starts_with("config."), field.strip_suffix(".value")) {
        (true, Some(field)) => field,
        (true, None) => return Err(format!("the order {order} must end in .value")),
        (false, _) if known => field,
        (false, _) => return Err(format!("unknown order {order}")),
    };
    let mut keyed = Vec::new();
    for run in runs.iter() {
        keyed.push((field_of(run, field)?, *run));
    }
    let rank = |value: &Option<Value>| match value {
        Some(Value::Number(_)) => 0,
        Some(Value::String(_)) => 1,
        _ => 2,
    };
    keyed.sort_by(|(a, of_a), (b, of_b)| {
        let values = a.as_ref().zip(b.as_ref()).and_then(|(a, b)| compare(a, b)).unwrap_or(Ordering::Equal);
        let values = if descending { values.reverse() } else { values };
        rank(a).cmp(&rank(b)).then(values).then_with(|| of_a.created_at.cmp(&of_b.created_at))
    });
    *runs = keyed.into_iter().map(|(_, run)| run).collect();
    Ok(())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "test code")]
mod tests {
    use super::*;
    use crate::server::RunKey;

    fn run() -> Run {
        let config = json!({"lr": 0.1, "opt": {"name": "adam"}, "list": [1, 2], "a.b": 3, "none": null});
        Run {
            key: RunKey::new("e", "p", "r1"),
            tags: vec!["x".to_owned(), "y".to_owned()],
            config: config.as_object().unwrap().clone(),
            created_at: "2026-01-01T00:00:07Z".to_owned(),
            ..Run::default()
        }
    }

    #[test]
    fn it_is_mongo() {
        let run = run();
        for (filter, want) in [
            (json!({}), true),
            (json!({"tags": "x"}), true),
            (json!({"tags": ["x", "y"]}), true),
            (json!({"tags": "z"}), false),
            (json!({"tags": {"$nin": ["y"]}}), false),
            (json!({"config.lr": {"$gt": 0, "$lt": 1}}), true),
            (json!({"config.lr": {"$gt": "0"}}), false),
            (json!({"config.opt.name": {"$regex": "^ad"}}), true),
            (json!({"config.opt": {"name": "adam"}}), true),
            (json!({"config.list": {"$gte": 2}}), true),
            (json!({"config.a.b": {"$in": [3.0]}}), true),
            (json!({"config.absent": null}), true),
            (json!({"config.absent": {"$ne": 1}}), true),
            (json!({"config.absent": {"$lt": 1}}), false),
            (json!({"config.none": {"$exists": true}}), true),
            (json!({"group": {"$exists": false}}), true),
            (json!({"createdAt": {"$gte": "2026-01-01T00:00:07Z"}}), true),
            (json!({"$nor": [{"state": "finished"}, {"name": "r2"}]}), true),
            (json!({"$or": [{"state": "finished"}, {"$and": [{"name": "r1"}, {"tags": "y"}]}]}), true),
        ] {
            assert_eq!(matches(&filter, &run), Ok(want), "{filter}");
        }
    }

    #[test]
    fn what_no_server_takes_is_an_error() {
        for filter in [
            json!([]),
            json!({"$and": []}),
            json!({"$xor": [{}]}),
            json!({"planet": "earth"}),
            json!({"name": {"$like": "r"}}),
            json!({"name": {"$in": "r"}}),
            json!({"name": {"$regex": "("}}),
            json!({"name": "other", "$where": "1"}),
        ] {
            assert!(matches(&filter, &run()).is_err(), "{filter}");
        }
    }
}
