//! Runs: a handle to record with, a guard that ends it.

mod attach;
mod builder;
mod drain;
mod earlier;
pub(crate) mod end;
mod environment;
mod git;
pub(crate) mod global;
mod keep;
mod parting;
mod ranked;
mod save;
mod scope;
mod trouble;
#[cfg(feature = "online")]
mod uplink;
#[cfg(not(feature = "online"))]
#[path = "no_uplink.rs"]
mod uplink;
pub(crate) mod writer;

use std::ops::Deref;
use std::panic::Location;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

pub(crate) use attach::Pipeline;
pub use builder::RunBuilder;
pub use end::Finished;
pub use save::MetricDefinition;
pub use scope::EnteredRun;

use crate::direct::{rows, values};
use crate::error::{Kind, Result};
use crate::kinds::alert::Alert;
use crate::kinds::config::RunConfig;
use crate::kinds::metric::{MetricField, MetricValue, Metrics, SteppedMetrics};
use crate::kinds::summary::EvalSummary;
use crate::kinds::table::TableRows;
use crate::ledger::RankMark;
use crate::recorder::{Op, Recorder, Stream, force};
use crate::rundir::RunDir;
use crate::settings::{Mode, Settings, rules};
use crate::{ends, say};
use end::{Delivery, Ending, Report};
use uplink::Uplink;

/// How long `finish` waits for the writer before it gives up on a disk that does not answer.
const FINISH_PATIENCE: Duration = Duration::from_secs(30);

/// What a recording run has and a disabled one lacks.
#[derive(Debug)]
pub(crate) struct Live {
    pub(crate) recorder: Arc<Recorder>,
    pub(crate) ending: Arc<Ending>,
    pub(crate) dir: RunDir,
    /// What belongs to the pipeline around the run.
    pub(crate) pipeline: Pipeline,
    /// The upload, if the run is recorded online.
    pub(crate) uplink: Option<Uplink>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    id: String,
    name: Option<String>,
    project: Option<String>,
    entity: Option<String>,
    group: Option<String>,
    root_dir: PathBuf,
    mode: Mode,
    console: bool,
    quiet: bool,
    /// Bytes of saved files that are copied at the end.
    copy_limit: u64,
    /// Which rank records, if several ranks record into the run.
    rank: Option<u32>,
    live: Option<Live>,
}

impl Inner {
    fn live(settings: &Settings, live: Live) -> Self {
        Self { live: Some(live), ..Self::disabled(settings) }
    }

    fn disabled(settings: &Settings) -> Self {
        Self {
            id: settings.run_id.clone(),
            name: settings.name.clone(),
            project: settings.project.clone(),
            entity: settings.entity.clone(),
            group: settings.group.clone(),
            root_dir: settings.root_dir.clone(),
            mode: settings.mode,
            console: settings.console,
            quiet: settings.quiet,
            copy_limit: settings.copy_limit,
            rank: settings.rank.as_ref().map(RankMark::rank),
            live: None,
        }
    }
}

/// A handle to a run: cheap to clone, usable from every thread.
///
/// Recording never fails and never waits for a disk or network; what cannot be recorded is said once, counted, and
/// told by [`finish`](Self::finish).
///
/// ```
/// # fn main() -> Result<(), ups_track::Error> {
/// # let dir = tempfile::tempdir().unwrap();
/// use ups_track::{Mode, Run};
/// let run = Run::builder().project("burgers").mode(Mode::Offline).dir(dir.path()).quiet(true).start()?;
/// for step in 0..10_u64 {
///     run.log(step, &[("loss", 1.0 / (step + 1) as f64)]);
/// }
/// run.summarize(&[("nrmse", 0.09)]);
/// let finished = run.finish()?;
/// assert_eq!(finished.rows(), 10);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct Run(Arc<Inner>);

impl Run {
    /// A builder for a run.
    pub fn builder() -> RunBuilder {
        RunBuilder::default()
    }

    /// The global run, if one was started: the run in force where a thread has not [entered](Self::enter) another.
    pub fn global() -> Option<Self> {
        global::get()
    }

    /// The run's id.
    pub fn id(&self) -> &str {
        &self.0.id
    }

    /// The name that people see, if one was given.
    pub fn name(&self) -> Option<&str> {
        self.0.name.as_deref()
    }

    /// The project, if one was given.
    pub fn project(&self) -> Option<&str> {
        self.0.project.as_deref()
    }

    /// The entity, if one was given.
    pub fn entity(&self) -> Option<&str> {
        self.0.entity.as_deref()
    }

