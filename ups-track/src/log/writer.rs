//! Writing a log: frames records into a buffer and hands the buffer to the file.
//!
//! A write that fails loses nothing: the file is cut back to the last whole record, and what did not get there stays in the
//! buffer until the next flush tries again.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, BufReader, Seek as _, SeekFrom, Write};
use std::path::{Path, PathBuf};

use prost::Message;

use super::framing::{FILE_HEADER, Framer};
use super::reader::{ReadError, Reader};
use super::record::{Kind, Record};

/// Bytes after which the buffer goes to the file without waiting for the next flush, and that are written at a time.
const PIECE: usize = 64 * 1024;

/// What became of the file that a log is written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Standing {
    Fine,
    /// It was moved away from its place, where there may be something else.
    Moved,
    /// Nothing leads to it any more.
    Deleted,
    /// It is shorter than what was written to it: so many bytes are left.
    Cut(u64),
}

/// Rows among the records that wait for being written: those of this process, and those that came out of shards.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct WaitingRows {
    pub(crate) own: u64,
    pub(crate) merged: u64,
}

/// A log that is being written. Nothing reaches the file before [`LogWriter::flush`], except when the buffer is full.
#[derive(Debug)]
pub(crate) struct LogWriter {
    file: File,
    /// Where it was made; none if that is not looked after.
    path: Option<PathBuf>,
    /// Whether the file system counts the names of a file.
    counts_names: bool,
    framer: Framer,
    buffer: Vec<u8>,
    /// Where whole records end in the buffer, and how many records there are then: what is written at a time.
    pieces: VecDeque<(usize, i64)>,
    scratch: Vec<u8>,
    /// Bytes that the file holds for sure.
    written: u64,
    /// Records so far; a record's number is its position, beginning with 1.
    records: i64,
    /// Records that the file holds for sure.
    records_written: i64,
    /// Whether the last write has failed.
    stuck: bool,
}

