//! The upload of one log.

use std::io;

use super::Server;
use super::chosen::Log;
use super::progress::Step;
use crate::merge::{Purpose, merge};
use crate::os::lock::Lock;
use crate::upload::{self, Progress, Sent};

/// What became of a log.
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

/// Uploads one log.
pub(super) fn one(server: &Server, log: &Log, step: &mut dyn FnMut(Step)) -> Ended {
    if Lock::is_taken(log.dir()) {
        return Ended::Later(
            "is still being written; upload it when the run has ended, or follow it with --watch",
        );
    }
    let mut unmerged = Vec::new();
    match merge(&log.path, Purpose::Merge) {
        Ok(None) => {}
        Ok(Some(outcome)) if outcome.live || outcome.open > 0 => {
            return Ended::Later("children still write; upload it when they have ended");
        }
        Ok(Some(outcome)) => unmerged = outcome.bad,
        Err(reason) => unmerged.push(reason),
    }
    // Without a length there is no bar.
    step(Step::Length(log.path.metadata().map_or(0, |data| data.len())));
    let sent = upload::block_on(upload::send(&server.client, &log.path, &server.options, &mut |progress| {
        step(step_of(&progress));
    }));
    match sent {
        Err(e) => Ended::Failed(e),
        Ok(sent) => settled(log, sent, unmerged),
    }
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
pub(super) fn settled(log: &Log, sent: Sent, unmerged: Vec<String>) -> Ended {
    let all = sent.is_all() && unmerged.is_empty();
    let unmarked = all.then(|| upload::mark(&log.path).err()).flatten();
    Ended::Sent { sent: Box::new(sent), unmerged, unmarked }
}
