//! The merge when nobody writes the run: its log is written anew beside the old one, and takes its place as a whole.

use std::collections::HashMap;
use std::fs;
use std::io::{self, BufReader};
use std::path::{Path, PathBuf};

use super::beside::{Beside, Nowhere};
use super::incoming::ShardState;
use super::live::Merger;
use crate::context::{trusted_dir, trusted_file};
use crate::harmless;
use crate::ledger::{Host, Ledger, Sink};
use crate::log::record::{Exit, Kind, Record, Run};
use crate::log::{ReadError, Reader};
use crate::os::clock::Timeline;
use crate::os::files::{Draft, dir_of};
use crate::os::lock::Lock;
use crate::recorder::{Op, Stream};
use crate::rundir::RunDir;
use crate::rundir::Surroundings;
use crate::shards;

/// Whether the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    Merge,
    /// Only to know what there is to merge.
    #[cfg_attr(not(feature = "cli"), expect(dead_code, reason = "only the command looks"))]
    Look,
}

/// What a merge found and did.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    /// Somebody writes the run; that process merges.
    #[cfg_attr(not(feature = "cli"), expect(dead_code, reason = "only the command tells it"))]
    pub(crate) live: bool,
    /// Rows and records that were merged, or would be.
    pub(crate) rows: u64,
    pub(crate) records: u64,
    /// Shards whose process has completed them, still writes, or was killed.
    pub(crate) done: usize,
    pub(crate) open: usize,
    pub(crate) killed: usize,
    /// Shards that are not read to their end.
    pub(crate) refused: usize,
    /// What is wrong, shard by shard.
    pub(crate) bad: Vec<String>,
    /// Whether the log was uploaded before, so that a second upload has to be asked for.
    pub(crate) synced: bool,
}

/// Merges the shards beside a log into it; none if there are none.
pub(crate) fn merge(log: &Path, purpose: Purpose) -> Result<Option<Outcome>, String> {
    let dir = dir_of(log);
    // Whoever names the directory may do so through a link, such as `latest-run`.
    let dir = fs::canonicalize(dir).map_err(|e| format!("cannot find `{}`: {e}", harmless::path(dir)))?;
    let log = dir.join(log.file_name().unwrap_or_default());
    let (dir, log) = (dir.as_path(), log.as_path());
    if fs::symlink_metadata(shards::place(dir)).is_err() {
        return Ok(None);
    }
    let (names, bad) = shards::list(dir);
    if names.is_empty() && bad.is_empty() {
        return Ok(None);
    }
    let named = |path: &Path| format!("`{}`", harmless::path(path));
    trusted_dir(dir).map_err(|reason| format!("{} {reason}", named(dir)))?;
    let locks = match purpose {
        Purpose::Merge => {
            let fault = |e| format!("cannot lock {}: {e}", named(dir));
            let turn = Lock::take_turn(dir).map_err(fault)?;
            let lock = Lock::take(dir).map_err(fault)?;
            turn.zip(lock)
        }
        Purpose::Look => None,
    };
    let live = match purpose {
        Purpose::Merge => locks.is_none(),
        Purpose::Look => Lock::is_taken(dir) && !Lock::is_turn_taken(dir),
    };
    if live {
        return Ok(Some(Outcome { live, ..Outcome::default() }));
    }
    let past = Past::read(log).map_err(|reason| format!("{} {reason}", named(log)))?;
    let mut again = Again::new(dir, log, past, purpose);
    again.merger.advance_to_end(&mut again.ledger, &mut again.surroundings);
    let mut outcome = again.outcome();
    outcome.records += again.tell_failed_ranks();
    outcome.refused += bad.len();
    outcome.bad.extend(bad);
    if purpose == Purpose::Merge && outcome.records > 0 {
        again.complete().map_err(|e| format!("cannot write {} anew: {e}; it is as it was", named(log)))?;
        again.note_told();
    }
    drop(locks);
    Ok(Some(outcome))
}

/// What the log says so far.
#[derive(Debug)]
struct Past {
    run: Run,
    /// Where the log goes on: before its exit record, or behind the last whole one.
    end: u64,
    records: i64,
    exit: Option<Exit>,
    /// Per shard the highest number that was merged.
    merged: HashMap<String, u64>,
}

impl Past {
    fn read(log: &Path) -> Result<Self, String> {
        let mut past = Self { run: Run::default(), end: 0, records: 0, exit: None, merged: HashMap::new() };
        let mut has_run = false;
        each(log, u64::MAX, |record, end| {
            if past.exit.is_some() {
                return Err(
                    "has records behind its exit record; it is no log of ups-track and is left alone".into(),
                );
            }
            match record.kind {
                Some(Kind::Exit(exit)) => {
                    past.exit = Some(exit);
                    return Ok(());
                }
                Some(Kind::Run(run)) if !std::mem::replace(&mut has_run, true) => past.run = *run,
                _ => {}
            }
            past.end = end;
            past.records += 1;
            if let Some((name, number)) = record.uuid.rsplit_once('/')
                && let Ok(number) = number.parse::<u64>()
            {
                let highest = past.merged.entry(name.to_owned()).or_default();
                *highest = number.max(*highest);
            }
            Ok(())
        })?;
        if has_run { Ok(past) } else { Err("has no run record".into()) }
    }
}

