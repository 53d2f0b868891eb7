//! From a log to a W&B server.
//!
//! An upload reads a [`log::Reader`](crate::log::Reader) record by record and never anything else, so that following a
//! log that is still being written is the same code as sending one that is finished. Folders: `access` (which server,
//! which key), `http` (requests, retries), `run` (what the records say, in the form in which the server wants it); then
//! one file each for the GraphQL operations, the file stream, the files, what is remembered beside the log, and the
//! upload of one log.

pub(crate) mod access;
mod alerts;
mod begin;
#[cfg(feature = "cli")]
mod confirm;
mod errand;
mod failure;
pub(crate) mod files;
mod graphql;
pub(crate) mod http;
pub(crate) mod live;
mod log;
mod outage;
mod output;
mod run;
mod sender;
mod shelf;
mod snapshot;
mod source;
mod state;
mod stream;
mod versions;
mod writer;

pub(crate) use access::Access;
#[cfg(feature = "cli")]
pub(crate) use confirm::{changed_since_marked, confirm};
pub(crate) use failure::Failure;
pub(crate) use http::Client;
#[cfg(feature = "cli")]
pub(crate) use log::{Along, follow, send};
pub(crate) use log::{Options, Progress, Sent};
pub(crate) use run::Changes;
#[cfg(feature = "cli")]
pub(crate) use state::Memory;
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

/// Whether another process of ours sends a log.
#[cfg(feature = "cli")]
pub(crate) fn is_being_sent(log: &std::path::Path) -> bool {
    std::fs::File::open(log)
        .is_ok_and(|file| matches!(file.try_lock_shared(), Err(std::fs::TryLockError::WouldBlock)))
}

/// Marks a log as uploaded, as W&B's client does: either tool then skips it.
///
/// # Errors
///
/// If the marker cannot be made beside the log.
pub(crate) fn mark(log: &std::path::Path) -> std::io::Result<()> {
    crate::os::files::write_whole(&crate::log::marker(log), b"")
}
