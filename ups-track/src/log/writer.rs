//! Writing a log: frames records into a buffer and hands the buffer to the file.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek as _, SeekFrom, Write};
use std::path::Path;

use prost::Message;

use super::framing::{FILE_HEADER, Framer};
use super::record::Record;

/// Bytes after which the buffer goes to the file without waiting for the next flush: what a full disk loses at most of
/// what would still have fitted.
const FLUSH_AT: usize = 64 * 1024;

/// A log that is being written. Nothing reaches the file before [`LogWriter::flush`], except when the buffer is full.
#[derive(Debug)]
pub(crate) struct LogWriter {
    file: File,
    framer: Framer,
    buffer: Vec<u8>,
    scratch: Vec<u8>,
    /// Bytes that the file holds for sure.
    written: u64,
    /// Records so far; a record's number is its position, beginning with 1.
    records: i64,
    /// Records that the file holds for sure.
    records_written: i64,
}

impl LogWriter {
    /// Creates the file, which must not exist, and writes the file header at once.
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        // Not for everybody to write, whatever the `umask`.
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o664);
        let mut file = options.open(path)?;
        file.write_all(&FILE_HEADER)?;
        Ok(Self {
            file,
            framer: Framer::at(FILE_HEADER.len() as u64),
            buffer: Vec::with_capacity(64 * 1024),
            scratch: Vec::with_capacity(1024),
            written: FILE_HEADER.len() as u64,
            records: 0,
            records_written: 0,
        })
    }

    /// Goes on with a file that stands at its end, `written` bytes with `records` whole records.
    pub(crate) fn resume(file: File, written: u64, records: i64) -> Self {
        Self {
            file,
            framer: Framer::at(written),
            buffer: Vec::with_capacity(64 * 1024),
            scratch: Vec::with_capacity(1024),
            written,
            records,
            records_written: records,
        }
    }

    /// The number the next record gets.
    pub(crate) fn next_number(&self) -> i64 {
        self.records + 1
    }

    /// Appends a message; its number is set here.
    pub(crate) fn append(&mut self, mut record: Record) -> io::Result<()> {
        record.num = self.next_number();
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        // Encoding into a `Vec` fails only when memory does.
        record.encode(&mut scratch).map_err(io::Error::other)?;
        let result = self.append_encoded(&scratch);
        self.scratch = scratch;
        result
    }

    /// Appends an encoded record that already carries [`LogWriter::next_number`].
    pub(crate) fn append_encoded(&mut self, record: &[u8]) -> io::Result<()> {
        self.framer.append(record, &mut self.buffer);
        self.records += 1;
        if self.buffer.len() >= FLUSH_AT { self.flush() } else { Ok(()) }
    }

    /// Hands everything to the operating system. After an error the log must not be written any more.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        self.file.write_all(&self.buffer)?;
        self.written += self.buffer.len() as u64;
        self.records_written = self.records;
        self.buffer.clear();
        Ok(())
    }

    /// Goes back to the last flush that succeeded, so that a write that failed half way leaves no torn end, and what is
    /// written later, if there is room again, follows what is whole.
    ///
    /// If that fails as well, the log ends in the middle of a record and must not be written any more.
    pub(crate) fn trim(&mut self) -> io::Result<()> {
        self.buffer = Vec::new();
        self.framer = Framer::at(self.written);
        self.records = self.records_written;
        self.file.set_len(self.written)?;
        self.file.seek(SeekFrom::Start(self.written)).map(drop)
    }

    /// Bytes in the file.
    pub(crate) fn written(&self) -> u64 {
        self.written
    }
}