/// Calls `f` with each whole record of a log and where it ends, up to byte `until`.
fn each(log: &Path, until: u64, mut f: impl FnMut(Record, u64) -> Result<(), String>) -> Result<(), String> {
    let (file, _) = trusted_file(log)?;
    let mut reader = Reader::new(BufReader::with_capacity(64 * 1024, file), log);
    while reader.position() < until {
        match reader.next() {
            Some(Ok(entry)) => f(entry.record, reader.position())?,
            None => break,
            // What a kill leaves; a writer that was killed while it wrote the header has recorded nothing.
            Some(Err(e)) if e.is_torn() => break,
            Some(Err(ReadError::Damaged { offset, damage, .. })) => {
                return Err(format!("is damaged at byte {offset}: {damage}; it is left alone"));
            }
            Some(Err(e)) => return Err(format!("cannot be read: {e}")),
        }
    }
    Ok(())
}

/// The run once more, as far as its log tells.
#[derive(Debug)]
struct Again {
    ledger: Ledger,
    surroundings: Surroundings,
    merger: Merger,
    log: PathBuf,
    /// The new log; none if one only looks.
    draft: Option<Draft>,
    start: u64,
    exit: Option<Exit>,
    /// Whether the log has a new alert of ranks that have failed.
    has_told: bool,
}

impl Again {
    fn new(dir: &Path, log: &Path, past: Past, purpose: Purpose) -> Self {
        // Who merges holds the lock.
        let draft = (purpose == Purpose::Merge).then(|| Draft::locked(log, ".merging"));
        let sink: Box<dyn Sink> = match &draft {
            Some(draft) => Box::new(Beside::new(log, draft.path(), past.end, past.records)),
            None => Box::new(Nowhere),
        };
        let start = past.run.start_time.map_or(0, |start| {
            u64::try_from(start.seconds).unwrap_or(0) * 1_000_000_000
                + u64::try_from(start.nanos).unwrap_or(0)
        });
        let run_id = past.run.run_id.clone();
        let mut surroundings = Surroundings::new(Some(RunDir::existing(dir, log)), past.run);
        let mut ledger = Ledger::new(sink, Timeline::of_past(start));
        // It was readable a moment ago, and nobody else writes it.
        drop(each(log, past.end, |record, _| {
            ledger.replay(record, &mut Silent(&mut surroundings));
            Ok(())
        }));
        let merger = Merger::continued(dir, &run_id, past.merged);
        let log = log.to_owned();
        Self { ledger, surroundings, merger, log, draft, start, exit: past.exit, has_told: false }
    }

    fn outcome(&self) -> Outcome {
        let mut outcome = Outcome::default();
        for shard in &self.merger.shards {
            outcome.rows += shard.rows;
            outcome.records += shard.records;
            match &shard.state {
                ShardState::Done => outcome.done += 1,
                ShardState::Open if shard.is_alive() => outcome.open += 1,
                ShardState::Open => outcome.killed += 1,
                ShardState::Bad => outcome.refused += 1,
            }
            outcome.bad.extend(shard.complaints.iter().map(|what| format!("shard `{}` {what}", shard.name)));
        }
        outcome.synced = crate::log::marker(&self.log).exists();
        outcome
    }

    /// Adds the alert of ranks that have failed, if no other can fail any more; gives the number of records.
    fn tell_failed_ranks(&mut self) -> u64 {
        if self.merger.has_ranks() {
            return 0;
        }
        let Some(alert) = self.merger.failed_so_far(None) else { return 0 };
        self.ledger.alert(&alert);
        self.has_told = true;
        1
    }

    fn note_told(&mut self) {
        if self.has_told {
            self.merger.note_told();
        }
    }

    /// Ends the new log and puts it in the place of the old one.
    fn complete(&mut self) -> io::Result<()> {
        // The run took as long as it took, however late this is.
        let seconds = self.exit.map_or(0, |exit| u64::try_from(exit.runtime).unwrap_or(0));
        let now = self.ledger.last_time().max(self.start + seconds * 1_000_000_000);
        self.ledger.write_last_summary(now);
        self.ledger.write_exit(self.exit.map_or(1, |exit| exit.exit_code), now);
        self.ledger.output().flush();
        if let Some(e) = self.ledger.output().error() {
            return Err(io::Error::new(e.kind(), e.to_string()));
        }
        self.draft.take().map_or(Ok(()), Draft::place_for_good)?;
        self.surroundings.write_all(&self.ledger, now);
        Ok(())
    }
}

/// A host that was told everything before.
struct Silent<'a>(&'a mut Surroundings);

impl Host for Silent<'_> {
    fn console(&mut self, _: Stream, _: &str) {}

    fn console_lines(&mut self, _: &str) {}

    /// A merge makes no tables: children have kept the files that their rows refer to.
    fn media(&mut self, _: &str, _: &[u8]) -> io::Result<()> {
        Err(io::Error::from(io::ErrorKind::Unsupported))
    }

    fn amend(&mut self, op: Op) {
        self.0.amend(op);
    }

    fn amended(&mut self) -> Option<Run> {
        self.0.amended()
    }
}

#[cfg(test)]
mod tests;
