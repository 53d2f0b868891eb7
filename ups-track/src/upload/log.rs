//! The upload of one log: its records in order, and what a run needs at its beginning and end.

use std::path::Path;
use std::rc::Rc;

use super::run::Changes;
use super::sender::Upload;
use super::source::Source;
use super::state::Memory;
use super::{Client, Failure, files};

/// What the caller wants to be other than the log says.
#[derive(Debug, Clone, Default)]
pub(crate) struct Options {
    pub(crate) id: Option<String>,
    pub(crate) project: Option<String>,
    pub(crate) entity: Option<String>,
    /// What the settings say, where the log says nothing.
    pub(crate) default_project: Option<String>,
    pub(crate) default_entity: Option<String>,
    pub(crate) changes: Changes,
}

/// What happens while a log is sent.
#[derive(Debug)]
pub(crate) enum Progress<'a> {
    /// The server knows the run; this is its page.
    Begun { page: &'a str },
    /// So many bytes of the log were read.
    Read(u64),
    /// So many rows of the log are on the server.
    Rows(u64),
    /// So many files are being looked at and sent.
    Files(usize),
}

/// Why a log could not be read to its end.
#[derive(Debug)]
pub(crate) struct Damage {
    pub(crate) text: String,
    /// Whether it only ends inside a record, as after a crash.
    pub(crate) torn: bool,
}

/// What was sent.
#[derive(Debug, Default)]
pub(crate) struct Sent {
    pub(crate) page: String,
    /// Rows in the log, as far as it can be read.
    pub(crate) rows: u64,
    /// Rows of the log that the server has.
    pub(crate) rows_there: u64,
    /// Rows of these that an earlier upload had sent.
    pub(crate) rows_before: u64,
    pub(crate) lines_too_long: u64,
    pub(crate) files: files::Outcome,
    /// What the server said to alerts that it did not take.
    pub(crate) refused_alerts: Vec<String>,
    /// Records that this version does not upload, by what they are.
    pub(crate) artifacts: u64,
    pub(crate) tensorboard: u64,
    /// What is wrong with the log behind what was sent.
    pub(crate) damage: Option<Damage>,
    /// The exit code that the log says.
    pub(crate) exit_code: Option<i32>,
}

impl Sent {
    /// Whether all that the log holds is on the server.
    pub(crate) fn is_all(&self) -> bool {
        self.damage.is_none()
            && self.artifacts == 0
            && self.tensorboard == 0
            && self.files.failed.is_empty()
            && self.rows == self.rows_there
    }
}

/// Sends a log. What an earlier call has sent is not sent again, however that one ended.
///
/// # Errors
///
/// If the log cannot be read or has no run, or the server does not take it. A log that is damaged is no error: what
/// precedes the damage is sent.
pub(crate) async fn send(
    client: &Rc<Client>,
    log: &Path,
    options: &Options,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Sent, Failure> {
    let local = tokio::task::LocalSet::new();
    local.run_until(Box::pin(send_here(client, log, options, progress))).await
}

async fn send_here(
    client: &Rc<Client>,
    log: &Path,
    options: &Options,
    progress: &mut dyn FnMut(Progress<'_>),
) -> Result<Sent, Failure> {
    let memory = Memory::open(log)?;
    let mut source = Source::open(log)?;
    let described = source.run(options)?;
    let mut upload = Upload::begin(client, log, described, memory).await?;
    progress(Progress::Begun { page: &upload.sent.page });
    while let Some((kind, raw)) = source.next() {
        upload.take(kind, raw).await?;
        if upload.stream.is_full() {
            upload.flush().await?;
            progress(Progress::Rows(upload.sending.history.lines));
            progress(Progress::Read(source.position()));
        }
        if upload.exit.is_some() {
            break;
        }
    }
    progress(Progress::Read(source.position()));
    upload.sent.damage = source.damage;
    upload.end(progress).await
}
