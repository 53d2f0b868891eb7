//! The file stream: lines at offsets, in requests one after another.

use serde::Serialize;

use super::Failure;
use super::graphql::Target;
use super::http::retry::Endpoint;
use super::http::{Asked, Client};
use super::state::{Memory, Place, Sending};

/// Bytes of lines in one request. W&B's client sends at most 10 MiB; less keeps our memory small.
const REQUEST_BYTES: usize = 2 * 1024 * 1024;

/// Lines in one request.
const REQUEST_LINES: usize = 20_000;

/// The longest line that a server takes.
const LINE_BYTES: usize = 10_383_360;

/// Bytes that an answer may have.
const LIMIT: usize = 1024 * 1024;

/// Which stream of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lane {
    History,
    Events,
    Console,
}

/// The lines of one lane.
#[derive(Debug, Default)]
struct Lines {
    /// Lines that the server has from an earlier upload.
    skip: u64,
    pending: Vec<String>,
    too_long: u64,
}

/// What is to be sent to the streams of one run.
#[derive(Debug)]
pub(crate) struct Stream {
    path: [String; 3],
    lanes: [Lines; 3],
    bytes: usize,
}

/// What ends a stream.
#[derive(Debug, Default)]
pub(crate) struct End {
    pub(crate) summary: String,
    pub(crate) uploaded: Vec<String>,
    pub(crate) preempting: bool,
    /// The exit code; none if the run stays open.
    pub(crate) exit_code: Option<i32>,
}

#[derive(Serialize)]
struct Chunk<'a> {
    offset: u64,
    content: &'a [String],
}

#[derive(Serialize, Default)]
struct Files<'a> {
    #[serde(rename = "wandb-history.jsonl", skip_serializing_if = "Option::is_none")]
    history: Option<Chunk<'a>>,
    #[serde(rename = "wandb-events.jsonl", skip_serializing_if = "Option::is_none")]
    events: Option<Chunk<'a>>,
    #[serde(rename = "wandb-summary.json", skip_serializing_if = "Option::is_none")]
    summary: Option<Chunk<'a>>,
    #[serde(rename = "output.log", skip_serializing_if = "Option::is_none")]
    console: Option<Chunk<'a>>,
}

#[derive(Serialize, Default)]
struct Request<'a> {
    files: Files<'a>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    uploaded: &'a [String],
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    preempting: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    complete: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exitcode: Option<i32>,
}

impl Stream {
    pub(crate) fn new(target: &Target, sending: &Sending) -> Self {
        let lines = |place: Place| Lines { skip: place.lines, ..Lines::default() };
        Self {
            path: [target.entity.clone(), target.project.clone(), target.run.clone()],
            lanes: [lines(sending.history), lines(sending.events), lines(sending.console)],
            bytes: 0,
        }
    }

    /// Takes a line of the log. One that no server takes is left out.
    pub(crate) fn push(&mut self, lane: Lane, line: String) {
        let Some(lines) = self.lanes.get_mut(lane as usize) else { return };
        if line.len() > LINE_BYTES {
            lines.too_long += 1;
        } else if lines.skip > 0 {
            lines.skip -= 1;
        } else {
            self.bytes += line.len();
            lines.pending.push(line);
        }
    }

    /// Lines that were longer than a server takes.
    pub(crate) fn too_long(&self) -> u64 {
        self.lanes.iter().map(|lines| lines.too_long).sum()
    }

    /// Whether there is enough for a request.
    pub(crate) fn is_full(&self) -> bool {
        let most = self.lanes.iter().map(|lines| lines.pending.len()).max().unwrap_or(0);
        self.bytes >= REQUEST_BYTES || most >= REQUEST_LINES
    }

    /// Sends what there is.
    ///
    /// # Errors
    ///
    /// If the server does not take it. It is remembered how far it came.
    pub(crate) async fn send(
        &mut self,
        client: &Client,
        sending: &mut Sending,
        memory: &mut Memory,
    ) -> Result<(), Failure> {
        self.request(client, sending, memory, &End::default(), false).await
    }

    /// Sends the rest, and that this was all.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    pub(crate) async fn finish(
        &mut self,
        client: &Client,
        sending: &mut Sending,
        memory: &mut Memory,
        end: &End,
    ) -> Result<(), Failure> {
        self.request(client, sending, memory, end, true).await
    }

    async fn request(
        &mut self,
        client: &Client,
        sending: &mut Sending,
        memory: &mut Memory,
        end: &End,
        last: bool,
    ) -> Result<(), Failure> {
        let summary = [end.summary.clone()];
        let [history, events, console] = &self.lanes;
        let chunk = |lines: &'_ Lines, place: &mut Place| {
            place.in_flight = lines.pending.len() as u64;
            place.offset
        };
        let offsets = [
            chunk(history, &mut sending.history),
            chunk(events, &mut sending.events),
            chunk(console, &mut sending.console),
        ];
        let [at_history, at_events, at_console] = offsets;
        let lines = |lines, offset| some_lines(lines, offset);
        let request = Request {
            files: Files {
                history: lines(&history.pending, at_history),
                events: lines(&events.pending, at_events),
                console: lines(&console.pending, at_console),
                summary: last.then_some(Chunk { offset: 0, content: &summary }),
            },
            uploaded: &end.uploaded,
            preempting: end.preempting,
            complete: end.exit_code.map(|_| true),
            exitcode: end.exit_code,
        };
        let body = serde_json::to_vec(&request).map_err(|e| Failure::Settings(e.to_string()))?;
        // Before: whoever is killed now does not know whether these lines arrived, but which ones.
        memory.save(sending)?;
        let [entity, project, run] = &self.path;
        let asked = Asked { endpoint: Endpoint::FileStream, what: "rows", limit: LIMIT };
        client.post(asked, &["files", entity, project, run, "file_stream"], body).await?;
        for place in [&mut sending.history, &mut sending.events, &mut sending.console] {
            let arrived = std::mem::take(&mut place.in_flight);
            place.lines += arrived;
            place.offset += arrived;
        }
        for lines in &mut self.lanes {
            lines.pending.clear();
        }
        self.bytes = 0;
        memory.save(sending)
    }
}

/// Lines at an offset, if there are any.
fn some_lines(content: &[String], offset: u64) -> Option<Chunk<'_>> {
    (!content.is_empty()).then_some(Chunk { offset, content })
}
