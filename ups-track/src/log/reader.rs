//! Reading a log: record by record, from any byte source, with the place of every fault.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};

use super::framing::{BLOCK, CHUNK_HEADER, ChunkKind, FILE_HEADER, checksum};
use super::lean;
use super::record::Record;

/// What is wrong with a log at some place.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Damage {
    /// The file does not begin as a W&B log does.
    #[error("the file is not a W&B log: it does not begin with `:W&B`, 0xBEE1 and version 0")]
    Header,
    /// The file ends inside a record: what a crash in the middle of a write leaves.
    #[error("the file ends inside a record")]
    Torn,
    /// The bytes of a chunk are not those that were written.
    #[error("checksum mismatch: the chunk says {expected:08x}, its bytes give {found:08x}")]
    Checksum {
        /// The checksum in the chunk's header.
        expected: u32,
        /// The checksum of the bytes that are there.
        found: u32,
    },
    /// A chunk claims more bytes than its block has.
    #[error("a chunk of {length} bytes does not fit its block, where {room} are left")]
    ChunkLength {
        /// The claimed length in bytes.
        length: usize,
        /// The bytes left in the block.
        room: usize,
    },
    /// A chunk's kind is none of those that may stand here.
    #[error("unexpected chunk kind {0}")]
    ChunkKind(u8),
    /// The record's bytes are no W&B record.
    #[error("the record is no W&B record: {0}")]
    Message(String),
}

/// A fault while reading: what, in which file, at which byte.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReadError {
    /// The file could not be opened or read.
    #[error("cannot read `{}`", crate::harmless::path(path))]
    Io {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The log is damaged.
    #[error("`{}` is damaged at byte {offset}: {damage}", crate::harmless::path(path))]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The byte at which the record or chunk with the fault begins.
        offset: u64,
        /// What is wrong there.
        damage: Damage,
    },
}

impl ReadError {
    /// Whether the file only ends inside a record, as after a crash: everything before was read.
    pub fn is_torn(&self) -> bool {
        matches!(self, Self::Damaged { damage: Damage::Torn, .. })
    }

    /// The byte of the damage, if the file could be read at all.
    pub fn offset(&self) -> Option<u64> {
        match self {
            Self::Damaged { offset, .. } => Some(*offset),
            Self::Io { .. } => None,
        }
    }
}

/// One record and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The byte at which the record's first chunk begins.
    pub offset: u64,
    /// The record's size in bytes, without framing.
    pub size: usize,
    /// The record.
    pub record: Record,
}

/// Reads the records of a log in order.
///
/// The iterator ends after the first fault: what follows a damaged place cannot be trusted, and W&B's own reader
/// stops there too. Memory use is bounded by the largest record, whatever the bytes are: items of large records that say
/// nothing are left out.
///
/// ```no_run
/// # fn main() -> Result<(), ups_track::log::ReadError> {
/// for entry in ups_track::log::Reader::open("run-abc12345.wandb".as_ref())? {
///     println!("{:?}", entry?.record);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Reader<R = BufReader<File>> {
    source: R,
    path: PathBuf,
    /// Bytes consumed.
    position: u64,
    record: Vec<u8>,
    payload: Vec<u8>,
    started: bool,
    ended: bool,
}

impl Reader {
    /// Opens a file.
    ///
    /// # Errors
    ///
    /// If the file cannot be opened. What is in it is looked at by the first `next`.
    pub fn open(path: &Path) -> Result<Self, ReadError> {
        let file = File::open(path).map_err(|source| ReadError::Io { path: path.to_owned(), source })?;
        Ok(Self::new(BufReader::with_capacity(64 * 1024, file), path))
    }
}

/// What one read step gave.
enum Step<T> {
    Got(T),
    End,
}

impl<R: Read> Reader<R> {
    /// Reads from any source; `path` is only for messages.
    pub fn new(source: R, path: &Path) -> Self {
        Self {
            source,
            path: path.to_owned(),
            position: 0,
            record: Vec::new(),
            payload: Vec::new(),
            started: false,
            ended: false,
        }
    }

    /// Goes on reading behind `position` bytes, the end of a whole record, where the source stands.
    pub(crate) fn resume(source: R, path: &Path, position: u64) -> Self {
        Self { position, started: true, ..Self::new(source, path) }
    }

    /// The bytes of the next record; none at the end. After a fault the reader must not be used any more.
    pub(crate) fn next_raw(&mut self) -> Result<Option<&[u8]>, ReadError> {
        Ok(self.raw()?.map(|_| self.record.as_slice()))
    }

    /// Reads the next record, whose bytes are in [`current`](Self::current) then; false at the end. After a fault the
    /// reader must not be used any more.
    #[cfg(feature = "online")]
    pub(crate) fn advance(&mut self) -> Result<bool, ReadError> {
        Ok(self.raw()?.is_some())
    }

    /// The bytes of the record that was read last.
    #[cfg(feature = "online")]
    pub(crate) fn current(&self) -> &[u8] {
        &self.record
    }

    /// The byte up to which the log was read: after the last `next` that gave a record, the end of that record.
    pub fn position(&self) -> u64 {
        self.position
    }

    fn damaged(&self, offset: u64, damage: Damage) -> ReadError {
        ReadError::Damaged { path: self.path.clone(), offset, damage }
    }

