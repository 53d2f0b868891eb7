//! The merge when nobody writes the run: its log is written anew beside the old one, and takes its place as a whole.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufReader, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use super::incoming::ShardState;
use super::live::Merger;
use crate::context::{trusted_dir, trusted_file};
use crate::harmless;
use crate::ledger::{Host, Ledger, Sink};
use crate::log::record::{Exit, Kind, Record, Run};
use crate::log::{LogWriter, ReadError, Reader};
use crate::processes::lock::Lock;
use crate::processes::shard;
use crate::recorder::Op;
use crate::run::dir::RunDir;
use crate::run::writer::Surroundings;

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
    let dir = log.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // Whoever names the directory may do so through a link, such as `latest-run`.
    let dir = fs::canonicalize(dir).map_err(|e| format!("cannot find `{}`: {e}", harmless::path(dir)))?;
    let log = dir.join(log.file_name().unwrap_or_default());
    let (dir, log) = (dir.as_path(), log.as_path());
    if fs::symlink_metadata(shard::place(dir)).is_err() {
        return Ok(None);
    }
    let (names, bad) = shard::list(dir);
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
    if live && purpose == Purpose::Merge {
        return Ok(Some(Outcome { live, ..Outcome::default() }));
    }
    let past = Past::read(log).map_err(|reason| format!("{} {reason}", named(log)))?;
    let mut again = Again::new(dir, log, past, purpose);
    again.merger.advance_to_end(&mut again.ledger, &mut again.surroundings);
    let mut outcome = again.outcome(live);
    outcome.refused += bad.len();
    outcome.bad.extend(bad);
    if purpose == Purpose::Merge && outcome.records > 0 {
        again
            .complete()
            .map_err(|e| format!("cannot write {}: {e}; the log is as it was", named(&again.beside)))?;
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
    /// Where the new log is written.
    beside: PathBuf,
    start: u64,
    exit: Option<Exit>,
}

impl Again {
    fn new(dir: &Path, log: &Path, past: Past, purpose: Purpose) -> Self {
        let beside = log.with_extension("wandb.merging");
        let sink: Box<dyn Sink> = match purpose {
            Purpose::Merge => Box::new(Beside {
                log: log.to_owned(),
                path: beside.clone(),
                end: past.end,
                records: past.records,
                writer: None,
            }),
            Purpose::Look => Box::new(Nowhere),
        };
        let start = past.run.start_time.map_or(0, |start| {
            u64::try_from(start.seconds).unwrap_or(0) * 1_000_000_000
                + u64::try_from(start.nanos).unwrap_or(0)
        });
        let run_id = past.run.run_id.clone();
        let mut surroundings = Surroundings::new(Some(RunDir::existing(dir, log)), past.run);
        let mut ledger = Ledger::new(sink, start);
        // It was readable a moment ago, and nobody else writes it.
        drop(each(log, past.end, |record, _| {
            ledger.replay(record, &mut Silent(&mut surroundings));
            Ok(())
        }));
        let merger = Merger::continued(dir, &run_id, past.merged);
        Self { ledger, surroundings, merger, log: log.to_owned(), beside, start, exit: past.exit }
    }

    fn outcome(&self, live: bool) -> Outcome {
        let mut outcome = Outcome { live, ..Outcome::default() };
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
        let mut marker = self.log.clone().into_os_string();
        marker.push(".synced");
        outcome.synced = Path::new(&marker).exists();
        outcome
    }

    /// Ends the new log and puts it in the place of the old one.
    fn complete(&mut self) -> io::Result<()> {
        let done = self.write_end();
        if done.is_err() {
            drop(fs::remove_file(&self.beside));
        }
        done
    }

    fn write_end(&mut self) -> io::Result<()> {
        // The run took as long as it took, however late this is.
        let seconds = self.exit.map_or(0, |exit| u64::try_from(exit.runtime).unwrap_or(0));
        let now = self.ledger.last_time().max(self.start + seconds * 1_000_000_000);
        self.ledger.write_last_summary(now);
        self.ledger.write_exit(self.exit.map_or(1, |exit| exit.exit_code), now);
        self.ledger.output().flush();
        if let Some(e) = self.ledger.output().error() {
            return Err(io::Error::new(e.kind(), e.to_string()));
        }
        File::open(&self.beside)?.sync_all()?;
        fs::rename(&self.beside, &self.log)?;
        // The new name shall outlast a power cut, where the system can promise that.
        drop(self.log.parent().map(File::open).map(|dir| dir.and_then(|dir| dir.sync_all())));
        self.surroundings.write_all(&self.ledger, now);
        Ok(())
    }
}

/// A host that was told everything before.
struct Silent<'a>(&'a mut Surroundings);

impl Host for Silent<'_> {
    fn console(&mut self, _: &str) {}

    fn amend(&mut self, op: Op) -> Option<Run> {
        self.0.amend(op)
    }
}

/// The new log; made when the first record comes, so that a log with nothing to merge is not touched.
#[derive(Debug)]
struct Beside {
    log: PathBuf,
    path: PathBuf,
    end: u64,
    records: i64,
    writer: Option<LogWriter>,
}

