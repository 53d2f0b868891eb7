//! From a log to a W&B server.
//!
//! An upload reads a [`log::Reader`](crate::log::Reader) record by record and never anything else, so that following a
//! log that is still being written is the same code as sending one that is finished. Folders, each of which names only those
//! before it: `transport` (bytes there and back, without a key), `server` (which one, with which key, and what it is asked),
//! `run` (what the records say, in the form in which the server wants it), `transfer` (files and alerts, beside the lines);
//! then one file each for the file stream, what is remembered beside the log, and the upload of one log.

mod alive;
mod begin;
#[cfg(feature = "cli")]
mod confirm;
mod failure;
mod journal;
mod leftover;
pub(crate) mod live;
mod log;
mod outage;
mod output;
mod replay;
mod run;
mod sender;
pub(crate) mod server;
mod source;
mod state;
mod stream;
mod teller;
mod there;
mod transfer;
pub(crate) mod transport;
mod writer;

#[cfg(feature = "cli")]
pub(crate) use confirm::{changed_since_marked, confirm};
pub(crate) use failure::Failure;
#[cfg(feature = "cli")]
pub(crate) use log::{Along, follow, send};
pub(crate) use log::{Options, Progress, Sent};
pub(crate) use run::Changes;
pub(crate) use server::history::HISTORY_PAGE;
pub(crate) use server::{Access, Client};
#[cfg(feature = "cli")]
pub(crate) use state::{Memory, is_being_sent};
pub(crate) use transfer::is_inside;
pub(crate) use writer::Writer;

/// Runs an upload, or many side by side, to its end, in this thread alone: what it does beside itself it does as local
/// tasks.
///
/// # Errors
///
/// If the system gives no event loop, or what the upload itself met.
pub(crate) fn block_on<T>(upload: impl Future<Output = Result<T, Failure>>) -> Result<T, Failure> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::EventLoop)?;
    let tasks = tokio::task::LocalSet::new();
    let done = tasks.block_on(&runtime, upload);
    drop(tasks);
    // A name that is being looked up, or a large file that is being read, must not hold up the end.
    runtime.shutdown_background();
    done
}

/// Marks a log as uploaded, as W&B's client does: either tool then skips it.
///
/// # Errors
///
/// If the marker cannot be made beside the log.
pub(crate) fn mark(log: &std::path::Path) -> std::io::Result<()> {
    crate::os::files::write_whole(&crate::log::marker(log), b"")
}