    /// The mode.
    pub fn mode(&self) -> Mode {
        self.0.mode
    }

    /// The run's directory; none in mode `disabled`.
    pub fn dir(&self) -> Option<&Path> {
        self.0.live.as_ref().map(|live| live.dir.path.as_path())
    }

    fn uplink(&self) -> Option<&Uplink> {
        // A forked child has no thread that uploads, and locks that nobody gives back.
        self.0.live.as_ref().filter(|live| !live.recorder.is_forked())?.uplink.as_ref()
    }

    /// The run's page on the server, once the server knows the run; none if it is not recorded online.
    pub fn url(&self) -> Option<String> {
        self.uplink()?.page()
    }

    /// Waits until the server knows the run, at most so long, and gives the run's page. None if the run is not recorded
    /// online, the server did not answer in time, or it refused the run, which is said on standard error.
    ///
    /// Nothing needs this but a program that wants to show the address: recording never waits for the server.
    pub fn wait_until_online(&self, patience: Duration) -> Option<String> {
        self.uplink()?.wait_for_page(patience)
    }

    /// Whether somebody has asked on the server that the run stops. A training loop looks at it where it can stop:
    ///
    /// ```
    /// # fn epochs(run: &ups_track::Run) {
    /// for epoch in 0..100 {
    ///     if run.stop_requested() {
    ///         break;
    ///     }
    ///     // train
    /// }
    /// # }
    /// ```
    pub fn stop_requested(&self) -> bool {
        self.uplink().is_some_and(Uplink::is_stop_asked)
    }

    /// Calls this, once, when somebody asks on the server that the run stops, on a thread of its own; it may end the run, or
    /// the process. A run that is not recorded online is never asked, nor is an attached child: its parent is.
    pub fn on_stop(&self, call: impl FnOnce() + Send + 'static) {
        if let Some(uplink) = self.uplink() {
            uplink.on_stop(Box::new(call));
        }
    }

    /// Whether the run records nothing (mode `disabled`).
    pub fn is_disabled(&self) -> bool {
        self.0.live.is_none()
    }

    pub(crate) fn recorder(&self) -> Option<&Arc<Recorder>> {
        self.0.live.as_ref().map(|live| &live.recorder)
    }

    pub(crate) fn is_open(&self) -> bool {
        self.recorder().is_some_and(|recorder| recorder.state() != crate::recorder::State::Closed)
    }

    fn has_ended(&self) -> bool {
        self.0.live.as_ref().is_none_or(|live| live.recorder.is_forked() || live.ending.has_ended())
    }

    pub(crate) fn is_global(&self) -> bool {
        global::get().is_some_and(|run| run.is_same(self))
    }

    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    fn op(&self, op: impl FnOnce() -> Op) {
        if let Some(recorder) = self.recorder() {
            recorder.op(op());
        }
    }

    /// A `tracing` layer that records plain events and spans into this run, whichever run is in force.
    pub fn layer<S>(&self) -> crate::Layer<S>
    where
        S: tracing::Subscriber + for<'a> tracing_subscriber::registry::LookupSpan<'a>,
    {
        crate::layer::for_recorder(self.recorder())
    }

    /// Logs a row of metrics at a step: a struct with `#[derive(Metrics)]`, or `(key, number)` pairs.
    ///
    /// Inside a stage of this run, on the same thread, the keys get the stage's name in front, as with `metric!`. The
    /// step may go backwards or repeat: the row is written all the same.
    #[track_caller]
    pub fn log<M: Metrics + ?Sized>(&self, step: impl MetricValue, metrics: &M) {
        const {
            assert!(
                !M::HAS_STEP,
                "the step is given twice: this row has a field with `#[track(step)]`; call `log_row`"
            );
        }
        if let Some(recorder) = self.recorder() {
            let step = Some(step.field().number());
            rows::Call { recorder: Some(recorder), step, pairs: &[], fixed: true, rows: &[&metrics] }
                .record(Location::caller());
        }
    }

    /// Logs a row of metrics that brings its step: a struct with `#[derive(Metrics)]` and a field with `#[track(step)]`.
    ///
    /// ```
    /// # use ups_track::{Metrics, Run};
    /// #[derive(Metrics)]
    /// struct Epoch {
    ///     #[track(step)]
    ///     number: u64,
    ///     loss: f64,
    /// }
    /// # fn log(run: &Run) {
    /// run.log_row(&Epoch { number: 3, loss: 0.5 });
    /// # }
    /// ```
    #[track_caller]
    pub fn log_row(&self, metrics: &(impl SteppedMetrics + ?Sized)) {
        if let Some(recorder) = self.recorder() {
            rows::Call {
                recorder: Some(recorder),
                step: Some(metrics.step()),
                pairs: &[],
                fixed: true,
                rows: &[&metrics],
            }
            .record(Location::caller());
        }
    }