impl Beside {
    fn writer(&mut self) -> io::Result<&mut LogWriter> {
        if self.writer.is_none() {
            // What a merge that was killed has left.
            drop(fs::remove_file(&self.path));
            fs::copy(&self.log, &self.path)?;
            let mut file = OpenOptions::new().write(true).open(&self.path)?;
            file.set_len(self.end)?;
            file.seek(SeekFrom::Start(self.end))?;
            self.writer = Some(LogWriter::resume(file, self.end, self.records));
        }
        self.writer.as_mut().ok_or_else(|| io::Error::other("no writer"))
    }
}

impl Sink for Beside {
    fn next_number(&self) -> i64 {
        self.writer.as_ref().map_or(self.records + 1, LogWriter::next_number)
    }
    fn append(&mut self, record: Record) -> io::Result<()> {
        self.writer()?.append(record)
    }
    fn append_encoded(&mut self, record: &[u8]) -> io::Result<()> {
        self.writer()?.append_encoded(record)
    }
    fn flush(&mut self) -> io::Result<()> {
        self.writer.as_mut().map_or(Ok(()), LogWriter::flush)
    }
    fn trim(&mut self) -> io::Result<()> {
        self.writer.as_mut().map_or(Ok(()), LogWriter::trim)
    }
    fn written(&self) -> u64 {
        self.writer.as_ref().map_or(self.end, LogWriter::written)
    }
}

/// Where records go when one only looks.
#[derive(Debug)]
struct Nowhere;

impl Sink for Nowhere {
    fn next_number(&self) -> i64 {
        1
    }
    fn append(&mut self, _: Record) -> io::Result<()> {
        Ok(())
    }
    fn append_encoded(&mut self, _: &[u8]) -> io::Result<()> {
        Ok(())
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
    fn trim(&mut self) -> io::Result<()> {
        Ok(())
    }
    fn written(&self) -> u64 {
        0
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{FilePolicy, Mode, Run as Handle, Stream};

    /// A finished run beside a shard with a bit of everything that it has not merged; gives log and shard.
    fn left_behind(dir: &Path) -> (PathBuf, PathBuf) {
        let builder = Handle::builder().mode(Mode::Offline).dir(dir).id("left").quiet(true).global(false);
        let run = builder.start().unwrap();
        run.log(0, &[("own", 1)]);
        let context = run.context();
        let child = Handle::builder().context(&context).global(false).config(&[("c", 1)]).start().unwrap();
        let finished = run.finish().unwrap();
        for step in 0..40_u64 {
            child.log(step, &[("loss", 1.0 / (step + 1) as f64)]);
        }
        child.summarize(&[("score", 0.5)]);
        child.write_console(Stream::Stdout, "x\n");
        let file = dir.join("x.txt");
        fs::write(&file, "x").unwrap();
        child.save_file(&file, FilePolicy::Now).unwrap();
        assert!(child.flush());
        let (names, _) = shard::list(finished.dir().unwrap());
        let shard = shard::place(finished.dir().unwrap()).join(names.first().unwrap()).join(shard::LOG);
        let bytes = fs::read(&shard).unwrap();
        let log = finished.dir().unwrap().join("run-left.wandb");
        let before = fs::read(&log).unwrap();
        // Its end merges; what was before is put back.
        child.finish().unwrap();
        assert_ne!(fs::read(&log).unwrap(), before);
        fs::write(&log, before).unwrap();
        fs::write(&shard, bytes).unwrap();
        (log, shard)
    }

    fn uuids(log: &Path) -> Vec<String> {
        let records = Reader::open(log).unwrap().map(|entry| entry.unwrap().record);
        records.map(|record| record.uuid).filter(|uuid| !uuid.is_empty()).collect()
    }

    #[test]
    fn what_was_left_behind_comes_once() {
        let dir = tempfile::tempdir().unwrap();
        let (log, _) = left_behind(dir.path());
        let look = merge(&log, Purpose::Look).unwrap().unwrap();
        let outcome = merge(&log, Purpose::Merge).unwrap().unwrap();
        assert_eq!((look.rows, look.records), (outcome.rows, outcome.records));
        assert_eq!((outcome.rows, outcome.killed, outcome.refused, outcome.live), (40, 1, 0, false));
        assert_eq!(uuids(&log).len() as u64, outcome.records);
        let merged = fs::read(&log).unwrap();
        assert_eq!(merge(&log, Purpose::Merge).unwrap().unwrap().records, 0);
        assert_eq!(fs::read(&log).unwrap(), merged);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn no_shard_breaks_the_log(
            flips in prop::collection::vec((any::<prop::sample::Index>(), 0_u8..8), 0..3),
            cut in any::<prop::sample::Index>(),
            noise in prop::collection::vec(any::<u8>(), 0..40),
        ) {
            let dir = tempfile::tempdir().unwrap();
            let (log, shard) = left_behind(dir.path());
            let mut bytes = fs::read(&shard).unwrap();
            for (at, bit) in flips {
                let at = at.index(bytes.len());
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << bit;
                }
            }
            bytes.truncate(cut.index(bytes.len() * 2));
            bytes.extend(noise);
            fs::write(&shard, bytes).unwrap();
            let outcome = merge(&log, Purpose::Merge).unwrap().unwrap();
            let there = uuids(&log);
            prop_assert_eq!(there.len() as u64, outcome.records);
            let merged = fs::read(&log).unwrap();
            prop_assert_eq!(merge(&log, Purpose::Merge).unwrap().unwrap().records, 0);
            prop_assert_eq!(fs::read(&log).unwrap(), merged);
        }
    }
}
