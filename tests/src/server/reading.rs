//! The GraphQL operations of those who read runs.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use md5::{Digest, Md5};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::graphql::{variables, wrap_config};
use super::state::{Run, RunKey, State, Stream};
use super::{DEFAULT_ENTITY, files, filters};
use crate::json;

/// Answers an operation, if it is one of these: the field `project`, which is null if there is none of this name.
pub(super) fn resolve(
    state: &mut State,
    name: &str,
    query: &str,
    sent: &Value,
) -> Option<Result<Value, String>> {
    let of_run: fn(&mut State, &RunKey, &str, &Value) -> Result<Value, String> = match name {
        "Runs" => return Some(runs(state, query, sent)),
        "Run" => |state, key, query, _| Ok(select(node(&state.runs[key]), query)),
        "RunHistoryKeys" => |state, key, _, _| Ok(json!({"historyKeys": history_keys(&state.runs[key])})),
        "HistoryPage" | "RunFullHistory" => history,
        // Nothing has been exported.
        "RunParquetHistory" => {
            |_, _, _, _| Ok(json!({"parquetHistory": {"parquetUrls": [], "liveData": []}}))
        }
        "SampledHistoryPage" | "RunSampledHistory" => sampled_history,
        "RunFiles" => run_files,
        _ => return None,
    };
    let key = match named(sent) {
        Ok(key) => key,
        Err(error) => return Some(Err(error)),
    };
    if !has_project(state, &key) {
        return Some(Ok(json!({"project": null})));
    }
    if !state.runs.contains_key(&key) {
        return Some(Ok(json!({"project": {"run": null}})));
    }
    Some(of_run(state, &key, query, sent).map(|run| json!({"project": {"internalId": "1", "run": run}})))
}

/// What names a run; readers always name all of it.
fn named(sent: &Value) -> Result<RunKey, String> {
    #[derive(Deserialize)]
    struct Named {
        entity: String,
        project: String,
        #[serde(alias = "run", alias = "runName")]
        name: String,
    }
    let Named { entity, project, name } = variables(sent.clone())?;
    Ok(RunKey { entity, project, run_id: name })
}

fn has_project(state: &State, key: &RunKey) -> bool {
    state.runs.keys().any(|known| (&known.entity, &known.project) == (&key.entity, &key.project))
}

/// The list of runs.
fn runs(state: &State, query: &str, sent: &Value) -> Result<Value, String> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Sent {
        entity: String,
        project: String,
        cursor: Option<String>,
        per_page: Option<usize>,
        order: Option<String>,
        filters: Option<String>,
    }
    let sent: Sent = variables(sent.clone())?;
    let key = RunKey::new(sent.entity, sent.project, "");
    if !has_project(state, &key) {
        return Ok(json!({"project": null}));
    }
    let filter = sent.filters.as_deref().unwrap_or("{}");
    let filter = serde_json::from_str(filter).map_err(|e| format!("filters: {e}"))?;
    let mut found = Vec::new();
    for run in state.runs.values() {
        let here = (&run.key.entity, &run.key.project) == (&key.entity, &key.project);
        // Also for runs that are elsewhere: what is wrong with the filter is told.
        if filters::matches(&filter, run)? && here {
            found.push(run);
        }
    }
    filters::sort(&mut found, sent.order.as_deref().unwrap_or("+created_at"))?;
    let count = found.len();
    let (page, info) = page(found, sent.cursor.as_deref(), sent.per_page)?;
    let edges: Vec<Value> =
        page.map(|(run, cursor)| json!({"node": select(node(run), query), "cursor": cursor})).collect();
    Ok(json!({"project": {
        "internalId": "1", "readOnly": false, "runCount": count,
        "runs": {"edges": edges, "pageInfo": info},
    }}))
}

