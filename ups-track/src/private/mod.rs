//! What generated code calls. Not part of the public interface: it changes without notice.

pub mod probe;

use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Once};

pub use crate::kinds::config::{ConfigValue, RunConfig};
pub use crate::kinds::key::Key;
pub use crate::kinds::keyset::{KeySet, assert_distinct};
pub use crate::kinds::metric::{MetricField, MetricValue, Metrics, Number, SteppedMetrics};
pub use crate::kinds::scalar::Scalar;
pub use crate::kinds::summary::{EvalSummary, Goal, SummaryField, SummaryOutput, SummaryValue};
pub use crate::kinds::table::{TableCell, TableRow, TableRows};
pub use crate::run::RunBuilder;
pub use core;
pub use serde_json;
pub use std;
pub use tracing;

use crate::layer::{self, Enabled, Recording};
use crate::recorder::{Op, Recorder};
use crate::run::{Run, global};
use crate::{ends, say};

/// What the macros know of the subscriber: 0 nothing yet, 1 all is settled.
static SETTLED: AtomicU8 = AtomicU8::new(0);
static SETTLING: Once = Once::new();
/// Whether a subscriber may be installed when the first macro finds none: under `#[ups_track::main]`.
static MAY_INSTALL: AtomicBool = AtomicBool::new(false);

/// The first line of every macro: false when nothing can be recorded anyway.
#[inline]
pub fn on() -> bool {
    if SETTLED.load(Ordering::Acquire) == 0 {
        // Whoever comes second waits: what it records next shall find the subscriber in place.
        SETTLING.call_once(settle);
    }
    true
}

/// Sees to it that macros are heard, or says why they are not.
#[cold]
fn settle() {
    let mut enabled = layer::enabled();
    if enabled == Enabled::NoLayer
        && MAY_INSTALL.load(Ordering::Relaxed)
        && crate::subscriber::install().is_ok()
    {
        enabled = layer::enabled();
    }
    if global::get().is_none_or(|run| !run.is_disabled())
        && std::env::var("WANDB_MODE").as_deref() != Ok("disabled")
    {
        complain(enabled);
    }
    SETTLED.store(1, Ordering::Release);
}

fn complain(enabled: Enabled) {
    match enabled {
        Enabled::Yes => {}
        Enabled::CompiledOut => say::warning(
            "`tracing` is compiled with a `max_level_*` feature that removes events of level info: metrics are not recorded; remove the feature",
        ),
        Enabled::NoLayer => say::warning(
            "there is no ups-track layer in the tracing subscriber: metrics are not recorded; call `ups_track::init()` or add `ups_track::layer()` to the subscriber",
        ),
        Enabled::Filtered => say::warning(
            "a global filter of the tracing subscriber silences events of level info: metrics are not recorded; give the filter to the other layers with `.with_filter(..)`, or allow `ups_track=info`",
        ),
    }
}

/// The recorder that the calling code's events go to.
fn recorder() -> Option<Arc<Recorder>> {
    tracing::dispatcher::get_default(|dispatch| {
        dispatch.downcast_ref::<Recording>().and_then(Recording::recorder)
    })
    .or_else(|| global::get()?.recorder().map(Arc::clone))
}

/// A row whose keys are not all known to the compiler.
#[track_caller]
pub fn log_row(step: Option<Number>, pairs: &[(&str, Option<Number>)], rows: &[&dyn probe::Row]) {
    let Some(recorder) = recorder() else { return };
    layer::direct::row(&recorder, step, |each| {
        for (key, number) in pairs {
            if let Some(number) = number {
                each(key, *number);
            }
        }
        for row in rows {
            row.visit(each);
        }
    });
}

/// Summary values whose keys are known only at run time.
#[track_caller]
pub fn summarize<S: EvalSummary + ?Sized>(prefix: &str, scores: &S) {
    if let Some(recorder) = recorder() {
        layer::direct::summary(&recorder, prefix, scores);
    }
}

/// A table.
#[track_caller]
pub fn log_table<T: TableRows + ?Sized>(key: &str, table: &T) {
    if let Some(recorder) = recorder() {
        layer::direct::table(&recorder, key, table);
    }
}

/// What an `#[eval_summary]` function returned.
#[track_caller]
pub fn eval_summary<T: SummaryOutput>(prefix: &str, table: Option<&str>, out: &T) {
    let Some(scores) = out.summary() else { return };
    scores.emit(prefix);
    if let (Some(key), Some(recorder)) = (table, recorder()) {
        layer::direct::scores_table(&recorder, key, scores);
    }
}

/// Config entries that do not fit a `tracing` field.
pub fn config(entries: serde_json::Map<String, serde_json::Value>) {
    if entries.is_empty() {
        return;
    }
    if let Some(recorder) = recorder() {
        recorder.op(Op::Config(entries));
    }
}

/// A synchronous stage: in its span until it is dropped.
#[derive(Debug)]
pub struct Stage(tracing::span::EnteredSpan);

impl Stage {
    /// Enters the stage's span.
    #[inline]
    pub fn enter(span: tracing::Span) -> Self {
        Self(span.entered())
    }

    /// The function has returned.
    #[inline]
    pub fn done(&self, is_err: bool) {
        if is_err {
            self.0.record("stage.status", "error");
        }
    }
}

/// The outcome of an asynchronous stage; lives inside the stage's future.
#[derive(Debug)]
pub struct Outcome {
    span: tracing::Span,
    done: bool,
}

impl Outcome {
    /// The future has been polled for the first time.
    pub fn new(span: &tracing::Span) -> Self {
        Self { span: span.clone(), done: false }
    }

    /// The future has its result.
    pub fn done(mut self, is_err: bool) {
        self.done = true;
        if is_err {
            self.span.record("stage.status", "error");
        }
    }
}

impl Drop for Outcome {
    fn drop(&mut self) {
        if !self.done {
            self.span.record("stage.status", "cancelled");
        }
    }
}

/// The frame of `#[ups_track::main]`: starts the run, runs the body, ends the run with the body's exit code.
pub fn run_main<R>(
    configure: impl FnOnce(RunBuilder) -> RunBuilder,
    body: impl FnOnce() -> R,
    code: impl FnOnce(&R) -> i32,
    subscriber: bool,
) -> R {
    let guard = match configure(Run::builder()).global(true).start() {
        Ok(guard) => guard,
        Err(e) => {
            say::warning(&format!("the run was not started: {}", e.with_cause()));
            // Bad settings are an error there and then, see `sysexits.h` (EX_CONFIG).
            std::process::exit(78);
        }
    };
    if subscriber && crate::subscriber::install().is_ok() {
        ends::explain_second_subscriber();
    }
    MAY_INSTALL.store(!subscriber, Ordering::Relaxed);
    ends::install_handlers();
    let out = body();
    if SETTLED.load(Ordering::Relaxed) == 0 && !guard.is_disabled() {
        // None of our macros has asked whether it is heard.
        complain(layer::enabled());
    }
    if (guard.is_open() || guard.is_disabled())
        && let Err(e) = guard.finish_with(code(&out))
    {
        say::warning(&e.to_string());
    }
    drop(guard);
    out
}
