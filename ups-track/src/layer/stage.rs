//! Stage spans: which stage a span is, when it was in, how it ended.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use tracing::field::{Field, Visit};

use crate::ledger::parse_goals;
use crate::recorder::{Op, Recorder, Stage, StageOptions, StageStatus};
use crate::say;

/// What a span's extensions keep, one per recorder that looks at it.
#[derive(Debug, Default)]
pub(super) struct StageSpans {
    first: Option<StageSpan>,
    more: Vec<StageSpan>,
}

impl StageSpans {
    pub(super) fn insert(&mut self, span: StageSpan) {
        match &self.first {
            None => self.first = Some(span),
            Some(_) => self.more.push(span),
        }
    }

    pub(super) fn get(&mut self, layer: usize) -> Option<&mut StageSpan> {
        self.first.iter_mut().chain(&mut self.more).find(|span| span.layer == layer)
    }

    pub(super) fn remove(&mut self, layer: usize) -> Option<StageSpan> {
        if self.first.as_ref().is_some_and(|span| span.layer == layer) {
            return self.first.take();
        }
        let at = self.more.iter().position(|span| span.layer == layer)?;
        Some(self.more.swap_remove(at))
    }
}

/// A span that is a stage.
#[derive(Debug)]
pub(super) struct StageSpan {
    /// Tells the layers of one subscriber apart.
    pub(super) layer: usize,
    pub(super) recorder: Arc<Recorder>,
    pub(super) stage: Arc<Stage>,
    entered: Option<Instant>,
    left: Option<Instant>,
    status: Option<StageStatus>,
    /// Whether the thread was unwinding already: then the panic is not this stage's.
    in_panic: bool,
}

impl StageSpan {
    pub(super) fn new(layer: usize, recorder: Arc<Recorder>, stage: Arc<Stage>) -> Self {
        Self { layer, recorder, stage, entered: None, left: None, status: None, in_panic: false }
    }

    pub(super) fn enter(&mut self) {
        if self.entered.is_none() {
            self.entered = Some(Instant::now());
            self.in_panic = std::thread::panicking();
        }
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
        let (Some(entered), Some(left)) = (self.entered, self.left) else { return };
        self.recorder.op(Op::StageEnded {
            stage: self.stage,
            seconds: left.saturating_duration_since(entered).as_secs_f64(),
            status: self.status.unwrap_or(StageStatus::Ok),
        });
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
            Err(part) => say::warning(&format!("stage `{name}`: best `{part}` is not `name=min` or `name=max`")),
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
