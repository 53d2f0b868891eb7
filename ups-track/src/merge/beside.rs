//! Where the records of a merge go that writes the log anew.

use std::io::{self, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use crate::ledger::Sink;
use crate::log::LogWriter;
use crate::log::record::Record;
use crate::os::files::copy_new;

/// The new log; made when the first record comes, so that a log with nothing to merge is not touched.
#[derive(Debug)]
pub(super) struct Beside {
    log: PathBuf,
    path: PathBuf,
    end: u64,
    records: i64,
    writer: Option<LogWriter>,
}

impl Beside {
    /// Will be written at `path`: the first `end` bytes of `log`, which are `records` records, and what comes.
    pub(super) fn new(log: &Path, path: &Path, end: u64, records: i64) -> Self {
        Self { log: log.to_owned(), path: path.to_owned(), end, records, writer: None }
    }

    fn writer(&mut self) -> io::Result<&mut LogWriter> {
        if self.writer.is_none() {
            let mut file = copy_new(&self.log, &self.path)?;
            file.set_len(self.end)?;
            file.seek(SeekFrom::Start(self.end))?;
            self.writer = Some(LogWriter::resume(file, self.end, self.records));
        }
        self.writer.as_mut().ok_or_else(|| io::Error::other("no writer"))
    }
}

impl Sink for Beside {
    fn next_number(&self) -> i64 {
        self.writer.as_ref().map_or(self.records + 1, LogWriter::next_number)
    }
    fn append(&mut self, record: Record) -> io::Result<()> {
        self.writer()?.append(record)
    }
    fn append_encoded(&mut self, record: &[u8]) -> io::Result<()> {
        self.writer()?.append_encoded(record)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.writer.as_mut().map_or(Ok(()), LogWriter::flush)
    }
    fn trim(&mut self) -> io::Result<()> {
        self.writer.as_mut().map_or(Ok(()), LogWriter::trim)
    }
    fn written(&self) -> u64 {
        self.writer.as_ref().map_or(self.end, LogWriter::written)
    }
}

/// Where records go when one only looks.
#[derive(Debug)]
pub(super) struct Nowhere;

impl Sink for Nowhere {
    fn next_number(&self) -> i64 {
        1
    }
    fn append(&mut self, _: Record) -> io::Result<()> {
        Ok(())
    }
    fn append_encoded(&mut self, _: &[u8]) -> io::Result<()> {
        Ok(())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
    fn trim(&mut self) -> io::Result<()> {
        Ok(())
    }
    fn written(&self) -> u64 {
        0
    }
}
