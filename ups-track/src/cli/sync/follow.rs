//! A log that is followed while it is written, until it is complete.

use std::cell::{Cell, RefCell};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::Server;
use super::chosen::Log;
use super::one::{Ended, one, settled, step_of};
use super::thread::{Teller, aside};
use crate::merge::{Purpose, merge};
use crate::os::files::dir_of;
use crate::os::lock::Lock;
use crate::os::opened;
use crate::upload::{self, Along};

/// Time between two looks at a log, and at one that has not grown for a while.
const REST: Duration = Duration::from_millis(250);
const LONG_REST: Duration = Duration::from_secs(1);

/// Time between two looks at who has a log open that does not grow.
const LOOK_AT_WRITERS: Duration = Duration::from_mins(1);

/// A log that somebody may still write.
struct Followed<'a> {
    log: &'a Log,
    gone_after: Duration,
    /// What was found out last about its writer; kept here while nobody looks.
    writer: RefCell<Writer>,
    /// Whether its last record was read when somebody asked last.
    has_ended: Cell<bool>,
}

/// What is known of the writer of a log.
#[derive(Debug, Clone, Default)]
struct Writer {
    /// Whether the log is complete, and whether its last record had been read when that was found out.
    complete: Option<bool>,
    /// What of attached children could not be merged.
    unmerged: Vec<String>,
    length: u64,
    /// When others were looked at who may have it open.
    looked: Option<Instant>,
}

impl Along for Followed<'_> {
    fn is_complete(&self, has_ended: bool) -> bool {
        self.has_ended.set(has_ended);
        // Found out before the last record was read, it says nothing of the children that came behind it.
        self.writer.borrow().complete.is_some_and(|found| found == has_ended)
    }

    // The program has no part in this: its own upload would tell it.
    fn stop(&self) {}

    async fn rest(&self) {
        let mut writer = self.writer.borrow().clone();
        let before = writer.length;
        let (path, is_ours) = (self.log.path.clone(), self.log.is_ours);
        let (has_ended, gone_after) = (self.has_ended.get(), self.gone_after);
        let looked = aside(move || {
            writer.look(&path, is_ours, has_ended, gone_after);
            writer
        });
        let Ok(writer) = looked.await else { return tokio::time::sleep(REST).await };
        let rest = if writer.length == before { LONG_REST } else { REST };
        let is_complete = writer.complete.is_some();
        self.writer.replace(writer);
        // There is nothing to wait for but what the loop does anyway.
        if !is_complete {
            tokio::time::sleep(rest).await;
        }
    }
}

impl Writer {
    /// Finds out whether the log is complete.
    fn look(&mut self, log: &Path, is_ours: bool, has_ended: bool, gone_after: Duration) {
        self.length = log.metadata().map_or(0, |data| data.len());
        let is_complete = if is_ours {
            self.is_released(log, has_ended)
        } else {
            has_ended || self.is_gone(log, gone_after)
        };
        self.complete = is_complete.then_some(has_ended);
    }

    /// Whether nobody writes a log of ours any more, nor a child of its run.
    fn is_released(&mut self, log: &Path, has_ended: bool) -> bool {
        if Lock::is_taken(dir_of(log)) {
            return false;
        }
        // Its process is gone; children may go on, and what they wrote belongs to the run. Before an exit record that was
        // read nothing can be added now: that is sent afterwards.
        let purpose = if has_ended { Purpose::Look } else { Purpose::Merge };
        match merge(log, purpose) {
            Ok(Some(outcome)) if outcome.live || outcome.open > 0 => return false,
            Ok(outcome) => self.unmerged = outcome.map(|outcome| outcome.bad).unwrap_or_default(),
            Err(reason) => self.unmerged = vec![reason],
        }
        true
    }

    /// Whether there is no sign any more of whoever writes a log of another program.
    fn is_gone(&mut self, log: &Path, after: Duration) -> bool {
        // Looking at all processes is work.
        if self.looked.is_some_and(|looked| looked.elapsed() < LOOK_AT_WRITERS.min(after)) {
            return false;
        }
        if !is_silent(log, after) {
            return false;
        }
        self.looked = Some(Instant::now());
        !opened::is_open_for_writing(log)
    }
}

/// Whether a log was not written to for so long. A time that is not known, or in the future, is none.
fn is_silent(log: &Path, after: Duration) -> bool {
    let written = log.metadata().and_then(|data| data.modified());
    written.is_ok_and(|time| time.elapsed().is_ok_and(|silence| silence >= after))
}

/// Whether nobody will go on with a log that never began.
pub(super) fn is_abandoned(log: &Path, after: Duration) -> bool {
    is_silent(log, after) && !Lock::is_taken(dir_of(log)) && !opened::is_open_for_writing(log)
}

/// Follows one log to its end.
pub(super) async fn follow(server: &Server, log: &Log, gone_after: Duration, teller: &Teller) -> Ended {
    match to_its_end(server, log, gone_after, teller).await {
        Ok(ended) => ended,
        Err(e) => Ended::Failed(e),
    }
}

async fn to_its_end(
    server: &Server,
    log: &Log,
    gone_after: Duration,
    teller: &Teller,
) -> Result<Ended, upload::Failure> {
    let followed = Followed { log, gone_after, writer: RefCell::default(), has_ended: Cell::new(false) };
    let client = server.client_for(teller);
    let mut progress = |progress: upload::Progress<'_>| teller.step(step_of(&progress));
    let (options, interval) = (&server.options, server.interval);
    let sent = upload::follow(&client, &log.path, options, &followed, interval, &mut progress).await?;
    if log.is_ours && has_shards(log.path.clone()).await? {
        // Children may have come behind what was read, whoever has merged them: what is there already is not sent again.
        return Ok(one(server, &log.path, teller).await);
    }
    settled(log.path.clone(), sent, followed.writer.take().unmerged).await
}

async fn has_shards(log: PathBuf) -> Result<bool, upload::Failure> {
    aside(move || !matches!(merge(&log, Purpose::Look), Ok(None))).await
}
