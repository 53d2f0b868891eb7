//! The upload of one log.

use std::io;
use std::path::{Path, PathBuf};

use super::Server;
use super::progress::Step;
use super::thread::{Teller, aside};
use crate::merge::{Purpose, merge};
use crate::os::files::dir_of;
use crate::os::lock::Lock;
use crate::upload::{self, Progress, Sent};

/// What became of a log.
#[derive(Debug)]
pub(super) enum Ended {
    /// It is left for later, for this reason.
    Later(&'static str),
    Failed(upload::Failure),
    Sent {
        sent: Box<Sent>,
        /// Why something of attached children is not in the log.
        unmerged: Vec<String>,
        /// Why it could not be marked as uploaded.
        unmarked: Option<io::Error>,
    },
}

impl Ended {
    /// Whether it may end better another time.
    pub(super) fn may_be_better(&self) -> bool {
        match self {
            Self::Later(_) | Self::Failed(_) => true,
            Self::Sent { sent, unmarked, .. } => {
                unmarked.is_some() || !sent.files.failed.is_empty() || !sent.trouble.is_empty()
            }
        }
    }
}

/// Uploads one log.
pub(super) async fn one(server: &Server, log: &Path, teller: &Teller) -> Ended {
    match upload(server, log, teller).await {
        Ok(ended) => ended,
        Err(e) => Ended::Failed(e),
    }
}

async fn upload(server: &Server, log: &Path, teller: &Teller) -> Result<Ended, upload::Failure> {
    let path = log.to_owned();
    let (unmerged, length) = match aside(move || prepare(&path)).await? {
        Ok(ready) => ready,
        Err(reason) => return Ok(Ended::Later(reason)),
    };
    // Without a length there is no bar.
    teller.step(Step::Length(length));
    let client = server.client_for(teller);
    let mut progress = |progress: Progress<'_>| teller.step(step_of(&progress));
    let sent = upload::send(&client, log, &server.options, &mut progress).await?;
    settled(log.to_owned(), sent, unmerged).await
}

/// Adds what attached children have left; gives what could not be added and the length of the log, or why it is left for
/// later.
fn prepare(log: &Path) -> Result<(Vec<String>, u64), &'static str> {
    if Lock::is_taken(dir_of(log)) {
        return Err("is still being written; upload it when the run has ended, or follow it with --watch");
    }
    let mut unmerged = Vec::new();
    match merge(log, Purpose::Merge) {
        Ok(None) => {}
        Ok(Some(outcome)) if outcome.live || outcome.open > 0 => {
            return Err("children still write; upload it when they have ended");
        }
        Ok(Some(outcome)) => unmerged = outcome.bad,
        Err(reason) => unmerged.push(reason),
    }
    Ok((unmerged, log.metadata().map_or(0, |data| data.len())))
}

/// How far an upload is.
pub(super) fn step_of(progress: &Progress<'_>) -> Step {
    match progress {
        Progress::Begun { page } => Step::Begun((*page).to_owned()),
        Progress::Read(bytes) => Step::Read(*bytes),
        Progress::Rows(rows) => Step::Rows(*rows),
        Progress::Files(files) => Step::Files(*files as u64),
    }
}

/// Marks a log of which all is on the server.
pub(super) async fn settled(
    log: PathBuf,
    sent: Sent,
    unmerged: Vec<String>,
) -> Result<Ended, upload::Failure> {
    let all = sent.is_all() && unmerged.is_empty();
    let unmarked = if all { aside(move || upload::mark(&log).err()).await? } else { None };
    Ok(Ended::Sent { sent: Box::new(sent), unmerged, unmarked })
}
