//! Where the ledger's records go: a log, or memory in a capture.

use std::io;

use crate::log::LogWriter;
use crate::log::record::Record;

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
    /// Drops what was not flushed, after an error. Fails if what was kept is torn then.
    fn trim(&mut self) -> io::Result<()>;
    /// Bytes that are kept.
    fn written(&self) -> u64;
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
}

/// A sink that remembers its first error and drops everything after it, counting rows.
#[derive(Debug)]
pub(crate) struct Output {
    sink: Box<dyn Sink>,
    error: Option<io::Error>,
    rows: u64,
    rows_unflushed: u64,
    /// Rows of children among the rows: if these do not get through, they are still in their shards.
    merged_unflushed: u64,
    lost: u64,
    /// Whether the sink ends in the middle of a record.
    torn: bool,
}

impl Output {
    pub(crate) fn new(sink: Box<dyn Sink>) -> Self {
        Self { sink, error: None, rows: 0, rows_unflushed: 0, merged_unflushed: 0, lost: 0, torn: false }
    }

    /// Looks at how a write went, before which the sink kept `before` bytes.
    fn note(&mut self, result: io::Result<()>, before: u64) {
        if self.sink.written() != before {
            self.rows_unflushed = 0;
            self.merged_unflushed = 0;
        }
        if let Err(e) = result {
            self.torn = self.sink.trim().is_err();
            self.rows -= self.rows_unflushed + self.merged_unflushed;
            self.lost += self.rows_unflushed;
            self.rows_unflushed = 0;
            self.merged_unflushed = 0;
            self.error = Some(e);
        }
    }

    pub(crate) fn next_number(&self) -> i64 {
        self.sink.next_number()
    }

    pub(crate) fn append(&mut self, record: impl Into<Record>) {
        if self.error.is_none() {
            let before = self.sink.written();
            let result = self.sink.append(record.into());
            self.note(result, before);
        }
    }

    pub(crate) fn append_row(&mut self, record: &[u8]) {
        if self.error.is_some() {
            self.lost += 1;
            return;
        }
        let before = self.sink.written();
        self.rows += 1;
        self.rows_unflushed += 1;
        let result = self.sink.append_encoded(record);
        self.note(result, before);
    }

    /// Appends a row that came out of a child's log.
    pub(crate) fn append_merged_row(&mut self, record: &[u8]) {
        if self.error.is_none() {
            let before = self.sink.written();
            self.rows += 1;
            self.merged_unflushed += 1;
            let result = self.sink.append_encoded(record);
            self.note(result, before);
        }
    }

    pub(crate) fn flush(&mut self) {
        if self.error.is_none() {
            let before = self.sink.written();
            let result = self.sink.flush();
            self.note(result, before);
        }
    }

    /// Tries once more to write, for the few records of the end; tells why it had to stop before. What was lost stays
    /// lost. Nothing is written behind a torn end.
    pub(crate) fn revive(&mut self) -> Option<String> {
        let text = self.error.as_ref().map(ToString::to_string);
        if !self.torn {
            self.error = None;
        }
        text
    }

    pub(crate) fn error(&self) -> Option<&io::Error> {
        self.error.as_ref()
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
