//! Stages that plain spans name.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use tracing::field::{Field, Visit};

use crate::direct::stages::Call;
use crate::ledger::parse_goals;
use crate::os::fork;
use crate::recorder::{StageOptions, StageStatus};
use crate::say;

/// Shards of the table; a power of two.
const SHARDS: usize = 16;

/// The open stage spans of a layer, by span id.
///
/// The registry's own per-span extensions would do, but cost a look-up, a lock, a hash map and an allocation each
/// time; here it is one lock that nobody else wants.
#[derive(Debug, Default)]
pub(super) struct StageSpans([Mutex<Vec<(u64, StageSpan)>>; SHARDS]);

/// A span that is a stage: the number of its recorder, and the call.
#[derive(Debug)]
pub(super) struct StageSpan {
    pub(super) uid: u64,
    pub(super) call: Call,
}

impl StageSpans {
    #[inline]
    fn with<T>(&self, span: u64, f: impl FnOnce(&mut Vec<(u64, StageSpan)>) -> T) -> Option<T> {
        // A shard per remainder, so it is always there.
        let shard = self.0.get(usize::try_from(span % SHARDS as u64).unwrap_or(0))?;
        if fork::is_child() {
            // Nobody unlocks what another thread had locked when this process was forked.
            return shard.try_lock().ok().map(|mut spans| f(&mut spans));
        }
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

/// Reads the fields of a stage span.
#[derive(Debug, Default)]
pub(super) struct StageVisitor {
    pub(super) name: Option<String>,
    best: Option<String>,
    summary: Option<String>,
    step: Option<String>,
    status: Option<String>,
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

    pub(super) fn status(&self) -> Option<StageStatus> {
        match self.status.as_deref()? {
            "error" => Some(StageStatus::Error),
            "cancelled" => Some(StageStatus::Cancelled),
            _ => None,
        }
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
    // Formatted names take the long way.
    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}
}
