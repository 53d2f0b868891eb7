//! The writer: empties the recorder into the ledger in the right order, and the ledger into the log, on a timer.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::drain::Drain;
use super::end::{Ending, Report};
use super::trouble::Trouble;
use crate::kinds::alert::Alert;
use crate::ledger::{Ledger, Output, Sink};
use crate::log::{Standing, record};
use crate::merge::Merger;
use crate::os::clock::{Timeline, Waited};
use crate::os::lock::Lock;
use crate::recorder::{Recorder, State};
use crate::rundir::Surroundings;
use crate::{os, say};

/// How long the end of a run waits for the other ranks that record into it: mostly all end together, and what comes later
/// costs a whole copy of the log.
const OTHER_RANKS: Duration = Duration::from_secs(2);

/// Everything the writer thread owns.
#[derive(Debug)]
pub(crate) struct Writer {
    recorder: Arc<Recorder>,
    drain: Drain,
    pub(crate) ledger: Ledger,
    pub(crate) surroundings: Surroundings,
    trouble: Trouble,
    /// Merges the shards of attached children; a shard has none.
    pub(crate) merger: Option<Merger>,
    /// Whether there is more to merge at once.
    behind: bool,
    /// Tells others that the log is being written.
    pub(crate) lock: Option<Lock>,
    /// Which rank this is, if others record into the run.
    pub(crate) rank: Option<u32>,
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
            trouble: Trouble::default(),
            merger: None,
            behind: false,
            lock: None,
            rank: None,
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
        // Our own rows are safe before others are merged, which may take a while.
        self.ledger.output().flush_soon();
        if let Some(merger) = &mut self.merger {
            // The next round goes on: our own rows come first.
            self.behind = merger.advance(&mut self.ledger, &mut self.surroundings);
            let failed = merger.failed_together();
            self.tell_failed_ranks(failed);
        }
        if self.ledger.output().error().is_none() {
            self.ledger.write_amended(&mut self.surroundings);
            self.ledger.write_set_summary();
        }
        self.surroundings.write_output_log();
        self.ledger.output().flush_soon();
        if self.ledger.output().error().is_some() {
            self.look_after_log();
        }
        self.notice_trouble();
    }

    /// Tells that the log cannot be written, or can be again.
    fn notice_trouble(&mut self) {
        let output = self.ledger.output();
        let (error, lost) = (output.error().map(ToString::to_string), output.lost());
        if output.take_missed() {
            self.tell_again();
        }
        let place = self.place();
        self.trouble.notice(error.as_deref(), lost, &place);
    }

    /// What is not in rows, for a log that may have lost some of it.
    fn tell_again(&mut self) {
        let run = self.run_record();
        self.ledger.output().append(run);
        self.ledger.tell_again();
    }

    fn run_record(&self) -> record::Kind {
        record::Kind::Run(Box::new(self.surroundings.run.clone()))
    }

    fn place(&self) -> String {
        self.surroundings.dir.as_ref().map(|dir| dir.log.display().to_string()).unwrap_or_default()
    }

    /// Looks whether the log is still what was written to it.
    fn look_after_log(&mut self) {
        let standing = self.ledger.output().standing();
        let place = self.place();
        match standing {
            Standing::Fine => {}
            Standing::Moved => self.trouble.once(&format!(
                "the log `{place}` was moved away while the run goes on; what is recorded goes to wherever it is now, and nothing of it to `{place}`"
            )),
            Standing::Deleted => self.bury("somebody has deleted it or put another file in its place while the run went on"),
            Standing::Cut(left) => {
                let reason = format!("somebody has cut it to {left} bytes while the run went on");
                let first = vec![super::builder::header().into(), self.run_record().into()];
                match self.ledger.output().mend(reason.clone(), first) {
                    Ok(lost) => say::warning(&format!(
                        "the log `{place}`: {reason}; {lost} rows are lost, and recording goes on behind what is left"
                    )),
                    Err(e) => self.bury(&format!("{reason}, and what is left cannot be gone on with: {e}")),
                }
            }
        }
    }

    /// The log is gone.
    fn bury(&mut self, reason: &str) {
        let place = self.place();
        self.ledger.output().bury(reason.to_owned());
        self.recorder.set_state(State::Failed);
        let lost = self.ledger.output().lost();
        self.trouble.last(&format!(
            "the log `{place}` is gone: {reason}; the {lost} rows so far are lost, and so is what comes: end the run and start it again"
        ));
    }

    /// The loop of the writer thread; gives the end of the run.
    pub(crate) fn run(mut self, ending: &Ending, tick: Duration, summary_interval: Duration) {
        os::block_file_size_signal();
        let mut last_summary = Instant::now();
        let (mut pause, mut merged) = (tick, 0);
        loop {
            let request = ending.wait(if self.behind { Duration::ZERO } else { pause });
            let began = Instant::now();
            self.step();
            if request.merge > merged {
                merged = request.merge;
                self.merge_now();
            }
            if last_summary.elapsed() >= summary_interval {
                let now = os::monotonic_nanos();
                self.look_after_log();
                self.lock.iter().for_each(Lock::beat);
                // One that waits for a disk that is full tells no more than the one after it.
                if self.ledger.output().error().is_none() {
                    self.ledger.write_summary(now);
                    self.ledger.output().flush();
                }
                self.surroundings.write_side_files(&self.ledger, now);
                last_summary = Instant::now();
            }
            ending.stepped(request.flush, || {
                self.ledger.output().flush();
                self.ledger.output().error().is_none()
            });
            // What takes long must not make the rounds rarer.
            pause = tick.saturating_sub(began.elapsed()).max(tick / 10);
            if let Some(code) = request.finish {
                let report = self.finish(code);
                ending.finished(report);
                // The run is this process's, until its files are in place as well. Then the lock goes with `self`, and others
                // may complete what children still write.
                return ending.wait_until_closed();
            }
        }
    }

    /// Merges what children have written so far: what this process records from now on stands behind it.
    fn merge_now(&mut self) {
        if let Some(merger) = &mut self.merger {
            merger.advance_to_end(&mut self.ledger, &mut self.surroundings);
            self.ledger.write_amended(&mut self.surroundings);
            self.ledger.write_set_summary();
        }
    }

    /// Merges what children have written so far, and says who still writes.
    fn merge_to_end(&mut self) {
        let Some(merger) = &mut self.merger else { return };
        merger.advance_to_end(&mut self.ledger, &mut self.surroundings);
        let patience = if self.rank.is_some() { OTHER_RANKS } else { Duration::ZERO };
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

    /// That the run goes on as rank 0 does says nothing of the others: an alert does.
    fn tell_failed_ranks(&mut self, failed: Option<Alert>) {
        if let (Some(alert), Some(merger)) = (failed, &mut self.merger) {
            say::note(&alert.line());
            self.ledger.alert(&alert);
            merger.note_told();
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
        let own = self.rank.map(|rank| (rank, code));
        let failed = self.merger.as_mut().and_then(|merger| merger.failed_so_far(own));
        self.tell_failed_ranks(failed);
        self.ledger.output().flush();
        self.look_after_log();
        self.ledger.output().give_up();
        if self.ledger.output().take_missed() {
            self.tell_again();
        }
        let dropped = self.ledger.output().lost() + self.recorder.dropped();
        self.ledger.set_dropped(dropped);
        self.surroundings.end_output_log();
        let now = os::monotonic_nanos();
        self.ledger.write_last_summary(now);
        self.ledger.write_exit(code, now);
        self.ledger.output().flush();
        self.surroundings.write_side_files(&self.ledger, now);
        let output: &mut Output = self.ledger.output();
        output.give_up();
        let (rows, bytes, lost, failure) = (output.rows(), output.written(), output.lost(), output.failure());
        self.recorder.set_state(State::Closed);
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
