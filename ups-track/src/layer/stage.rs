//! Stage spans: which stage a span is, when it was in, how it ended.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tracing::field::{Field, Visit};

use super::thread;
use crate::ledger::parse_goals;
use crate::recorder::{Stage, StageOptions, StageStatus};
use crate::say;

/// Shards of the table; a power of two.
const SHARDS: usize = 16;

/// The open stage spans of a layer, by span id.
///
/// The registry's own per-span extensions would do, but cost a look-up, a lock, a hash map and an allocation each
/// time; here it is one lock that nobody else wants.
#[derive(Debug, Default)]
pub(super) struct StageSpans([Mutex<Vec<(u64, StageSpan)>>; SHARDS]);

impl StageSpans {
    #[inline]
    fn with<T>(&self, span: u64, f: impl FnOnce(&mut Vec<(u64, StageSpan)>) -> T) -> Option<T> {
        // A shard per remainder, so it is always there.
        let shard = self.0.get(usize::try_from(span % SHARDS as u64).unwrap_or(0))?;
        Some(f(&mut shard.lock().unwrap_or_else(PoisonError::into_inner)))
    }

    pub(super) fn insert(&self, span: u64, stage: StageSpan) {
        self.with(span, |spans| spans.push((span, stage)));
    }

    /// Looks at a span, if it is a stage.
    #[inline]
    pub(super) fn get<T>(&self, span: u64, f: impl FnOnce(&mut StageSpan) -> T) -> Option<T> {
        self.with(span, |spans| {
            spans.iter_mut().rev().find(|(id, _)| *id == span).map(|(_, stage)| f(stage))
        })?
    }

    pub(super) fn remove(&self, span: u64) -> Option<StageSpan> {
        self.with(span, |spans| {
            let at = spans.iter().rposition(|(id, _)| *id == span)?;
            Some(spans.swap_remove(at).1)
        })?
    }
}

/// A span that is a stage.
#[derive(Debug)]
pub(super) struct StageSpan {
    /// The number of the recorder.
    pub(super) uid: u64,
    pub(super) stage: Arc<Stage>,
    entered: Option<Instant>,
    left: Option<Instant>,
    status: Option<StageStatus>,
    /// The thread that made or left it last.
    thread: usize,
    /// Whether the thread was unwinding already: then the panic is not this stage's.
    in_panic: bool,
}

impl StageSpan {
    pub(super) fn new(uid: u64, stage: Arc<Stage>) -> Self {
        Self { uid, stage, entered: None, left: None, thread: thread::token(), status: None, in_panic: false }
    }

    /// True if another thread had it before.
    pub(super) fn enter(&mut self) -> bool {
        if self.entered.is_none() {
            self.entered = Some(Instant::now());
            self.stage.began();
            self.in_panic = std::thread::panicking();
        }
        std::mem::replace(&mut self.thread, thread::token()) != self.thread
    }

    pub(super) fn leave(&mut self) {
        self.left = Some(Instant::now());
        if !self.in_panic && std::thread::panicking() {
            self.status = Some(StageStatus::Panic);
        }
    }

    pub(super) fn set_status(&mut self, word: &str) {
        // A panic that unwinds through a future also drops it; the panic is what happened.
        if self.status != Some(StageStatus::Panic) {
            self.status = match word {
                "error" => Some(StageStatus::Error),
                "cancelled" => Some(StageStatus::Cancelled),
                _ => self.status,
            };
        }
    }

    /// The stage is over: its wall time is that between the first time it was entered and the last time it was left.
    pub(super) fn close(self) {
        let Some(entered) = self.entered else { return };
        let wall = self.left.map_or(Duration::ZERO, |left| left.saturating_duration_since(entered));
        self.stage.ended(wall, self.status.unwrap_or(StageStatus::Ok));
    }
}

/// Reads the fields of a stage span.
#[derive(Debug, Default)]
pub(super) struct StageVisitor {
    pub(super) name: Option<String>,
    best: Option<String>,
    summary: Option<String>,
    step: Option<String>,
    pub(super) status: Option<String>,
}

impl StageVisitor {
    fn set(&mut self, field: &Field, text: impl FnOnce() -> String) {
        match field.name() {
            "stage" => self.name = Some(text()),
            "stage.best" => self.best = Some(text()),
            "stage.summary" => self.summary = Some(text()),
            "stage.step" => self.step = Some(text()),
            "stage.status" => self.status = Some(text()),
            _ => {}
        }
    }

    /// The options that the fields spell.
    pub(super) fn options(&self) -> StageOptions {
        let mut options = StageOptions { step: self.step.clone(), ..StageOptions::default() };
        let name = self.name.as_deref().unwrap_or_default();
        match parse_goals(self.best.as_deref().unwrap_or_default()) {
            Ok(best) => options.best = best,
            Err(part) => {
                say::warning(&format!("stage `{name}`: best `{part}` is not `name=min` or `name=max`"));
            }
        }
        for part in self.summary.as_deref().unwrap_or_default().split(',').filter(|part| !part.is_empty()) {
            match part.split_once('=') {
                Some((metric, words)) => options.summary.push((metric.trim().to_owned(), words.to_owned())),
                None => say::warning(&format!("stage `{name}`: summary `{part}` is not `name=min+max`")),
            }
        }
        options
    }
}

impl Visit for StageVisitor {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field, || value.to_owned());
    }
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.set(field, || format!("{value:?}"));
    }
}

/// Reads only the stage's name, without allocating.
#[derive(Debug)]
pub(super) struct NameVisitor<F>(pub(super) Option<F>);

impl<F: FnOnce(&str)> Visit for NameVisitor<F> {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "stage"
            && let Some(take) = self.0.take()
        {
            take(value);
        }
    }
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "stage" {
            self.record_str(field, &format!("{value:?}"));
        }
    }
}
