//! The writer: empties the recorder into the ledger in the right order, and the ledger into the log, on a timer.

use std::collections::HashSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::dir::RunDir;
use super::end::{Ending, Report};
use crate::ledger::{Host, Ledger, Output, Sink};
use crate::log::record;
use crate::os::clock::{Timeline, Waited};
use crate::os::files::write_whole;
use crate::os::lock::Lock;
use crate::processes::merge::Merger;
use crate::recorder::{Lane, Op, Recorder, RowView, Rows, Stamped, State};
use crate::run::terminal::Terminal;
use crate::settings::config_yaml;
use crate::{os, say};

/// How long the end of a run waits for the other ranks that record into it: mostly all end together, and what comes later
/// costs a whole copy of the log.
const OTHER_RANKS: Duration = Duration::from_secs(2);

/// Empties a recorder into a ledger.
#[derive(Debug)]
pub(crate) struct Drain {
    recorder: Arc<Recorder>,
    lanes: Vec<Arc<Lane>>,
    batches: Vec<Batch>,
    ops: Vec<Stamped>,
    spare: Rows,
}

/// What was taken out of a lane and how far it was read.
#[derive(Debug)]
struct Batch {
    lane: Arc<Lane>,
    rows: Rows,
    /// Words that were read.
    read: usize,
    /// Rows that came while others were waiting for an operation.
    later: Vec<u64>,
}

impl Batch {
    fn head(&self) -> Option<(RowView<'_>, usize)> {
        let words = self.words();
        let (row, after) = RowView::split(words.get(self.read..)?)?;
        Some((row, words.len() - after.len()))
    }

    fn words(&self) -> &[u64] {
        if self.later.is_empty() { self.rows.words() } else { &self.later }
    }

    fn is_read(&self) -> bool {
        self.read >= self.words().len()
    }

    fn refill(&mut self, spare: &mut Rows) {
        if self.is_read() {
            self.rows.clear();
            self.later.clear();
            self.read = 0;
            self.lane.take(&mut self.rows);
        } else {
            // What is left goes before what is new.
            let left = self.words().get(self.read..).unwrap_or_default().to_vec();
            self.later = left;
            self.read = 0;
            self.lane.take(spare);
            self.later.extend_from_slice(spare.words());
            spare.clear();
        }
    }
}

impl Drain {
    pub(crate) fn new(recorder: Arc<Recorder>) -> Self {
        Self { recorder, lanes: Vec::new(), batches: Vec::new(), ops: Vec::new(), spare: Rows::default() }
    }

    /// Moves everything that was recorded so far.
    pub(crate) fn run(&mut self, ledger: &mut Ledger, host: &mut dyn Host) {
        // Operations first, lanes second: every row that precedes one of these operations is then in its lane.
        let mut ops = std::mem::take(&mut self.ops);
        let last = self.recorder.take_ops(&mut ops);
        self.recorder.lanes(&mut self.lanes);
        for lane in &self.lanes {
            let known = self.batches.iter().position(|batch| Arc::ptr_eq(&batch.lane, lane));
            let index = known.unwrap_or_else(|| {
                self.batches.push(Batch {
                    lane: Arc::clone(lane),
                    rows: Rows::default(),
                    read: 0,
                    later: Vec::new(),
                });
                self.batches.len() - 1
            });
            if let Some(batch) = self.batches.get_mut(index) {
                batch.refill(&mut self.spare);
            }
        }
        ledger.learn_plans(&self.recorder);
        for stamped in ops.drain(..) {
            self.rows_before(stamped.epoch, ledger);
            ledger.apply(stamped, host);
        }
        // A row that knows of an operation that is not here yet waits for it.
        self.rows_before(last + 1, ledger);
        self.ops = ops;
        let lanes = &self.lanes;
        self.batches.retain(|b| !b.is_read() || lanes.iter().any(|lane| Arc::ptr_eq(lane, &b.lane)));
    }

    /// Writes the rows that do not know of operation `epoch`, those of all threads by epoch and time.
    fn rows_before(&mut self, epoch: u64, ledger: &mut Ledger) {
        const LAST: (u64, u64) = (u64::MAX, u64::MAX);
        let order = |row: &RowView<'_>| (row.epoch, row.time);
        loop {
            let mut first: Option<usize> = None;
            let (mut earliest, mut next) = (LAST, LAST);
            for (index, batch) in self.batches.iter().enumerate() {
                let Some((row, _)) = batch.head().filter(|(row, _)| row.epoch < epoch) else { continue };
                if first.is_none() || order(&row) < earliest {
                    next = earliest;
                    earliest = order(&row);
                    first = Some(index);
                } else {
                    next = next.min(order(&row));
                }
            }
            let Some(batch) = first.and_then(|index| self.batches.get_mut(index)) else { return };
            // This lane's rows, as long as no other lane's comes before.
            while let Some((row, end)) =
                batch.head().filter(|(row, _)| row.epoch < epoch && order(row) <= next)
            {
                ledger.row(row);
                batch.read = end;
            }
        }
    }
}

