//! W&B's transaction log: a file of framed protobuf records. Everything a run records goes through it, and it is
//! all that an upload needs.
//!
//! The format is `LevelDB`'s log format with another checksum: blocks of 32 KiB, chunks that never cross a block, and
//! a CRC-32 (IEEE) per chunk. [`Reader`] reads any such file, [`record`] has the messages.

#[cfg(all(feature = "cli", feature = "online"))]
mod beginning;
pub(crate) mod encode;
mod framing;
pub(crate) mod lean;
pub(crate) mod outside;
mod reader;
pub mod record;
pub(crate) mod splice;
mod writer;

use std::path::{Path, PathBuf};

#[cfg(all(feature = "cli", feature = "online"))]
pub(crate) use beginning::Beginning;
pub use reader::{Damage, Entry, ReadError, Reader};
pub(crate) use writer::{LogWriter, Standing, WaitingRows};

/// A file beside a log, or another file: its name with something at the end.
pub(crate) fn beside(file: &Path, ending: &str) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

/// The empty file that says that a log is uploaded, as W&B's client makes it.
pub(crate) fn marker(log: &Path) -> PathBuf {
    beside(log, ".synced")
}
