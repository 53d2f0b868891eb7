//! Blocks and chunks: how records are cut into pieces that survive a torn end.

/// The bytes every log begins with: `:W&B`, the magic number `0xBEE1` (little endian) and version 0.
pub(super) const FILE_HEADER: [u8; 7] = [0x3a, 0x57, 0x26, 0x42, 0xe1, 0xbe, 0x00];

/// A block's size in bytes. Blocks are counted from the first byte of the file, the file header included.
pub(super) const BLOCK: usize = 32 * 1024;

/// A chunk's header: CRC-32 (4 bytes), length (2), kind (1), all little endian.
pub(super) const CHUNK_HEADER: usize = 7;

/// What part of a record a chunk holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ChunkKind {
    Full = 1,
    First = 2,
    Middle = 3,
    Last = 4,
}

impl ChunkKind {
    pub(super) fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            1 => Some(Self::Full),
            2 => Some(Self::First),
            3 => Some(Self::Middle),
            4 => Some(Self::Last),
            _ => None,
        }
    }
}

/// The chunk checksum: CRC-32 (IEEE, the ordinary zlib one) over the kind byte and the payload.
pub(super) fn checksum(kind: u8, payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&[kind]);
    hasher.update(payload);
    hasher.finalize()
}

/// Cuts records into chunks and appends them to a buffer. It only knows where in the current block it stands.
#[derive(Debug)]
pub(super) struct Framer {
    /// Bytes of the current block that are used.
    used: usize,
    /// Per kind, the checksum of the kind byte alone: the start of every chunk's checksum.
    seeds: [u32; 5],
}

impl Framer {
    /// A framer for a file of `length` bytes so far.
    pub(super) fn at(length: u64) -> Self {
        let mut seeds = [0; 5];
        for (kind, seed) in (0_u8..).zip(seeds.iter_mut()) {
            *seed = crc32fast::hash(&[kind]);
        }
        #[expect(clippy::cast_possible_truncation, reason = "a remainder of 32768 fits")]
        let used = (length % BLOCK as u64) as usize;
        Self { used, seeds }
    }

    /// Appends `record` to `out`, cut into as many chunks as it needs.
    pub(super) fn append(&mut self, record: &[u8], out: &mut Vec<u8>) {
        let mut rest = record;
        let mut first = true;
        loop {
            let left = BLOCK - self.used;
            if left < CHUNK_HEADER {
                out.resize(out.len() + left, 0);
                self.used = 0;
                continue;
            }
            let room = left - CHUNK_HEADER;
            if rest.len() <= room {
                self.chunk(if first { ChunkKind::Full } else { ChunkKind::Last }, rest, out);
                return;
            }
            let (now, later) = rest.split_at(room);
            self.chunk(if first { ChunkKind::First } else { ChunkKind::Middle }, now, out);
            rest = later;
            first = false;
        }
    }

    fn chunk(&mut self, kind: ChunkKind, payload: &[u8], out: &mut Vec<u8>) {
        let kind = kind as u8;
        let seed = self.seeds.get(usize::from(kind)).copied().unwrap_or_default();
        let mut hasher = crc32fast::Hasher::new_with_initial_len(seed, 1);
        hasher.update(payload);
        out.extend_from_slice(&hasher.finalize().to_le_bytes());
        #[expect(clippy::cast_possible_truncation, reason = "a chunk is shorter than a block")]
        out.extend_from_slice(&(payload.len() as u16).to_le_bytes());
        out.push(kind);
        out.extend_from_slice(payload);
        self.used = (self.used + CHUNK_HEADER + payload.len()) % BLOCK;
    }
}

#[cfg(test)]
mod tests {
    use super::{BLOCK, CHUNK_HEADER, FILE_HEADER, Framer, checksum};

    #[test]
    fn the_seeded_checksum_is_the_plain_one() {
        let mut out = Vec::new();
        Framer::at(7).append(&[8, 1], &mut out);
        assert_eq!(out, [0xbb, 0x09, 0x5d, 0x41, 2, 0, 1, 8, 1]);
        assert_eq!(checksum(1, &[8, 1]).to_le_bytes(), [0xbb, 0x09, 0x5d, 0x41]);
    }

    #[test]
    fn exactly_a_header_left_holds_an_empty_first_chunk() {
        let mut framer = Framer::at(FILE_HEADER.len() as u64);
        let mut out = FILE_HEADER.to_vec();
        framer.append(&vec![1; BLOCK - 7 - CHUNK_HEADER - CHUNK_HEADER], &mut out);
        assert_eq!(out.len(), BLOCK - CHUNK_HEADER);
        framer.append(b"next", &mut out);
        assert_eq!(out.get(BLOCK - 3..BLOCK), Some([0, 0, 2].as_slice()), "length 0, kind first");
        assert_eq!(out.len(), BLOCK + CHUNK_HEADER + 4);
    }

    #[test]
    fn less_than_a_header_left_is_padded() {
        let mut framer = Framer::at((BLOCK - 3) as u64);
        let mut out = Vec::new();
        framer.append(b"x", &mut out);
        assert_eq!(out.get(..3), Some([0; 3].as_slice()));
        assert_eq!(out.len(), 3 + CHUNK_HEADER + 1);
    }
}
