//! The bodies of requests: bytes, or a part of a file that is read while it is sent, so that its size does not matter.

use std::fs::File;
use std::io::{self, Read};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use sha2::{Digest as _, Sha256};

use super::bandwidth::PIECE;
use super::gate::Pass;
use super::pulse::Pulse;

/// What a body is made of.
pub(super) trait Pieces {
    /// The next piece of exactly so many bytes.
    fn piece(&mut self, bytes: usize) -> io::Result<Bytes>;
    /// Bytes that are left.
    fn left(&self) -> u64;
}

impl Pieces for Bytes {
    fn piece(&mut self, bytes: usize) -> io::Result<Bytes> {
        Ok(self.split_to(bytes.min(self.len())))
    }

    fn left(&self) -> u64 {
        self.len() as u64
    }
}

/// SHA-256 of a file's bytes.
pub(crate) type Digest = [u8; 32];

/// Exactly the first `left` bytes of a file, which must be those of a digest: else the last piece is held back, so that
/// no server ever takes a mixture of two versions. What was appended meanwhile is left out.
#[derive(Debug)]
pub(super) struct FilePieces {
    file: File,
    left: u64,
    hash: Sha256,
    digest: Digest,
    changed: Arc<AtomicBool>,
}

impl FilePieces {
    /// The flag is set if the file turns out to be another one.
    pub(super) fn new(file: File, length: u64, digest: Digest, changed: Arc<AtomicBool>) -> Self {
        Self { file, left: length, hash: Sha256::new(), digest, changed }
    }

    fn changed(&self) -> io::Error {
        self.changed.store(true, Ordering::Relaxed);
        io::Error::other("the file has changed while it was read")
    }
}

impl Pieces for FilePieces {
    fn piece(&mut self, bytes: usize) -> io::Result<Bytes> {
        let mut piece = vec![0; bytes];
        self.file.read_exact(&mut piece).map_err(|e| match e.kind() {
            io::ErrorKind::UnexpectedEof => self.changed(),
            _ => e,
        })?;
        self.hash.update(&piece);
        self.left -= bytes as u64;
        if self.left == 0 && self.hash.clone().finalize()[..] != self.digest {
            return Err(self.changed());
        }
        Ok(piece.into())
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
    pulse: Arc<Pulse>,
}

impl<P: Pieces> Paced<P> {
    pub(super) fn new(pieces: P, pass: Option<Pass>, pulse: Arc<Pulse>) -> Self {
        Self { pieces, pass, pulse }
    }
}

impl<P: Pieces + Unpin> Body for Paced<P> {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let left = self.pieces.left();
        if left == 0 {
            return Poll::Ready(None);
        }
        let most = self.pass.as_ref().map_or(PIECE, |pass| pass.piece);
        let bytes = usize::try_from(left).unwrap_or(most).min(most);
        if let Some(pass) = &mut self.pass {
            ready!(pass.poll(context, bytes));
        }
        let piece = self.pieces.piece(bytes);
        self.pulse.beat(bytes as u64);
        if self.pieces.left() == 0 || piece.is_err() {
            // Whoever waits until this body is out need not wait for the answer.
            self.pass = None;
        }
        Poll::Ready(Some(piece.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.pieces.left() == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.pieces.left())
    }
}