    /// Sets summary values: a struct with `#[derive(EvalSummary)]`, or `(key, value)` pairs. A later row of metrics
    /// does not overwrite them.
    #[track_caller]
    pub fn summarize(&self, summary: &(impl EvalSummary + ?Sized)) {
        if let Some(recorder) = self.recorder() {
            values::summary(Some(recorder), "", summary);
        }
    }

    /// Logs a table, for people to compare its rows: a [`Table`](crate::Table), or a `Vec`, array or slice of structs with
    /// `#[derive(TableRow)]`. Logged again under the same key, it is a newer version of the table.
    ///
    /// W&B shows 10,000 rows of a table; more are left out with a warning.
    #[track_caller]
    pub fn log_table(&self, key: &str, table: &(impl TableRows + ?Sized)) {
        if let Some(recorder) = self.recorder() {
            values::table(Some(recorder), key, table);
        }
    }

    /// Adds config entries: a struct with `#[derive(RunConfig)]`, or `(key, value)` pairs. Maps are merged entry by
    /// entry; values under names that look like secrets are replaced.
    pub fn update_config(&self, config: &(impl RunConfig + ?Sized)) {
        self.op(|| Op::Config(config.entries()));
    }

    /// Begins the definition of a metric, by its full name or a prefix that ends with `*`.
    ///
    /// Metrics of a stage, and of `metric!`, need no definition: their step metric is defined for them.
    ///
    /// ```
    /// # fn define(run: &ups_track::Run) {
    /// run.define_metric("val/*").step("epoch").send();
    /// run.define_metric("val/loss").summary("min,last").send();
    /// # }
    /// ```
    pub fn define_metric(&self, name: impl Into<String>) -> MetricDefinition<'_> {
        MetricDefinition::new(self, name.into())
    }

    /// Adds tags. Those that break W&B's rule (1 to 64 characters) are refused with a warning.
    pub fn add_tags<T: AsRef<str>>(&self, tags: impl IntoIterator<Item = T>) {
        let mut good = Vec::new();
        for tag in tags {
            match rules::tag(tag.as_ref()) {
                Ok(()) => good.push(tag.as_ref().to_owned()),
                Err(rule) => {
                    say::warning(&format!("tag `{}` {rule}; it was not added", tag.as_ref()));
                    self.op(|| Op::Refused("tags"));
                }
            }
        }
        if !good.is_empty() {
            self.op(|| Op::Tags(good));
        }
    }

    /// Replaces the notes.
    pub fn set_notes(&self, notes: impl Into<String>) {
        self.op(|| Op::Notes(notes.into()));
    }

    /// Replaces the name that people see.
    pub fn set_name(&self, name: impl Into<String>) {
        self.op(|| Op::Name(name.into()));
    }

    /// Sends a message to a person; it is also said on standard error.
    pub fn alert(&self, alert: Alert) {
        if let Some(recorder) = self.recorder() {
            values::alert(recorder, alert);
        }
    }

    /// Adds console output. Text need not be whole lines; a carriage return overwrites the line, as on a terminal.
    pub fn write_console(&self, stream: Stream, text: impl Into<String>) {
        self.op(|| Op::Console { stream, text: text.into() });
    }

    /// Hands everything recorded so far to the operating system, so that even `kill -9` cannot lose it. Waits at most
    /// ten seconds; false if that was not enough, or the log cannot be written.
    pub fn flush(&self) -> bool {
        self.0
            .live
            .as_ref()
            .is_none_or(|live| !live.recorder.is_forked() && live.ending.flush(Duration::from_secs(10)))
    }

    /// Ends the run with exit code 0: completes the log and tells what was recorded. Later calls tell the same.
    ///
    /// # Errors
    ///
    /// If the log could not be written to its end. What was written before is kept.
    pub fn finish(&self) -> Result<Finished> {
        self.finish_with(0)
    }

    /// Ends the run with an exit code; 0 means that it finished, everything else that it failed.
    ///
    /// # Errors
    ///
    /// As [`finish`](Self::finish).
    pub fn finish_with(&self, exit_code: i32) -> Result<Finished> {
        self.end(exit_code, FINISH_PATIENCE)
    }

    /// Completes the log, which is the first thing that the end of a run does.
    fn complete(&self, exit_code: i32, patience: Duration) -> Option<Report> {
        let live = self.0.live.as_ref().filter(|live| !live.recorder.is_forked())?;
        live.ending.finish(exit_code, patience)
    }

    fn end(&self, exit_code: i32, patience: Duration) -> Result<Finished> {
        let inner = &*self.0;
        let mut finished = Finished {
            id: inner.id.clone(),
            name: inner.name.clone(),
            dir: None,
            attached: self.is_attached(),
            report: None,
            delivery: Delivery::Later,
        };
        let Some(live) = &inner.live else { return Ok(finished) };
        if live.recorder.is_forked() {
            return Err(Kind::Forked(inner.id.clone()).into());
        }
        let Some(mut report) = self.complete(exit_code, patience) else {
            let seconds = patience.as_secs();
            return Err(Kind::Stuck { run: inner.id.clone(), path: live.dir.log.clone(), seconds }.into());
        };
        let first = live.ending.is_first_to_tell();
        // What came since then is lost as well.
        report.lost += live.recorder.dropped();
        let failure = report.failure.clone();
        let lost = report.lost;
        finished.dir = Some(live.dir.path.clone());
        finished.report = Some(report);
        live.ending.close(|| self.keep_files(live));
        if first {
            self.leave_seat(exit_code);
        }
        if let Some(uplink) = &live.uplink {
            finished.delivery = uplink.finish(finished.rows(), patience);
        }
        if first {
            let untold = self.is_attached() && finished.lost() == 0 && finished.refused() == 0;
            if self.is_global() && !inner.quiet && !untold {
                say::note(&finished.to_string());
            }
            ends::forget(live.recorder.uid);
            force::close_beside(&live.recorder);
            self.merge_for_dead_parent(live);
            say::remove_log(live.recorder.uid);
        }
        match failure {
            None => Ok(finished),
            Some(reason) => {
                Err(Kind::LogFailed { run: inner.id.clone(), path: live.dir.log.clone(), reason, lost }
                    .into())
            }
        }
    }
}

