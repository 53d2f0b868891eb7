//! The file stream: history, system metrics, summary and console, as lines at offsets.

use std::collections::BTreeMap;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State as Extract};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::received::gunzip;
use super::state::{Run, RunKey, State, Stream, Violation};
use super::{ConsoleLine, Shared, check_key};
use crate::json;

/// `POST /files/{entity}/{project}/{run}/file_stream`.
pub(super) async fn receive(
    Extract(shared): Extract<Shared>,
    Path((entity, project, run_id)): Path<(String, String, String)>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let mut guard = shared.lock();
    let state = &mut *guard;
    state.note_request(&method, &uri, None);
    if let Err(status) = check_key(state, &headers, uri.path()) {
        return status.into_response();
    }
    let request = decoded(state, &headers, &body)
        .and_then(|body| serde_json::from_slice::<Request>(&body).map_err(|error| error.to_string()));
    let mut request = match request {
        Ok(request) => request,
        Err(error) => {
            state.malformed(uri.path(), &error);
            return StatusCode::BAD_REQUEST.into_response();
        }
    };
    let key = RunKey { entity, project, run_id };
    let writer = headers.get("x-wandb-async-client-id").and_then(|id| id.to_str().ok());
    let is_async = headers.get("x-wandb-use-async-filestream").is_some_and(|on| on == "true");
    if is_async != writer.is_some() {
        state.malformed(uri.path(), &"one of the two headers of mode shared is missing");
    }
    let now = state.now();
    let Some(run) = state.runs.get_mut(&key) else {
        state.violations.push(Violation::UnknownRun { run: key });
        return StatusCode::NOT_FOUND.into_response();
    };
    run.heartbeat_at = now;
    let stop_asked = run.stop_asked;
    let run = match writer {
        None => run,
        // Each has lines of its own, from 0.
        Some(id) => {
            let complete = request.complete;
            run.complete |= complete;
            run.exit_code = request.exitcode.or(run.exit_code);
            report(std::mem::take(&mut request.uploaded), run, &mut state.violations);
            let of_writer = || Run { is_writer: true, key: run.key.clone(), ..Run::default() };
            run.writers.entry(id.to_owned()).or_insert_with(of_writer)
        }
    };
    if run.complete && run.last_request != body {
        state.violations.push(Violation::AfterComplete { run: key });
    }
    run.last_request = body.to_vec();
    let structured = state.features.contains("STRUCTURED_CONSOLE_LOGS");
    request.apply(run, structured, &mut state.violations);
    let answer = if stop_asked { json!({"stopped": true}) } else { json!({}) };
    Json(answer).into_response()
}

/// Files are reported when they are there.
fn report(files: Vec<String>, run: &mut Run, violations: &mut Vec<Violation>) {
    for file in files {
        if !run.files.contains_key(&file) {
            violations.push(Violation::NotUploaded { run: run.key.clone(), file: file.clone() });
        }
        run.reported_files.insert(file);
    }
}

/// The body, which may be compressed if the client was told so.
fn decoded(state: &State, headers: &HeaderMap, body: &Bytes) -> Result<Vec<u8>, String> {
    match headers.get(header::CONTENT_ENCODING).map(HeaderValue::as_bytes) {
        None => Ok(body.to_vec()),
        Some(b"gzip") if state.features.contains("FILESTREAM_GZIP") => {
            gunzip(body).map_err(|error| error.to_string())
        }
        Some(other) => Err(format!("the encoding {} is not known", String::from_utf8_lossy(other))),
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Request {
    #[serde(default)]
    files: BTreeMap<String, Chunk>,
    #[serde(default)]
    uploaded: Vec<String>,
    #[serde(default)]
    preempting: bool,
    #[serde(default)]
    complete: bool,
    exitcode: Option<i64>,
}

/// Lines of one stream, from a line number on.
#[derive(Deserialize)]
struct Chunk {
    #[serde(default)]
    offset: usize,
    content: Vec<String>,
}

impl Request {
    fn apply(self, run: &mut Run, structured: bool, violations: &mut Vec<Violation>) {
        run.stream_requests += 1;
        for (name, chunk) in self.files {
            match Stream::from_name(&name) {
                Some(stream) => chunk.write(stream, run, structured, violations),
                None => {
                    violations.push(Violation::Malformed { path: name, error: "no such stream".to_owned() });
                }
            }
        }
        report(self.uploaded, run, violations);
        run.preempting |= self.preempting;
        if self.complete {
            run.complete = true;
            run.exit_code = self.exitcode;
        }
    }
}

impl Chunk {
    fn write(self, stream: Stream, run: &mut Run, structured: bool, violations: &mut Vec<Violation>) {
        let key = &run.key;
        let lines = run.lines.entry(stream).or_default();
        // One of several writers who comes later counts from where the run was then.
        let first = if run.is_writer { *run.first.entry(stream).or_insert(self.offset) } else { 0 };
        // The summary is a single line, which is overwritten.
        let expected = if stream == Stream::Summary { 0 } else { first + lines.len() };
        if self.offset > expected || self.offset < first {
            // The lines between are lost, so these have no place: a test shall see that something is missing.
            violations.push(Violation::Gap { run: key.clone(), stream, expected, offset: self.offset });
            return;
        }
        let mut step = None;
        if stream == Stream::History {
            let before = (self.offset - first).checked_sub(1);
            step = before.and_then(|before| step_of(lines.get(before)?));
        }
        for (number, line) in (self.offset - first..).zip(self.content) {
            if let Err(error) = check(stream, number, &line, structured) {
                violations.push(Violation::InvalidLine {
                    run: key.clone(),
                    stream,
                    error,
                    line: line.clone(),
                });
            }
            if stream == Stream::History {
                let next = step_of(&line);
                if next <= step {
                    violations.push(Violation::Step { run: key.clone(), line: number });
                }
                step = next.max(step);
            }
            match lines.get_mut(number) {
                None => lines.push(line),
                Some(there) if *there == line => {}
                Some(there) => {
                    if matches!(stream, Stream::History | Stream::Events) {
                        violations.push(Violation::Rewritten { run: key.clone(), stream, line: number });
                    }
                    *there = line;
                }
            }
        }
    }
}

/// Whether a line is what its stream is made of.
fn check(stream: Stream, number: usize, line: &str, structured: bool) -> Result<(), String> {
    match stream {
        Stream::Console if structured => ConsoleLine::parse(line).map(drop),
        Stream::Console => ConsoleLine::text(line).map(drop).map_err(str::to_owned),
        Stream::Summary if number > 0 => Err("the summary is a single line".to_owned()),
        _ => json::parse_object(line).map(drop).map_err(|error| error.to_string()),
    }
}

/// The `_step` of a history row.
fn step_of(line: &str) -> Option<i64> {
    json::parse(line).ok()?.get("_step").and_then(Value::as_i64)
}