/// The side files and `output.log`, and what a change of tags needs.
#[derive(Debug)]
pub(crate) struct Surroundings {
    /// Where files go; none in a capture.
    pub(crate) dir: Option<RunDir>,
    /// The run record as it was last written; of a shard, as it began.
    pub(crate) run: record::Run,
    /// The run record as it is to be written, if something may have changed.
    amended: Option<record::Run>,
    /// The tags that were told.
    tags: HashSet<String>,
    terminal: Terminal,
    output_log: Option<File>,
    shown: String,
    /// Files that belong to values, where there is no directory.
    pub(crate) media: Vec<(String, Vec<u8>)>,
}

impl Surroundings {
    pub(crate) fn new(dir: Option<RunDir>, run: record::Run) -> Self {
        Self {
            dir,
            tags: run.tags.iter().cloned().collect(),
            run,
            amended: None,
            terminal: Terminal::default(),
            output_log: None,
            shown: String::new(),
            media: Vec::new(),
        }
    }

    fn write_output_log(&mut self) {
        if self.shown.is_empty() {
            return;
        }
        if self.dir.as_ref().is_some_and(|dir| dir.shard.is_some()) {
            return self.shown.clear();
        }
        if let (None, Some(dir)) = (&self.output_log, &self.dir) {
            let path = dir.files.join("output.log");
            self.output_log = OpenOptions::new().append(true).create(true).open(path).ok();
        }
        // The console is in the log as well; its readable copy is a convenience.
        if let Some(file) = &mut self.output_log {
            drop(file.write_all(self.shown.as_bytes()));
        }
        self.shown.clear();
    }

    /// The side files and what the console has shown.
    pub(crate) fn write_all(&mut self, ledger: &Ledger, now: u64) {
        self.terminal.finish(&mut self.shown);
        self.write_output_log();
        self.write_side_files(ledger, now);
    }

    fn write_side_files(&self, ledger: &Ledger, now: u64) {
        // A shard's values are in the side files of its run.
        let Some(dir) = self.dir.as_ref().filter(|dir| dir.shard.is_none()) else { return };
        // These are copies of what is in the log: failing to write them loses nothing.
        drop(write_whole(&dir.files.join("wandb-summary.json"), &ledger.summary_json(now)));
        drop(write_whole(&dir.files.join("config.yaml"), config_yaml(ledger.config()).as_bytes()));
    }
}

impl Host for Surroundings {
    fn console(&mut self, text: &str) {
        self.terminal.feed(text, &mut self.shown);
    }

    fn media(&mut self, path: &str, content: &[u8]) -> io::Result<()> {
        let Some(dir) = &self.dir else {
            self.media.push((path.to_owned(), content.to_vec()));
            return Ok(());
        };
        let target = dir.files.join(path);
        target.parent().map_or(Ok(()), fs::create_dir_all)?;
        write_whole(&target, content)
    }

    fn amend(&mut self, op: Op) {
        let run = self.amended.get_or_insert_with(|| self.run.clone());
        match op {
            Op::Tags(mut tags) => {
                tags.retain(|tag| self.tags.insert(tag.clone()));
                run.tags.append(&mut tags);
            }
            Op::Notes(notes) => run.notes = notes,
            Op::Name(name) => run.display_name = name,
            _ => {}
        }
    }

    fn amended(&mut self) -> Option<record::Run> {
        let amended = self.amended.take().filter(|amended| *amended != self.run)?;
        // A shard tells what changes, and nothing of what it has told before: others change the run as well.
        if self.dir.as_ref().is_none_or(|dir| dir.shard.is_none()) {
            self.run.clone_from(&amended);
        }
        Some(amended)
    }
}

/// Everything the writer thread owns.
#[derive(Debug)]
pub(crate) struct Writer {
    recorder: Arc<Recorder>,
    drain: Drain,
    pub(crate) ledger: Ledger,
    pub(crate) surroundings: Surroundings,
    failure_said: bool,
    /// Merges the shards of attached children; a shard has none.
    pub(crate) merger: Option<Merger>,
    /// Whether there is more to merge at once.
    behind: bool,
    /// Tells others that the log is being written.
    pub(crate) lock: Option<Lock>,
    /// Whether other ranks record into the run.
    pub(crate) has_ranks: bool,
}

