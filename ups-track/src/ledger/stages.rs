//! What the run knows of its stages: the step metric, the best rows, times and outcomes.

use std::sync::Arc;

use crate::kinds::metric::Number;
use crate::kinds::summary::Goal;
use crate::recorder::{Calls, Stage};

/// A stage and its books.
#[derive(Debug)]
pub(crate) struct StageBook {
    pub(crate) stage: Arc<Stage>,
    /// The key of the step metric.
    pub(crate) step: u32,
    pub(crate) bests: Vec<Best>,
    /// The calls that the summary tells of; none before it was first written.
    pub(crate) told: Option<Calls>,
}

/// The best row of a metric so far.
#[derive(Debug)]
pub(crate) struct Best {
    /// The metric's key.
    pub(crate) metric: u32,
    pub(crate) goal: Goal,
    value: Option<f64>,
    /// The whole row, by key.
    pub(crate) row: Vec<(u32, Number)>,
    pub(crate) changed: bool,
}

impl Best {
    pub(crate) fn new(metric: u32, goal: Goal) -> Self {
        Self { metric, goal, value: None, row: Vec::new(), changed: false }
    }

    /// Keeps `row` if its value of the metric is better than all before. NaN never is; of equals the first stays.
    pub(crate) fn offer(&mut self, row: &[(u32, Number)]) {
        let Some((_, number)) = row.iter().find(|(key, _)| *key == self.metric) else { return };
        let value = number.as_f64();
        let better = match (self.value, self.goal) {
            _ if value.is_nan() => false,
            // The worst there can be is how programs say that there is no best yet.
            (None, Goal::Min) => value < f64::INFINITY,
            (None, Goal::Max) => value > f64::NEG_INFINITY,
            (Some(best), Goal::Min) => value < best,
            (Some(best), Goal::Max) => value > best,
        };
        if better {
            self.value = Some(value);
            self.row.clear();
            self.row.extend_from_slice(row);
            self.changed = true;
        }
    }
}