/// The part of a list that was asked for, each element with its cursor, and where the list goes on.
fn page<T>(
    list: Vec<T>,
    cursor: Option<&str>,
    size: Option<usize>,
) -> Result<(impl Iterator<Item = (T, String)>, Value), String> {
    let start = match cursor {
        None => 0,
        Some(cursor) => {
            let number = cursor.strip_prefix("after-").and_then(|number| number.parse::<usize>().ok());
            number.ok_or_else(|| format!("{cursor} is no cursor of this server"))?
        }
    };
    let size = size.unwrap_or(50);
    let end = list.len().min(start.saturating_add(size));
    let more = end < list.len();
    let info = json!({"endCursor": (end > start).then(|| format!("after-{end}")), "hasNextPage": more});
    let numbered = list.into_iter().enumerate().skip(start).take(size);
    Ok((numbered.map(|(number, element)| (element, format!("after-{}", number + 1))), info))
}

/// Only what a query asks for, as GraphQL does: a client that forgets a field shall miss it.
fn select(mut node: Map<String, Value>, query: &str) -> Value {
    let words: BTreeSet<&str> =
        query.split(|c: char| !c.is_alphanumeric() && c != '_').filter(|word| !word.is_empty()).collect();
    node.retain(|field, _| words.contains(field.as_str()));
    Value::Object(node)
}

/// All that can be asked for of a run.
fn node(run: &Run) -> Map<String, Value> {
    let mut config = run.config.clone();
    config.entry("_wandb").or_insert_with(|| json!({}));
    let node = json!({
        "id": run.storage_id,
        "projectId": "1",
        "name": run.key.run_id,
        "displayName": run.shown_name(),
        "tags": run.tags,
        "sweepName": run.sweep,
        "state": run.state(),
        "group": run.group,
        "jobType": run.job_type,
        "commit": run.commit,
        "readOnly": false,
        "createdAt": run.created_at,
        "heartbeatAt": run.heartbeat_at,
        "description": null,
        "notes": run.notes,
        "historyLineCount": run.lines(Stream::History).len(),
        "user": {"name": "Test", "username": DEFAULT_ENTITY},
        "config": with_bare_words(&wrap_config(&config)),
        "summaryMetrics": run.lines(Stream::Summary).last().map_or("{}", String::as_str),
        "systemMetrics": run.lines(Stream::Events).last().map_or("{}", String::as_str),
        "historyKeys": history_keys(run),
    });
    if let Value::Object(node) = node { node } else { Map::new() }
}

/// Bare words stand where the client had them.
fn with_bare_words(text: &str) -> String {
    let marks = [(json::NAN, "NaN"), (json::INFINITY, "Infinity"), (json::NEG_INFINITY, "-Infinity")];
    marks.into_iter().fold(text.to_owned(), |text, (mark, word)| text.replace(&format!("\"{mark}\""), word))
}

fn history_keys(run: &Run) -> Value {
    let last = run.lines(Stream::History).last().and_then(|line| step_of(line)).unwrap_or(-1);
    let keys: BTreeSet<String> =
        run.history().into_iter().flat_map(|row| row.into_iter().map(|(key, _)| key)).collect();
    let keys: Map<String, Value> = keys.into_iter().map(|key| (key, json!({}))).collect();
    json!({"sets": [], "keys": keys, "lastStep": last})
}

fn step_of(line: &str) -> Option<i64> {
    json::parse(line).ok()?.get("_step")?.as_i64()
}

/// Which rows: steps from `min_step`, below `max_step`, and no more than `samples` of them.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Part {
    min_step: Option<i64>,
    max_step: Option<i64>,
    #[serde(alias = "pageSize")]
    samples: Option<usize>,
}

impl Part {
    /// The lines of the part, of which some are left out if there are too many.
    fn of<'run>(&self, lines: impl Iterator<Item = &'run String>) -> Vec<&'run String> {
        let inside = |line: &&String| {
            let step = step_of(line).unwrap_or(-1);
            self.min_step.is_none_or(|min| step >= min) && self.max_step.is_none_or(|max| step < max)
        };
        let lines: Vec<&String> = lines.filter(inside).collect();
        let samples = self.samples.unwrap_or(500).max(1);
        if lines.len() <= samples {
            return lines;
        }
        (0..samples).map(|number| lines[number * lines.len() / samples]).collect()
    }
}

