//! The body of an upload: a part of a file, read while it is sent, so that its size does not matter.

use std::fs::File;
use std::io::{self, Read};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::Pulse;

/// Bytes that are read at a time.
const PIECE: usize = 128 * 1024;

/// Exactly the first `left` bytes of a file: one that has got shorter is an error, what was appended is left out.
#[derive(Debug)]
pub(crate) struct FileBody {
    file: File,
    left: u64,
    pulse: Arc<Pulse>,
}

impl FileBody {
    pub(crate) fn new(file: File, length: u64, pulse: Arc<Pulse>) -> Self {
        Self { file, left: length, pulse }
    }

    fn piece(&mut self) -> io::Result<Bytes> {
        let want = usize::try_from(self.left).unwrap_or(PIECE).min(PIECE);
        let mut piece = vec![0; want];
        self.file.read_exact(&mut piece)?;
        self.left -= want as u64;
        self.pulse.beat(want as u64);
        Ok(piece.into())
    }
}

impl Body for FileBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        Poll::Ready((self.left > 0).then(|| self.piece().map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
