//! W&B's transaction log: a file of framed protobuf records. Everything a run records goes through it, and it is
//! all that an upload needs.
//!
//! The format is `LevelDB`'s log format with another checksum: blocks of 32 KiB, chunks that never cross a block, and
//! a CRC-32 (IEEE) per chunk. [`Reader`] reads any such file, [`record`] has the messages.

pub(crate) mod encode;
mod framing;
mod reader;
pub mod record;
pub(crate) mod splice;
mod writer;

pub use reader::{Damage, Entry, ReadError, Reader};
pub(crate) use writer::LogWriter;