/// Whole rows, as texts.
fn history(state: &mut State, key: &RunKey, query: &str, sent: &Value) -> Result<Value, String> {
    let part: Part = variables(sent.clone())?;
    let run = &state.runs[key];
    let (field, stream) =
        if query.contains("events(") { ("events", Stream::Events) } else { ("history", Stream::History) };
    let lines = if stream == Stream::Events {
        run.lines(stream).iter().collect()
    } else {
        part.of(run.lines(stream).iter())
    };
    Ok(json!({field: lines}))
}

/// For each specification the rows that have all of its keys, and of them only these.
fn sampled_history(state: &mut State, key: &RunKey, _: &str, sent: &Value) -> Result<Value, String> {
    #[derive(Deserialize)]
    struct Sent {
        specs: Option<Vec<String>>,
        spec: Option<String>,
    }
    #[derive(Deserialize)]
    struct Spec {
        keys: Vec<String>,
        #[serde(flatten)]
        part: Part,
    }
    let sent: Sent = variables(sent.clone())?;
    let run = &state.runs[key];
    let mut lists = Vec::new();
    for text in sent.specs.into_iter().flatten().chain(sent.spec) {
        let mut spec: Spec = serde_json::from_str(&text).map_err(|e| format!("spec: {e}"))?;
        // Here the last step is inside.
        spec.part.max_step = spec.part.max_step.map(|last| last + 1);
        let has_all = |line: &&String| {
            json::parse_object(line).is_ok_and(|row| spec.keys.iter().all(|key| row.contains_key(key)))
        };
        let lines = spec.part.of(run.lines(Stream::History).iter().filter(has_all));
        let rows: Vec<Value> = lines.into_iter().map(|line| row(line, &spec.keys)).collect();
        lists.push(rows);
    }
    Ok(json!({"sampledHistory": lists}))
}

/// These keys of a line. Here are no bare words: what has no number is a text.
fn row(line: &str, keys: &[String]) -> Value {
    let mut row = json::parse_object(line).unwrap_or_default();
    row.retain(|key, _| keys.contains(key));
    let mut row = Value::Object(row);
    plain(&mut row);
    row
}

/// Puts texts in place of our marks for bare words.
fn plain(value: &mut Value) {
    match value {
        Value::String(text) => {
            for (mark, word) in
                [(json::NAN, "NaN"), (json::INFINITY, "Infinity"), (json::NEG_INFINITY, "-Infinity")]
            {
                if text == mark {
                    word.clone_into(text);
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(plain),
        Value::Object(object) => object.values_mut().for_each(plain),
        _ => {}
    }
}

/// The files, each with an address in the storage.
fn run_files(state: &mut State, key: &RunKey, query: &str, sent: &Value) -> Result<Value, String> {
    #[derive(Deserialize)]
    struct Sent {
        #[serde(rename = "fileCursor")]
        cursor: Option<String>,
        #[serde(rename = "fileLimit")]
        limit: Option<usize>,
        #[serde(rename = "fileNames", default)]
        names: Vec<String>,
    }
    let sent: Sent = variables(sent.clone())?;
    let wanted = |name: &String| sent.names.is_empty() || sent.names.contains(name);
    let found: Vec<(String, Vec<u8>)> = state.runs[key]
        .files
        .iter()
        .filter(|(name, _)| wanted(name))
        .map(|(name, bytes)| (name.clone(), bytes.clone()))
        .collect();
    let count = found.len();
    let (page, info) = page(found, sent.cursor.as_deref(), sent.limit)?;
    let mut edges = Vec::new();
    for ((name, bytes), cursor) in page {
        let url = files::grant(state, key, &name);
        let md5 = BASE64_STANDARD.encode(Md5::digest(&bytes));
        let node = json!({
            "id": format!("file-{name}"), "name": name, "url": url, "directUrl": url, "sizeBytes": bytes.len(),
            "mimetype": "application/octet-stream", "updatedAt": state.runs[key].heartbeat_at, "md5": md5,
        });
        let node = if let Value::Object(node) = node { select(node, query) } else { node };
        edges.push(json!({"node": node, "cursor": cursor}));
    }
    Ok(json!({"fileCount": count, "files": {"edges": edges, "pageInfo": info}}))
}