impl Writer {
    pub(crate) fn new(
        recorder: Arc<Recorder>,
        sink: Box<dyn Sink>,
        surroundings: Surroundings,
        time: Timeline,
    ) -> Self {
        Self {
            drain: Drain::new(Arc::clone(&recorder)),
            recorder,
            ledger: Ledger::new(sink, time),
            surroundings,
            failure_said: false,
            merger: None,
            behind: false,
            lock: None,
            has_ranks: false,
        }
    }

    /// The writer of a shard.
    pub(crate) fn into_shard(mut self) -> Self {
        self.ledger = self.ledger.for_shard();
        self
    }

    /// Moves everything recorded so far into the log, and the log to the operating system.
    pub(crate) fn step(&mut self) {
        self.ledger.time().look();
        self.drain.run(&mut self.ledger, &mut self.surroundings);
        if let Some(merger) = &mut self.merger {
            // The next round goes on: our own rows come first.
            self.behind = merger.advance(&mut self.ledger, &mut self.surroundings);
        }
        self.ledger.write_amended(&mut self.surroundings);
        self.ledger.write_set_summary();
        self.surroundings.write_output_log();
        self.ledger.output().flush();
        self.notice_failure();
    }

    fn notice_failure(&mut self) {
        let Some(error) = self.ledger.output().error() else { return };
        let text = error.to_string();
        self.recorder.set_state(State::Failed);
        if !std::mem::replace(&mut self.failure_said, true) {
            let place =
                self.surroundings.dir.as_ref().map(|dir| dir.log.display().to_string()).unwrap_or_default();
            say::warning(&format!(
                "cannot write the log `{place}`: {text}; the program goes on, data from now on is dropped and counted"
            ));
        }
    }

    /// The loop of the writer thread; gives the end of the run.
    pub(crate) fn run(mut self, ending: &Ending, tick: Duration, summary_interval: Duration) {
        os::block_file_size_signal();
        let mut last_summary = Instant::now();
        loop {
            let request = ending.wait(if self.behind { Duration::ZERO } else { tick });
            self.step();
            if last_summary.elapsed() >= summary_interval {
                let now = os::monotonic_nanos();
                self.ledger.write_summary(now);
                self.ledger.output().flush();
                self.surroundings.write_side_files(&self.ledger, now);
                last_summary = Instant::now();
            }
            ending.stepped(request.flush);
            if let Some(code) = request.finish {
                let report = self.finish(code);
                ending.finished(report);
                return;
            }
        }
    }

    /// Merges what children have written so far, and says who still writes.
    fn merge_to_end(&mut self) {
        let Some(merger) = &mut self.merger else { return };
        merger.advance_to_end(&mut self.ledger, &mut self.surroundings);
        let patience = if self.has_ranks { OTHER_RANKS } else { Duration::ZERO };
        let mut waited = Waited::begin();
        while merger.alive() > 0 && waited.so_far() < patience {
            std::thread::sleep(Duration::from_millis(10));
            merger.advance_to_end(&mut self.ledger, &mut self.surroundings);
        }
        let alive = merger.alive();
        if let (true, Some(dir)) = (alive > 0, &self.surroundings.dir) {
            let children = if alive == 1 { "child records" } else { "children record" };
            say::note(&format!(
                "{alive} attached {children} on; what they add to the run later is merged when they end, or by `ups-track merge {}`",
                dir.path.display()
            ));
        }
    }

    /// Completes the log.
    pub(crate) fn finish(&mut self, code: i32) -> Report {
        self.step();
        if self.recorder.is_open() {
            self.recorder.set_state(State::Closed);
        }
        // What was recorded between the two lines above.
        self.step();
        self.merge_to_end();
        let failure = self.ledger.output().revive();
        let dropped = self.ledger.output().lost() + self.recorder.dropped();
        self.ledger.set_dropped(dropped);
        self.surroundings.terminal.finish(&mut self.surroundings.shown);
        self.surroundings.write_output_log();
        let now = os::monotonic_nanos();
        self.ledger.write_last_summary(now);
        self.ledger.write_exit(code, now);
        self.ledger.output().flush();
        self.surroundings.write_side_files(&self.ledger, now);
        let output: &mut Output = self.ledger.output();
        let (rows, bytes, lost) = (output.rows(), output.written(), output.lost());
        let failure = failure.or_else(|| output.error().map(ToString::to_string));
        self.recorder.set_state(State::Closed);
        // From here on others may complete what children still write.
        self.lock = None;
        Report {
            exit_code: code,
            rows,
            bytes,
            lost,
            refused: self.ledger.refused(),
            seconds: self.ledger.time().elapsed(now) as f64 / 1e9,
            failure,
            stages: self.ledger.last_stages(),
            children: self.ledger.last_children(),
            metrics: self.ledger.last_metrics(),
            summary: self.ledger.last_summary(),
        }
    }
}
