//! The file stream: lines at offsets, in requests one after another.

use std::slice::from_ref;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::Failure;
use super::server::{Client, Target};
use super::state::{Place, Sending, Shared};
use super::transport::{Asked, Endpoint};

/// Bytes of lines in one request. W&B's client sends at most 10 MiB; less keeps our memory small.
const REQUEST_BYTES: usize = 2 * 1024 * 1024;

/// Lines in one request.
const REQUEST_LINES: usize = 20_000;

/// The longest line that a server takes.
const LINE_BYTES: usize = 10_383_360;

/// Bytes that an answer may have.
const LIMIT: usize = 1024 * 1024;

/// After this time without a request the server would take the run for crashed, sooner or later.
const HEARTBEAT: Duration = Duration::from_secs(30);

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
    /// The last request.
    last: Instant,
    /// Whether the server has had rows.
    begun: bool,
    /// Whether somebody has asked on the server that the run stops.
    pub(crate) stopped: bool,
}

/// What goes along with the lines.
#[derive(Debug, Default)]
pub(crate) struct Extras {
    /// The whole summary, if it has changed.
    pub(crate) summary: Option<String>,
    /// Files that are on the server now.
    pub(crate) uploaded: Vec<String>,
    pub(crate) preempting: bool,
    /// The exit code of a run that is over; none while it is open.
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
            last: Instant::now(),
            begun: false,
            stopped: false,
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

    fn is_empty(&self) -> bool {
        self.lanes.iter().all(|lines| lines.pending.is_empty())
    }

    /// Whether it is time for a request, if one is sent every `interval`; `more` if there is something besides lines.
    pub(crate) fn is_due(&self, interval: Duration, more: bool) -> bool {
        let since = self.last.elapsed();
        // Whoever has just begun wants to see that it works.
        let first = !self.begun && self.lanes.first().is_some_and(|rows| !rows.pending.is_empty());
        first || since >= HEARTBEAT || (since >= interval && (more || !self.is_empty()))
    }

    /// Sends what there is.
    ///
    /// # Errors
    ///
    /// If the server does not take it. It is remembered how far it came.
    pub(crate) async fn send(
        &mut self,
        client: &Client,
        book: &Shared,
        extras: &Extras,
    ) -> Result<(), Failure> {
        let body = self.body(&mut book.borrow_mut().sending, extras)?;
        // Before: whoever is killed now does not know whether these lines arrived, but which ones.
        book.borrow_mut().save()?;
        let [entity, project, run] = &self.path;
        let asked = Asked { endpoint: Endpoint::FileStream, what: "rows", limit: LIMIT };
        let answer = client.post(asked, &["files", entity, project, run, "file_stream"], body).await?;
        self.stopped |= answer.get("stopped").and_then(serde_json::Value::as_bool).unwrap_or(false);
        self.last = Instant::now();
        self.begun |= self.lanes.first().is_some_and(|rows| !rows.pending.is_empty());
        let book = &mut *book.borrow_mut();
        for place in [&mut book.sending.history, &mut book.sending.events, &mut book.sending.console] {
            let arrived = std::mem::take(&mut place.in_flight);
            place.lines += arrived;
            place.offset += arrived;
        }
        for lines in &mut self.lanes {
            lines.pending.clear();
        }
        self.bytes = 0;
        book.save()
    }

    /// The request, and in the book what is on its way.
    fn body(&self, sending: &mut Sending, extras: &Extras) -> Result<Vec<u8>, Failure> {
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
                summary: extras.summary.as_ref().map(|line| Chunk { offset: 0, content: from_ref(line) }),
            },
            uploaded: &extras.uploaded,
            preempting: extras.preempting,
            complete: extras.exit_code.map(|_| true),
            exitcode: extras.exit_code,
        };
        serde_json::to_vec(&request).map_err(|e| Failure::Settings(e.to_string()))
    }
}

/// Lines at an offset, if there are any.
fn some_lines(content: &[String], offset: u64) -> Option<Chunk<'_>> {
    (!content.is_empty()).then_some(Chunk { offset, content })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn stream() -> Stream {
        let target = Target { entity: "e".into(), project: "p".into(), run: "r".into() };
        Stream::new(&target, &Sending::new("http://s", &target))
    }

    #[test]
    fn the_first_rows_are_sent_at_once_and_others_at_their_pace() {
        let hour = Duration::from_hours(1);
        let mut stream = stream();
        assert!(!stream.is_due(hour, false) && !stream.is_due(hour, true));
        stream.push(Lane::Console, "hello".into());
        assert!(!stream.is_due(hour, false) && stream.is_due(Duration::ZERO, false));
        stream.push(Lane::History, "{}".into());
        assert!(stream.is_due(hour, false));
        stream.begun = true;
        assert!(!stream.is_due(hour, false));
    }

    #[test]
    fn a_run_that_has_nothing_to_say_gives_a_sign_of_life() {
        let mut stream = stream();
        assert!(!stream.is_due(Duration::ZERO, false));
        stream.last = Instant::now().checked_sub(HEARTBEAT).unwrap();
        assert!(stream.is_due(Duration::from_hours(1), false));
    }
}
