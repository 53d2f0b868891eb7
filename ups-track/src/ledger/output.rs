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
    /// Drops what was not flushed, after an error.
    fn trim(&mut self);
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
    fn trim(&mut self) {
        self.trim();
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
    lost: u64,
}

impl Output {
    pub(crate) fn new(sink: Box<dyn Sink>) -> Self {
        Self { sink, error: None, rows: 0, rows_unflushed: 0, lost: 0 }
    }

    fn note(&mut self, result: io::Result<()>) {
        if let Err(e) = result {
            self.sink.trim();
            self.rows -= self.rows_unflushed;
            self.lost += self.rows_unflushed;
            self.rows_unflushed = 0;
            self.error = Some(e);
        }
    }

    pub(crate) fn next_number(&self) -> i64 {
        self.sink.next_number()
    }

    pub(crate) fn append(&mut self, record: impl Into<Record>) {
        if self.error.is_none() {
            let result = self.sink.append(record.into());
            self.note(result);
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
        if result.is_ok() && self.sink.written() != before {
            self.rows_unflushed = 0;
        }
        self.note(result);
    }

    pub(crate) fn flush(&mut self) {
        if self.error.is_none() {
            let result = self.sink.flush();
            if result.is_ok() {
                self.rows_unflushed = 0;
            }
            self.note(result);
        }
    }

    /// Tries once more to write, for the few records of the end. What was lost stays lost.
    pub(crate) fn revive(&mut self) -> Option<io::Error> {
        self.error.take()
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