impl LogWriter {
    /// Creates the file, which must not exist, and writes the file header at once.
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true);
        // Not for everybody to write, whatever the `umask`.
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o664);
        let mut file = options.open(path)?;
        file.write_all(&FILE_HEADER)?;
        let counts_names = names(&file) > 0;
        let path = Some(path.to_owned());
        Ok(Self { path, counts_names, ..Self::resume(file, FILE_HEADER.len() as u64, 0) })
    }

    /// Goes on with a file that stands at its end, `written` bytes with `records` whole records.
    pub(crate) fn resume(file: File, written: u64, records: i64) -> Self {
        Self {
            file,
            path: None,
            counts_names: false,
            framer: Framer::at(written),
            buffer: Vec::with_capacity(PIECE),
            pieces: VecDeque::new(),
            scratch: Vec::with_capacity(1024),
            written,
            records,
            records_written: records,
            stuck: false,
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
        let begin = self.pieces.back().map_or(0, |(end, _)| *end);
        if self.buffer.len() - begin < PIECE {
            return Ok(());
        }
        self.pieces.push_back((self.buffer.len(), self.records));
        // After a failure only who flushes tries again: a full disk is not asked at every record.
        if self.stuck { Ok(()) } else { self.flush() }
    }

    /// Hands everything to the operating system. What does not get there is kept for the next time.
    pub(crate) fn flush(&mut self) -> io::Result<()> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        if self.pieces.back().is_none_or(|(end, _)| *end < self.buffer.len()) {
            self.pieces.push_back((self.buffer.len(), self.records));
        }
        let mut done = 0;
        let result = self.write_pieces(&mut done);
        self.buffer.drain(..done);
        self.pieces.iter_mut().for_each(|(end, _)| *end -= done);
        self.stuck = result.is_err();
        result
    }

    fn write_pieces(&mut self, done: &mut usize) -> io::Result<()> {
        // Behind a cut that somebody has made, a write would leave a hole.
        let length = self.file.metadata()?.len();
        if length < self.written {
            return Err(io::Error::other(format!("somebody has cut it to {length} bytes")));
        }
        if self.stuck {
            self.cut_back()?;
        }
        while let Some((end, records)) = self.pieces.front().copied() {
            let piece = self.buffer.get(*done..end).unwrap_or_default();
            if let Err(e) = self.file.write_all(piece) {
                // No torn end for those who read meanwhile. If that fails, the next flush begins with it.
                drop(self.cut_back());
                return Err(e);
            }
            self.written += piece.len() as u64;
            self.records_written = records;
            *done = end;
            self.pieces.pop_front();
        }
        Ok(())
    }

    fn cut_back(&mut self) -> io::Result<()> {
        self.file.set_len(self.written)?;
        self.file.seek(SeekFrom::Start(self.written)).map(drop)
    }

    /// Bytes that wait for being written.
    pub(crate) fn waiting(&self) -> usize {
        self.buffer.len()
    }

    /// The rows among them.
    pub(crate) fn waiting_rows(&self) -> WaitingRows {
        let mut rows = WaitingRows::default();
        for record in self.waiting_records().filter(|record| matches!(record.kind, Some(Kind::History(_)))) {
            *(if record.uuid.is_empty() { &mut rows.own } else { &mut rows.merged }) += 1;
        }
        rows
    }

    fn waiting_records(&self) -> impl Iterator<Item = Record> {
        let reader = Reader::resume(self.buffer.as_slice(), Path::new("buffer"), self.written);
        reader.flatten().map(|entry| entry.record)
    }

    /// Drops what waits, so that what is written later, if there is room again, follows what is whole. If that fails the log
    /// ends in the middle of a record.
    pub(crate) fn trim(&mut self) -> io::Result<()> {
        self.buffer = Vec::new();
        self.pieces.clear();
        self.framer = Framer::at(self.written);
        self.records = self.records_written;
        self.cut_back()
    }

    /// Bytes in the file.
    pub(crate) fn written(&self) -> u64 {
        self.written
    }

    /// Looks after the file.
    pub(crate) fn standing(&self) -> Standing {
        let (Some(path), Ok(open)) = (&self.path, self.file.metadata()) else { return Standing::Fine };
        if self.counts_names && names(&self.file) == 0 {
            return Standing::Deleted;
        }
        if open.len() < self.written {
            return Standing::Cut(open.len());
        }
        match path.symlink_metadata() {
            Ok(there) if !is_same(&there, &open) => Standing::Moved,
            // With its directory moved, the log is where it shall be.
            Err(e) if e.kind() == io::ErrorKind::NotFound && path.parent().is_some_and(Path::exists) => {
                Standing::Moved
            }
            _ => Standing::Fine,
        }
    }

    /// Goes on behind the last whole record of a file that was cut, and tells how many rows the log then has. If not even the
    /// run is left, the log begins with `first`. An error if what is there is not the beginning of this log.
    pub(crate) fn mend(&mut self, first: Vec<Record>) -> io::Result<u64> {
        let waiting: Vec<Record> = self.waiting_records().collect();
        let (has_run, mut rows) = self.rewind()?;
        let first = if has_run { Vec::new() } else { first };
        for record in first.into_iter().chain(waiting) {
            rows += u64::from(matches!(record.kind, Some(Kind::History(_))));
            // What cannot be written yet waits.
            drop(self.append(record));
        }
        Ok(rows)
    }

    /// Tells whether there is a run before the cut, and how many rows.
    fn rewind(&mut self) -> io::Result<(bool, u64)> {
        self.file.seek(SeekFrom::Start(0))?;
        let mut reader = Reader::new(BufReader::new(&self.file), Path::new("log"));
        let (mut end, mut records, mut rows, mut has_run) = (0, 0, 0, false);
        loop {
            match reader.next() {
                Some(Ok(entry)) => {
                    records += 1;
                    rows += u64::from(matches!(entry.record.kind, Some(Kind::History(_))));
                    has_run |= matches!(entry.record.kind, Some(Kind::Run(_)));
                    end = reader.position();
                }
                None => break,
                Some(Err(e)) if e.is_torn() => break,
                Some(Err(ReadError::Io { source, .. })) => return Err(source),
                Some(Err(ReadError::Damaged { offset, damage, .. })) => {
                    return Err(io::Error::other(format!("damaged at byte {offset}: {damage}")));
                }
            }
        }
        if !has_run {
            (end, records) = (0, 0);
        }
        (self.written, self.records, self.records_written) = (end, records, records);
        self.cut_back()?;
        if end == 0 {
            self.file.write_all(&FILE_HEADER)?;
            self.written = FILE_HEADER.len() as u64;
        }
        self.buffer = Vec::new();
        self.pieces.clear();
        self.framer = Framer::at(self.written);
        self.stuck = false;
        Ok((has_run, rows))
    }
}

/// How many names a file has.
fn names(file: &File) -> u64 {
    #[cfg(unix)]
    return file.metadata().map_or(0, |meta| std::os::unix::fs::MetadataExt::nlink(&meta));
    #[cfg(not(unix))]
    {
        let _ = file;
        0
    }
}

#[cfg(unix)]
fn is_same(one: &std::fs::Metadata, other: &std::fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

#[cfg(not(unix))]
fn is_same(_: &std::fs::Metadata, _: &std::fs::Metadata) -> bool {
    true
}