/// What the end of the process does with a run.
impl ends::Open for Run {
    fn complete(&self, exit_code: i32, patience: Duration) {
        // Whether it worked is told by `end`.
        drop(Self::complete(self, exit_code, patience));
    }

    fn is_complete(&self) -> bool {
        self.has_ended()
    }

    fn end(&self, exit_code: i32, patience: Duration) {
        if let Err(e) = Self::end(self, exit_code, patience) {
            say::warning(&e.to_string());
        }
    }

    fn flush(&self) {
        Self::flush(self);
    }
}

/// Ends its run when it is dropped: with exit code 1 while a panic unwinds, with 0 otherwise.
///
/// If it is dropped on the main thread, and the process ends with another exit code within five seconds of that and has begun
/// no other run, as it does when `main` returns an `Err`, the run has ended with that code (on Linux with glibc, which tells the
/// code; elsewhere use `#[ups_track::main]`, [`scope`](Run::scope) or [`finish_with`](Run::finish_with)).
///
/// It is a [`Run`] to call methods on; clone that for other threads: `let run = guard.handle()`.
#[derive(Debug)]
#[must_use = "the run ends when this guard is dropped; bind it: `let run = ...`"]
pub struct RunGuard {
    run: Option<Run>,
}

impl RunGuard {
    fn new(run: Run) -> Self {
        Self { run: Some(run) }
    }

    /// A handle for other threads; it does not end the run.
    #[expect(clippy::missing_panics_doc, reason = "only `into_run` empties the guard, and it consumes it")]
    #[expect(clippy::expect_used, reason = "see above")]
    pub fn handle(&self) -> &Run {
        self.run.as_ref().expect("a guard has its run until it is consumed; this is a bug")
    }

    /// Lets go of the run: it then ends when it is finished, or with the process.
    pub fn into_run(mut guard: Self) -> Run {
        let run = guard.handle().clone();
        guard.run = None;
        run
    }
}

impl Deref for RunGuard {
    type Target = Run;
    fn deref(&self) -> &Run {
        self.handle()
    }
}

impl Drop for RunGuard {
    fn drop(&mut self) {
        let Some(run) = self.run.take().filter(|run| !run.has_ended()) else { return };
        let ended = if std::thread::panicking() { run.finish_with(1).map(drop) } else { run.part() };
        if let Err(e) = ended {
            say::warning(&e.to_string());
        }
    }
}
