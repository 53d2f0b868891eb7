//! Where the ledger's records go: a log, or memory in a capture.

use std::io;
use std::time::{Duration, Instant};

use crate::log::record::{Kind, Record};
use crate::log::{LogWriter, Standing, WaitingRows};

/// Takes records in order.
pub(crate) trait Sink: Send + std::fmt::Debug {
    /// The number the next record gets.
    fn next_number(&self) -> i64;
    /// Appends a message; the sink numbers it.
    fn append(&mut self, record: Record) -> io::Result<()>;
    /// Appends an encoded record that carries its number.
    fn append_encoded(&mut self, record: &[u8]) -> io::Result<()>;
    /// Hands everything to whoever keeps it.
    fn flush(&mut self) -> io::Result<()>;
    /// Drops what was not flushed. Fails if what was kept is torn then.
    fn trim(&mut self) -> io::Result<()>;
    /// Bytes that are kept.
    fn written(&self) -> u64;
    /// Bytes that could not be flushed, and the rows in them.
    fn waiting(&self) -> usize {
        0
    }
    fn waiting_rows(&self) -> WaitingRows {
        WaitingRows::default()
    }
    /// What became of that which is kept.
    fn standing(&self) -> Standing {
        Standing::Fine
    }
    /// Goes on with what somebody has left of it, or with `first` if that is nothing; gives the rows that there are then.
    fn mend(&mut self, _first: Vec<Record>) -> io::Result<u64> {
        Err(io::Error::from(io::ErrorKind::Unsupported))
    }
}

impl Sink for LogWriter {
    fn next_number(&self) -> i64 {
        self.next_number()
    }
    fn append(&mut self, record: Record) -> io::Result<()> {
        self.append(record)
    }
    fn append_encoded(&mut self, record: &[u8]) -> io::Result<()> {
        self.append_encoded(record)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.flush()
    }
    fn trim(&mut self) -> io::Result<()> {
        self.trim()
    }
    fn written(&self) -> u64 {
        self.written()
    }
    fn waiting(&self) -> usize {
        self.waiting()
    }
    fn waiting_rows(&self) -> WaitingRows {
        self.waiting_rows()
    }
    fn standing(&self) -> Standing {
        self.standing()
    }
    fn mend(&mut self, first: Vec<Record>) -> io::Result<u64> {
        self.mend(first)
    }
}

/// Bytes of rows and console output that are kept while the sink cannot take them.
const KEPT: usize = 16 << 20;

/// Bytes that are kept of other things beyond that: they are few, and a run is less without them.
const RESERVE: usize = 4 << 20;

/// Time between two tries to write.
const RETRY: Duration = Duration::from_millis(250);

/// A sink that may fail for a while: meanwhile it keeps what comes, up to a bound, and counts what it has to drop.
#[derive(Debug)]
pub(crate) struct Output {
    sink: Box<dyn Sink>,
    /// Why the last try to write has failed.
    error: Option<io::Error>,
    tried: Instant,
    /// Why something was lost at last.
    failure: Option<String>,
    rows: u64,
    lost: u64,
    /// Whether something other than rows was dropped, which has to be told again.
    missed: bool,
    /// Whether nothing is written any more.
    over: bool,
}

impl Output {
    pub(crate) fn new(sink: Box<dyn Sink>) -> Self {
        Self {
            sink,
            error: None,
            tried: Instant::now(),
            failure: None,
            rows: 0,
            lost: 0,
            missed: false,
            over: false,
        }
    }

    fn note(&mut self, result: io::Result<()>) {
        if let Err(e) = result {
            self.tried = Instant::now();
            self.error = Some(e);
        }
    }

    /// Whether so many bytes wait already.
    fn is_full(&self, bytes: usize) -> bool {
        self.over || self.error.is_some() && self.sink.waiting() >= bytes
    }

    fn lose(&mut self, count: u64) {
        self.lost += count;
        if count > 0 {
            self.failure = self.error.as_ref().map(ToString::to_string);
        }
    }

    pub(crate) fn next_number(&self) -> i64 {
        self.sink.next_number()
    }

    pub(crate) fn append(&mut self, record: impl Into<Record>) {
        let record = record.into();
        let is_console = matches!(record.kind, Some(Kind::OutputRaw(_) | Kind::OutputLogger(_)));
        if self.is_full(if is_console { KEPT } else { KEPT + RESERVE }) {
            self.missed |= !is_console;
            return;
        }
        let result = self.sink.append(record);
        self.note(result);
    }

    pub(crate) fn append_row(&mut self, record: &[u8]) {
        if self.is_full(KEPT) {
            return self.lose(1);
        }
        self.append_merged_row(record);
    }

    /// Appends a row that came out of a child's log: if it does not get through, it is still there.
    pub(crate) fn append_merged_row(&mut self, record: &[u8]) {
        if !self.over {
            self.rows += 1;
            let result = self.sink.append_encoded(record);
            self.note(result);
        }
    }

    /// Writes what there is, unless that was tried in vain a moment ago.
    pub(crate) fn flush_soon(&mut self) {
        if self.error.is_none() || self.tried.elapsed() >= RETRY {
            self.flush();
        }
    }

    /// Writes what there is.
    pub(crate) fn flush(&mut self) {
        if self.over {
            return;
        }
        let result = self.sink.flush();
        if result.is_ok() {
            self.error = None;
        }
        self.note(result);
    }

    /// Drops what could not be written, so that the few records of the end may find room. Nothing is written behind a torn
    /// end.
    pub(crate) fn give_up(&mut self) {
        if self.error.is_none() || self.over {
            return;
        }
        let WaitingRows { own, merged } = self.sink.waiting_rows();
        self.rows = self.rows.saturating_sub(own + merged);
        self.lose(own);
        self.failure = self.error.as_ref().map(ToString::to_string);
        self.missed = true;
        if self.sink.trim().is_err() {
            self.over = true;
        } else {
            self.error = None;
        }
    }

    /// Whether something was dropped that has to be told again; asked once.
    pub(crate) fn take_missed(&mut self) -> bool {
        self.error.is_none() && std::mem::take(&mut self.missed)
    }

    pub(crate) fn standing(&self) -> Standing {
        if self.over { Standing::Fine } else { self.sink.standing() }
    }

    /// What was written is gone, and what comes will be.
    pub(crate) fn bury(&mut self, reason: String) {
        self.error = Some(io::Error::other(reason));
        self.over = true;
        let rows = std::mem::take(&mut self.rows);
        self.lose(rows);
        self.failure = self.error.as_ref().map(ToString::to_string);
    }

    /// Goes on behind what somebody has left of the log; gives the rows that are lost.
    pub(crate) fn mend(&mut self, reason: String, first: Vec<Record>) -> io::Result<u64> {
        let left = self.sink.mend(first)?;
        let lost = self.rows.saturating_sub(left);
        self.rows = left;
        self.lost += lost;
        self.failure = Some(reason);
        self.missed = true;
        self.error = None;
        Ok(lost)
    }

    /// Why the last try to write has failed.
    pub(crate) fn error(&self) -> Option<&io::Error> {
        self.error.as_ref()
    }

    /// Why the log is not whole.
    pub(crate) fn failure(&self) -> Option<String> {
        self.error.as_ref().map(ToString::to_string).or_else(|| self.failure.clone())
    }

    /// Rows that are kept.
    pub(crate) fn rows(&self) -> u64 {
        self.rows
    }

    /// Rows that could not be written.
    pub(crate) fn lost(&self) -> u64 {
        self.lost
    }

    pub(crate) fn written(&self) -> u64 {
        self.sink.written()
    }
}
