//! The file stream: lines at offsets, in requests one after another.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use serde::Serialize;

use super::Failure;
use super::journal::{Place, Sending};
use super::server::{Client, Target};
use super::state::Shared;
use super::transport::{Asked, Endpoint};

/// Bytes of lines in one request, unless it is a single line. W&B's client sends at most 10 MiB; less keeps our memory
/// small, and a line of the longest goes alone.
const REQUEST_BYTES: usize = 2 * 1024 * 1024;

/// Lines in one request.
const REQUEST_LINES: usize = 20_000;

/// The longest line that a server takes.
pub(super) const LINE_BYTES: usize = 10_383_360;

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
    pending: VecDeque<String>,
    /// Those of them that are in the request under way.
    taken: usize,
    too_long: u64,
}

impl Lines {
    fn taken(&self) -> Vec<&str> {
        self.pending.iter().take(self.taken).map(String::as_str).collect()
    }

    /// The request has arrived; gives the bytes of its lines.
    fn arrived(&mut self) -> usize {
        self.pending.drain(..std::mem::take(&mut self.taken)).map(|line| line.len()).sum()
    }
}

/// What is to be sent to the streams of one run.
#[derive(Debug)]
pub(crate) struct Stream {
    path: [String; 3],
    lanes: [Lines; 3],
    bytes: usize,
    /// Bytes of lines that a request may have.
    most: usize,
    /// The last request.
    last: Instant,
    /// The longest time between two.
    heartbeat: Duration,
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

impl Extras {
    fn is_some(&self) -> bool {
        self.summary.is_some() || !self.uploaded.is_empty() || self.preempting || self.exit_code.is_some()
    }
}

#[derive(Serialize)]
struct Chunk<'a> {
    offset: u64,
    content: Vec<&'a str>,
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
        let lines = |place: Place| Lines { skip: place.lines, too_long: place.left_out, ..Lines::default() };
        Self {
            path: [target.entity.clone(), target.project.clone(), target.run.clone()],
            lanes: sending.lanes.map(lines),
            bytes: 0,
            most: REQUEST_BYTES,
            last: Instant::now(),
            heartbeat: HEARTBEAT,
            begun: false,
            stopped: false,
        }
    }

    /// With another time between two signs of life.
    pub(crate) fn with_heartbeat(self, heartbeat: Option<Duration>) -> Self {
        Self { heartbeat: heartbeat.unwrap_or(HEARTBEAT), ..self }
    }

    /// The time until the server must hear of the run again.
    pub(crate) fn until_heartbeat(&self) -> Duration {
        self.heartbeat.saturating_sub(self.last.elapsed())
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
            lines.pending.push_back(line);
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
        first || since >= self.heartbeat || (since >= interval && (more || !self.is_empty()))
    }

    /// Sends what there is, in as many requests as it takes; `extras` go with the last lines.
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
        let none = Extras::default();
        // Whether lines go without what would go along.
        let mut bare = false;
        loop {
            let lines = self.choose();
            let rest = self.lanes.iter().any(|lines| lines.taken < lines.pending.len());
            let whole = !(rest || bare && lines > 0);
            match self.request(client, book, if whole { extras } else { &none }).await {
                Ok(()) if whole => return Ok(()),
                Ok(()) => {}
                Err(failure) if !failure.is_too_large() || lines == 0 => return Err(failure),
                Err(_) if lines > 1 => self.most = (self.taken_bytes() / 2).max(1),
                Err(_) if whole && extras.is_some() => bare = true,
                Err(_) => self.leave_out(book)?,
            }
        }
    }

    /// Chooses the lines of the next request; gives how many.
    fn choose(&mut self) -> usize {
        let (mut bytes, mut count) = (0, 0);
        for lines in &mut self.lanes {
            lines.taken = 0;
            for line in lines.pending.iter().take(REQUEST_LINES) {
                if count > 0 && bytes + line.len() > self.most {
                    break;
                }
                bytes += line.len();
                count += 1;
                lines.taken += 1;
            }
        }
        count
    }

    fn taken_bytes(&self) -> usize {
        self.lanes.iter().flat_map(|lines| lines.pending.iter().take(lines.taken)).map(String::len).sum()
    }

    /// Leaves out the one line of a request, which the server says is too long.
    fn leave_out(&mut self, book: &Shared) -> Result<(), Failure> {
        let book = &mut *book.borrow_mut();
        for (lines, place) in self.lanes.iter_mut().zip(&mut book.sending.lanes) {
            let left_out = lines.taken as u64;
            lines.too_long += left_out;
            place.in_flight = 0;
            place.lines += left_out;
            place.left_out += left_out;
            self.bytes = self.bytes.saturating_sub(lines.arrived());
        }
        book.settled()
    }

    /// One request with the lines that are chosen.
    async fn request(&mut self, client: &Client, book: &Shared, extras: &Extras) -> Result<(), Failure> {
        let body = self.body(&mut book.borrow_mut().sending, extras)?;
        let has_lines = self.lanes.iter().any(|lines| lines.taken > 0);
        if has_lines {
            book.borrow_mut().on_its_way()?;
        }
        let [entity, project, run] = &self.path;
        let asked = Asked { endpoint: Endpoint::FileStream, what: "rows", limit: LIMIT };
        let answer = client.post(asked, &["files", entity, project, run, "file_stream"], body).await?;
        self.stopped |= answer.get("stopped").and_then(serde_json::Value::as_bool).unwrap_or(false);
        self.last = Instant::now();
        self.begun |= self.lanes.first().is_some_and(|rows| rows.taken > 0);
        for lines in &mut self.lanes {
            self.bytes = self.bytes.saturating_sub(lines.arrived());
        }
        let book = &mut *book.borrow_mut();
        book.sending.arrived();
        if has_lines { book.settled() } else { Ok(()) }
    }

    /// The request, and in the book what is on its way.
    fn body(&self, sending: &mut Sending, extras: &Extras) -> Result<Vec<u8>, Failure> {
        for (lines, place) in self.lanes.iter().zip(&mut sending.lanes) {
            place.in_flight = lines.taken as u64;
        }
        let [history, events, console] = &self.lanes;
        let [at_history, at_events, at_console] = sending.lanes.map(|place| place.offset);
        let request = Request {
            files: Files {
                history: some_lines(history, at_history),
                events: some_lines(events, at_events),
                console: some_lines(console, at_console),
                summary: extras
                    .summary
                    .as_ref()
                    .map(|line| Chunk { offset: 0, content: vec![line.as_str()] }),
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
fn some_lines(lines: &Lines, offset: u64) -> Option<Chunk<'_>> {
    let content = lines.taken();
    (!content.is_empty()).then_some(Chunk { offset, content })
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn stream() -> Stream {
        let target = Target { entity: "e".into(), project: "p".into(), run: "r".into() };
        Stream::new(&target, &Sending::new("http://s", &target, "id", false))
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