    /// Fills `buffer` or tells how many bytes there were.
    fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, ReadError> {
        let mut got = 0;
        while let Some(rest) = buffer.get_mut(got..).filter(|rest| !rest.is_empty()) {
            match self.source.read(rest) {
                Ok(0) => break,
                Ok(n) => got += n,
                Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
                Err(source) => return Err(ReadError::Io { path: self.path.clone(), source }),
            }
        }
        self.position += got as u64;
        Ok(got)
    }

    fn block_left(&self) -> usize {
        #[expect(clippy::cast_possible_truncation, reason = "a remainder of 32768 fits")]
        let used = (self.position % BLOCK as u64) as usize;
        BLOCK - used
    }

    /// Skips the rest of the block. `End` if the file ends in it: a writer pads only when it goes on writing.
    fn skip_block(&mut self) -> Result<Step<()>, ReadError> {
        let mut rest = [0; 512];
        loop {
            let left = self.block_left();
            if left == BLOCK {
                return Ok(Step::Got(()));
            }
            let want = left.min(rest.len());
            let got = match rest.get_mut(..want) {
                Some(buffer) => self.fill(buffer)?,
                None => 0,
            };
            if got < want {
                return Ok(Step::End);
            }
        }
    }

    /// Reads one chunk into `payload`. `None` at the clean end of the file.
    fn chunk(&mut self, record_start: Option<u64>) -> Result<Option<(ChunkKind, u64)>, ReadError> {
        loop {
            if self.block_left() < CHUNK_HEADER {
                let start = self.position;
                if let Step::End = self.skip_block()? {
                    // Inside a record, or with something other than a whole padding behind the last one.
                    return if record_start.is_none() && self.position == start {
                        Ok(None)
                    } else {
                        Err(self.damaged(record_start.unwrap_or(start), Damage::Torn))
                    };
                }
                continue;
            }
            let offset = self.position;
            let mut header = [0; CHUNK_HEADER];
            let got = self.fill(&mut header)?;
            if got == 0 && record_start.is_none() {
                return Ok(None);
            }
            if got < CHUNK_HEADER {
                return Err(self.damaged(record_start.unwrap_or(offset), Damage::Torn));
            }
            if header == [0; CHUNK_HEADER] && record_start.is_none() {
                // A zeroed region, as a file system may leave after a power cut: W&B's reader goes on behind it.
                if let Step::End = self.skip_block()? {
                    return Err(self.damaged(offset, Damage::Torn));
                }
                continue;
            }
            let [c0, c1, c2, c3, l0, l1, kind_byte] = header;
            let expected = u32::from_le_bytes([c0, c1, c2, c3]);
            let length = usize::from(u16::from_le_bytes([l0, l1]));
            let room = self.block_left() % BLOCK;
            if length > room {
                return Err(self.damaged(offset, Damage::ChunkLength { length, room }));
            }
            let mut payload = std::mem::take(&mut self.payload);
            payload.clear();
            payload.resize(length, 0);
            let got = self.fill(&mut payload)?;
            self.payload = payload;
            if got < length {
                return Err(self.damaged(record_start.unwrap_or(offset), Damage::Torn));
            }
            let found = checksum(kind_byte, &self.payload);
            if found != expected {
                return Err(self.damaged(offset, Damage::Checksum { expected, found }));
            }
            let Some(kind) = ChunkKind::from_byte(kind_byte) else {
                return Err(self.damaged(offset, Damage::ChunkKind(kind_byte)));
            };
            return Ok(Some((kind, offset)));
        }
    }

    fn header(&mut self) -> Result<(), ReadError> {
        let mut header = [0; FILE_HEADER.len()];
        let got = self.fill(&mut header)?;
        let there = header.get(..got).unwrap_or_default();
        if there != FILE_HEADER.get(..got).unwrap_or_default() {
            return Err(self.damaged(0, Damage::Header));
        }
        if got < FILE_HEADER.len() {
            return Err(self.damaged(0, Damage::Torn));
        }
        Ok(())
    }

    /// The next record's bytes are in `self.record` afterwards; gives where it began.
    fn raw(&mut self) -> Result<Option<u64>, ReadError> {
        if !self.started {
            self.started = true;
            self.header()?;
        }
        self.record.clear();
        let Some((kind, start)) = self.chunk(None)? else { return Ok(None) };
        match kind {
            ChunkKind::Full => {
                std::mem::swap(&mut self.record, &mut self.payload);
                return Ok(Some(start));
            }
            ChunkKind::First => self.record.extend_from_slice(&self.payload),
            ChunkKind::Middle | ChunkKind::Last => {
                return Err(self.damaged(start, Damage::ChunkKind(kind as u8)));
            }
        }
        loop {
            let Some((kind, offset)) = self.chunk(Some(start))? else {
                return Err(self.damaged(start, Damage::Torn));
            };
            self.record.extend_from_slice(&self.payload);
            match kind {
                ChunkKind::Middle => {}
                ChunkKind::Last => return Ok(Some(start)),
                ChunkKind::Full | ChunkKind::First => {
                    return Err(self.damaged(offset, Damage::ChunkKind(kind as u8)));
                }
            }
        }
    }

    fn read(&mut self) -> Result<Option<Entry>, ReadError> {
        let Some(offset) = self.raw()? else { return Ok(None) };
        match lean::decode(&self.record) {
            Ok(record) => Ok(Some(Entry { offset, size: self.record.len(), record })),
            Err(e) => Err(self.damaged(offset, Damage::Message(e.to_string()))),
        }
    }
}

impl<R: Read> Iterator for Reader<R> {
    type Item = Result<Entry, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let next = self.read().transpose();
        self.ended = !matches!(next, Some(Ok(_)));
        next
    }
}
