//! The bodies of requests: bytes, or a part of a file that is read while it is sent, so that its size does not matter. Files
//! are read and hashed on threads for such things, beside the event loop.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use sha2::{Digest as _, Sha256};
use tokio::task::{JoinHandle, spawn_blocking};

use super::bandwidth::PIECE;
use super::gate::Pass;
use super::pulse::Pulse;

/// Bytes of a file that are read at a time.
const READ: usize = 4 * PIECE;

/// What a body is made of.
pub(super) trait Pieces {
    /// The next piece of at most so many bytes, and at least one. Nobody asks when none are left.
    fn poll_piece(&mut self, context: &mut Context<'_>, most: usize) -> Poll<io::Result<Bytes>>;
    /// Bytes that are left.
    fn left(&self) -> u64;
}

impl Pieces for Bytes {
    fn poll_piece(&mut self, _: &mut Context<'_>, most: usize) -> Poll<io::Result<Bytes>> {
        Poll::Ready(Ok(self.split_to(most.min(self.len()))))
    }

    fn left(&self) -> u64 {
        self.len() as u64
    }
}

/// SHA-256 of a file's bytes.
pub(crate) type Digest = [u8; 32];

/// Opens a file.
pub(crate) type Open = Arc<dyn Fn() -> io::Result<File> + Send + Sync>;

/// A part of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) from: u64,
    pub(crate) length: u64,
    /// What the bytes of the part must be.
    pub(crate) digest: Digest,
}

/// Exactly the bytes of a part of a file, which must be those of its digest: else the last of them are held back, so that no
/// server ever takes a mixture of two versions. What was appended meanwhile is left out.
pub(super) struct FilePieces {
    /// Nothing while it reads.
    reader: Option<Reader>,
    reading: Option<JoinHandle<(Reader, io::Result<Bytes>)>>,
    /// What was read and not yet given.
    read: Bytes,
    left: u64,
}

/// What reads and hashes.
struct Reader {
    open: Open,
    file: Option<File>,
    from: u64,
    left: u64,
    hash: Sha256,
    digest: Digest,
    broke: Broke,
}

/// What kept a file from being read, if anything has.
#[derive(Debug)]
pub(super) enum Why {
    /// It is another one.
    Changed,
    /// It cannot be opened.
    Closed(io::Error),
}

/// Where that is told.
pub(super) type Broke = Arc<Mutex<Option<Why>>>;

impl FilePieces {
    /// `broke` is told what keeps it from being read.
    pub(super) fn new(open: Open, part: Part, broke: Broke) -> Self {
        let Part { from, length: left, digest } = part;
        let reader = Reader { open, file: None, from, left, hash: Sha256::new(), digest, broke };
        Self { reader: Some(reader), reading: None, read: Bytes::new(), left }
    }
}

impl Reader {
    fn broke(&self, why: Why) -> io::Error {
        *self.broke.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
        io::Error::other("the file cannot be read as it was")
    }

    fn read(&mut self) -> io::Result<Bytes> {
        if self.file.is_none() {
            let opened = (self.open)();
            let sought = opened.and_then(|mut file| file.seek(SeekFrom::Start(self.from)).map(|_| file));
            self.file = Some(sought.map_err(|e| self.broke(Why::Closed(e)))?);
        }
        let Some(file) = &mut self.file else { return Err(io::Error::other("the file is not open")) };
        let bytes = usize::try_from(self.left).unwrap_or(READ).min(READ);
        let mut piece = vec![0; bytes];
        let read = file.read_exact(&mut piece);
        let is_end = |e: &io::Error| e.kind() == io::ErrorKind::UnexpectedEof;
        read.map_err(|e| if is_end(&e) { self.broke(Why::Changed) } else { e })?;
        self.hash.update(&piece);
        self.left -= bytes as u64;
        if self.left == 0 && self.hash.clone().finalize()[..] != self.digest {
            return Err(self.broke(Why::Changed));
        }
        Ok(piece.into())
    }
}

impl Pieces for FilePieces {
    fn poll_piece(&mut self, context: &mut Context<'_>, most: usize) -> Poll<io::Result<Bytes>> {
        let lost = || io::Error::other("the file could not be read");
        while self.read.is_empty() {
            if let Some(mut reader) = self.reader.take() {
                self.reading = Some(spawn_blocking(move || {
                    let read = reader.read();
                    (reader, read)
                }));
            }
            let Some(reading) = &mut self.reading else { return Poll::Ready(Err(lost())) };
            let done = ready!(Pin::new(reading).poll(context));
            self.reading = None;
            let (reader, read) = done.map_err(|_| lost())?;
            self.read = read?;
            self.reader = Some(reader);
        }
        let piece = self.read.split_to(most.min(self.read.len()));
        self.left -= piece.len() as u64;
        Poll::Ready(Ok(piece))
    }

    fn left(&self) -> u64 {
        self.left
    }
}

/// A body that keeps to the limit of what is sent, if there is one.
#[derive(Debug)]
pub(super) struct Paced<P> {
    pieces: P,
    pass: Option<Pass>,
    /// A piece that waits until it may go.
    ready: Option<Bytes>,
    pulse: Arc<Pulse>,
}

impl<P: Pieces> Paced<P> {
    pub(super) fn new(pieces: P, pass: Option<Pass>, pulse: Arc<Pulse>) -> Self {
        Self { pieces, pass, ready: None, pulse }
    }

    fn left(&self) -> u64 {
        self.pieces.left() + self.ready.as_ref().map_or(0, |piece| piece.len() as u64)
    }
}

impl<P: Pieces + Unpin> Body for Paced<P> {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let this = &mut *self;
        if this.left() == 0 {
            return Poll::Ready(None);
        }
        let piece = if let Some(piece) = this.ready.take() {
            piece
        } else {
            let most = this.pass.as_ref().map_or(PIECE, |pass| pass.piece);
            match ready!(this.pieces.poll_piece(context, most)) {
                Ok(piece) => piece,
                Err(e) => {
                    this.pass = None;
                    return Poll::Ready(Some(Err(e)));
                }
            }
        };
        if let Some(pass) = &mut this.pass
            && pass.poll(context, piece.len()).is_pending()
        {
            this.ready = Some(piece);
            return Poll::Pending;
        }
        this.pulse.beat(piece.len() as u64);
        if this.pieces.left() == 0 {
            // Whoever waits until this body is out need not wait for the answer.
            this.pass = None;
        }
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.left() == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left())
    }
}
