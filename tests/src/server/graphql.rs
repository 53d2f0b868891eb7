//! The GraphQL operations that a run needs.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State as Extract;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::state::{Alert, Run, RunKey, State, Stream, Violation};
use super::{DEFAULT_ENTITY, DEFAULT_PROJECT, Shared, check_key, files, reading};
use crate::json::{self, Row};

/// `POST /graphql`.
pub(super) async fn answer(
    Extract(shared): Extract<Shared>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mut state = shared.lock();
    let request: Request = match serde_json::from_slice(&body) {
        Ok(request) => request,
        Err(error) => {
            state.note_request(&method, &uri, None);
            state.malformed(uri.path(), &error);
            return (StatusCode::BAD_REQUEST, failure("the request is not valid")).into_response();
        }
    };
    let name = request.name().to_owned();
    state.note_request(&method, &uri, Some(&name));
    if let Err(status) = check_key(&mut state, &headers, uri.path()) {
        return (status, failure("the API key is missing or wrong")).into_response();
    }
    match resolve(&mut state, &name, request) {
        Ok(data) => Json(json!({"data": data})).into_response(),
        Err(message) => failure(&message).into_response(),
    }
}

fn failure(message: &str) -> Json<Value> {
    Json(json!({"data": null, "errors": [{"message": message}]}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Request {
    query: String,
    #[serde(default)]
    variables: Value,
    operation_name: Option<String>,
}

impl Request {
    /// The operation's name: the field, or else what follows the first word of the query, comments apart.
    fn name(&self) -> &str {
        let named = self.operation_name.as_deref().filter(|name| !name.is_empty());
        named.unwrap_or_else(|| {
            let lines = self.query.lines().filter(|line| !line.trim_start().starts_with('#'));
            let words = lines.flat_map(|line| line.split(|c: char| !c.is_alphanumeric() && c != '_'));
            words.filter(|word| !word.is_empty()).nth(1).unwrap_or_default()
        })
    }
}

/// The root field of each operation, and what answers it.
type Operation = fn(&mut State, Value) -> Result<Value, String>;

const OPERATIONS: [(&str, &str, Operation); 12] = [
    ("Viewer", "viewer", |_, _| Ok(viewer())),
    ("GetDefaultEntity", "viewer", |_, _| Ok(viewer())),
    ("ServerFeaturesQuery", "serverInfo", |state, _| Ok(server_features(state))),
    ("ServerInfo", "serverInfo", |_, _| Ok(server_info())),
    ("UpsertBucket", "upsertBucket", upsert_bucket),
    ("RunResumeStatus", "model", run_resume_status),
    ("RewindRun", "rewindRun", rewind_run),
    ("RunFiles", "project", run_files),
    ("QueryRunInfo", "project", query_run_info),
    ("CreateRunFiles", "createRunFiles", create_run_files),
    ("NotifyScriptableRunAlert", "notifyScriptableRunAlert", notify_scriptable_run_alert),
    ("OrganizationCoreWeaveOrganizationID", "entity", |_, _| Ok(organization())),
];

fn resolve(state: &mut State, name: &str, request: Request) -> Result<Value, String> {
    if let Some(answer) = reading::resolve(state, name, &request.query, &request.variables) {
        return answer.inspect_err(|error| state.malformed("/graphql", &format!("{name}: {error}")));
    }
    let Some((_, root, operation)) = OPERATIONS.into_iter().find(|(known, ..)| *known == name) else {
        state.violations.push(Violation::UnknownOperation { name: name.to_owned() });
        return Err(format!("unknown operation {name}"));
    };
    let answer = if request.query.contains(root) {
        operation(state, request.variables)
    } else {
        Err(format!("the query has no field {root}"))
    };
    answer.inspect_err(|error| state.malformed("/graphql", &format!("{name}: {error}")))
}

pub(super) fn variables<T: DeserializeOwned>(variables: Value) -> Result<T, String> {
    serde_json::from_value(variables).map_err(|error| error.to_string())
}

/// The three variables that name a run.
#[derive(Deserialize)]
struct RunVariables {
    entity: Option<String>,
    project: Option<String>,
    #[serde(alias = "name")]
    run: String,
}

impl RunVariables {
    fn key(self) -> RunKey {
        run_key(self.entity, self.project, self.run)
    }
}

/// The key of a run; the server has defaults where a client sent nothing.
fn run_key(entity: Option<String>, project: Option<String>, run_id: String) -> RunKey {
    let or = |sent: Option<String>, default: &str| {
        sent.filter(|sent| !sent.is_empty()).unwrap_or(default.to_owned())
    };
    RunKey { entity: or(entity, DEFAULT_ENTITY), project: or(project, DEFAULT_PROJECT), run_id }
}

/// The run of this key, which must exist.
fn known<'state>(state: &'state mut State, key: &RunKey) -> Result<&'state mut Run, String> {
    state.runs.get_mut(key).ok_or_else(|| format!("there is no run {key}"))
}

fn viewer() -> Value {
    json!({"viewer": {
        "id": "user-1",
        "entity": DEFAULT_ENTITY,
        "username": DEFAULT_ENTITY,
        "email": "test@example.com",
        "flags": "{}",
        "teams": {"edges": []},
    }})
}

fn server_features(state: &State) -> Value {
    let feature = |name: &String| json!({"name": name, "isEnabled": true});
    let mut features: Vec<Value> = state.features.iter().map(feature).collect();
    // One that is there and off.
    features.push(json!({"name": "EXPAND_DEFINED_METRIC_GLOBS", "isEnabled": false}));
    json!({"serverInfo": {"features": features}})
}

fn server_info() -> Value {
    json!({"serverInfo": {
        "cliVersionInfo": {"min_cli_version": "0.10.0", "max_cli_version": "1.0.0"},
        "latestLocalVersionInfo": null,
    }})
}

fn organization() -> Value {
    json!({"entity": {"organization": {"coreWeaveOrganizationId": null}}})
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct UpsertBucket {
    id: Option<String>,
    name: Option<String>,
    project: Option<String>,
    entity: Option<String>,
    group_name: Option<String>,
    display_name: Option<String>,
    notes: Option<String>,
    commit: Option<String>,
    config: Option<String>,
    host: Option<String>,
    program: Option<String>,
    repo: Option<String>,
    job_type: Option<String>,
    sweep: Option<String>,
    tags: Option<Vec<String>>,
}

/// Creates or updates a run. What is null stays as it is.
fn upsert_bucket(state: &mut State, sent: Value) -> Result<Value, String> {
    let sent: UpsertBucket = variables(sent)?;
    let by_id =
        |id: &String| state.runs.values().find(|run| run.storage_id == *id).map(|run| run.key.clone());
    let key = match (sent.id.as_ref(), sent.name) {
        (_, Some(name)) => run_key(sent.entity, sent.project, name),
        (Some(id), None) => by_id(id).ok_or_else(|| format!("there is no run with the id {id}"))?,
        (None, None) => return Err("neither id nor name".to_owned()),
    };
    let config = sent.config.as_deref().map(unwrap_config).transpose()?;

    let count = state.runs.len();
    let now = state.now();
    let mut inserted = false;
    let run = state.runs.entry(key.clone()).or_insert_with(|| {
        inserted = true;
        let storage_id = format!("run-{}", count + 1);
        Run { storage_id, created_at: now.clone(), key, ..Run::default() }
    });
    run.heartbeat_at = now;
    replace(&mut run.group, sent.group_name);
    replace(&mut run.display_name, sent.display_name);
    replace(&mut run.notes, sent.notes);
    replace(&mut run.commit, sent.commit);
    replace(&mut run.host, sent.host);
    replace(&mut run.program, sent.program);
    replace(&mut run.repo, sent.repo);
    replace(&mut run.job_type, sent.job_type);
    replace(&mut run.sweep, sent.sweep);
    run.tags = sent.tags.unwrap_or_else(|| std::mem::take(&mut run.tags));
    run.config = config.unwrap_or_else(|| std::mem::take(&mut run.config));
    run.branch_point = run.internal().remove("branch_point").or(run.branch_point.take());
    run.upserts += 1;
    // A run that is taken up again is open again.
    run.complete = false;
    run.exit_code = None;

    Ok(json!({"upsertBucket": {
        "inserted": inserted,
        "bucket": {
            "id": run.storage_id,
            "name": run.key.run_id,
            "displayName": run.display_name.clone().unwrap_or_else(|| format!("made-up-name-{count}")),
            "description": null,
            "config": wrap_config(&run.config),
            "sweepName": run.sweep,
            "project": project(&run.key),
            "historyLineCount": run.lines(Stream::History).len(),
        },
    }}))
}

fn replace(field: &mut Option<String>, sent: Option<String>) {
    if sent.is_some() {
        *field = sent;
    }
}

fn project(key: &RunKey) -> Value {
    json!({"id": "project-1", "name": key.project, "entity": {"id": "entity-1", "name": key.entity}})
}

/// Takes the configuration out of its wrapping: `{"lr": {"value": 0.1}}` is `{"lr": 0.1}`.
fn unwrap_config(text: &str) -> Result<Row, String> {
    let wrapped = json::parse_object(text).map_err(|error| format!("config: {error}"))?;
    let unwrap = |(key, mut value): (String, Value)| match value.get_mut("value").map(Value::take) {
        Some(value) => Ok((key, value)),
        None => Err(format!("config: {key} has no value")),
    };
    wrapped.into_iter().map(unwrap).collect()
}

/// Puts the configuration into its wrapping.
pub(super) fn wrap_config(config: &Row) -> String {
    let wrap = |(key, value): (&String, &Value)| (key.clone(), json!({"value": value}));
    Value::Object(config.iter().map(wrap).collect()).to_string()
}

/// What a client needs in order to continue a run.
fn run_resume_status(state: &mut State, sent: Value) -> Result<Value, String> {
    let key = variables::<RunVariables>(sent)?.key();
    let bucket = state.runs.get(&key).map(|run| {
        let tail = |stream| json!(run.lines(stream).last().into_iter().collect::<Vec<_>>()).to_string();
        let telemetry: Row = run.internal().into_iter().filter(|(key, _)| key == "t").collect();
        json!({
            "id": run.storage_id,
            "name": key.run_id,
            "displayName": run.shown_name(),
            "summaryMetrics": run.lines(Stream::Summary).last(),
            "logLineCount": run.lines(Stream::Console).len(),
            "historyLineCount": run.lines(Stream::History).len(),
            "eventsLineCount": run.lines(Stream::Events).len(),
            "historyTail": tail(Stream::History),
            "eventsTail": tail(Stream::Events),
            "config": wrap_config(&run.config),
            "tags": run.tags,
            "notes": run.notes,
            "wandbConfig": Value::Object(telemetry).to_string(),
        })
    });
    let mut model = project(&key);
    model["bucket"] = bucket.unwrap_or_default();
    Ok(json!({"model": model}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RewindRun {
    run_name: String,
    entity: Option<String>,
    project: Option<String>,
    metric_name: String,
    metric_value: f64,
}

/// Takes a run back: the rows behind the step are gone, and what came with them.
fn rewind_run(state: &mut State, sent: Value) -> Result<Value, String> {
    let sent: RewindRun = variables(sent)?;
    if sent.metric_name != "_step" {
        return Err(format!("a run is rewound by `_step`, not by `{}`", sent.metric_name));
    }
    let run = known(state, &run_key(sent.entity, sent.project, sent.run_name))?;
    let kept =
        run.history().iter().take_while(|row| row["_step"].as_f64() <= Some(sent.metric_value)).count();
    run.lines.entry(Stream::History).or_default().truncate(kept);
    // The client begins these anew.
    for stream in [Stream::Events, Stream::Console, Stream::Summary] {
        run.lines.remove(&stream);
    }
    run.rewinds += 1;
    Ok(json!({"rewindRun": {"rewoundRun": {
        "id": run.storage_id,
        "name": run.key.run_id,
        "displayName": run.display_name,
        "description": null,
        "config": wrap_config(&run.config),
        "sweepName": run.sweep,
        "project": project(&run.key),
        "historyLineCount": kept,
    }}}))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RunFiles {
    #[serde(flatten)]
    run: RunVariables,
    file_names: Vec<String>,
    file_limit: usize,
}

/// Files of a run, by their names.
fn run_files(state: &mut State, sent: Value) -> Result<Value, String> {
    let sent: RunFiles = variables(sent)?;
    let run = state.runs.get(&sent.run.key()).map(|run| {
        let found = sent.file_names.iter().filter_map(|name| Some((name, run.files.get(name)?.len())));
        let edges = found.take(sent.file_limit).map(|(name, length)| {
            // A 64-bit number is text, as GraphQL has only 32 bits.
            json!({"node": {"name": name, "sizeBytes": length.to_string()}})
        });
        json!({"files": {"edges": edges.collect::<Vec<_>>()}})
    });
    Ok(json!({"project": {"run": run}}))
}

fn query_run_info(state: &mut State, sent: Value) -> Result<Value, String> {
    let key = variables::<RunVariables>(sent)?.key();
    let run = known(state, &key)?;
    Ok(json!({"project": {"run": {
        "displayName": run.display_name,
        "summaryMetrics": run.lines(Stream::Summary).last(),
    }}}))
}

#[derive(Deserialize)]
struct CreateRunFiles {
    #[serde(flatten)]
    run: RunVariables,
    files: Vec<String>,
}

/// Grants the upload of files.
fn create_run_files(state: &mut State, sent: Value) -> Result<Value, String> {
    let sent: CreateRunFiles = variables(sent)?;
    let key = sent.run.key();
    let run_id = known(state, &key)?.storage_id.clone();
    let mut granted = Vec::new();
    for name in sent.files {
        granted.push(json!({"name": name, "uploadUrl": files::grant(state, &key, &name)}));
    }
    Ok(
        json!({"createRunFiles": {"runID": run_id, "uploadHeaders": [files::UPLOAD_HEADER], "files": granted}}),
    )
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NotifyScriptableRunAlert {
    entity_name: String,
    project_name: String,
    run_name: String,
    title: String,
    text: String,
    severity: Option<String>,
    wait_duration: Option<i64>,
}

fn notify_scriptable_run_alert(state: &mut State, sent: Value) -> Result<Value, String> {
    let sent: NotifyScriptableRunAlert = variables(sent)?;
    let run = known(state, &RunKey::new(sent.entity_name, sent.project_name, sent.run_name))?;
    run.alerts.push(Alert {
        title: sent.title,
        text: sent.text,
        severity: sent.severity.unwrap_or_else(|| "INFO".to_owned()),
        wait_duration: sent.wait_duration.unwrap_or_default(),
    });
    Ok(json!({"notifyScriptableRunAlert": {"success": true}}))
}
