//! Metric definitions: which step metric a key is charted against and what its summary keeps.

use crate::kinds::summary::Goal;
use crate::log::record::{Kind, Metric, MetricControl, MetricOptions, MetricSummary};
use crate::recorder::{Definition, SummaryWords};

/// All definitions so far. A name's own definition goes before a prefix; of two prefixes the longer one wins.
#[derive(Debug, Default)]
pub(crate) struct Definitions {
    exact: Vec<Definition>,
    prefixes: Vec<Definition>,
}

impl Definitions {
    /// Adds a definition; one of the same name is widened by it, or replaced if it says so.
    pub(crate) fn add(&mut self, new: &Definition) {
        let list = if new.name.ends_with('*') { &mut self.prefixes } else { &mut self.exact };
        match list.iter_mut().find(|old| old.name == new.name) {
            Some(old) if new.overwrite => *old = new.clone(),
            Some(old) => {
                old.step = new.step.clone().or_else(|| old.step.take());
                old.summary = old.summary.with(new.summary);
                old.hidden |= new.hidden;
                old.goal = new.goal.or(old.goal);
            }
            None => list.push(new.clone()),
        }
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Definition> {
        self.exact.iter().chain(&self.prefixes)
    }

    /// Whether adding this definition would change nothing.
    pub(crate) fn knows(&self, new: &Definition) -> bool {
        let list = if new.name.ends_with('*') { &self.prefixes } else { &self.exact };
        list.iter().find(|old| old.name == new.name).is_some_and(|old| {
            !new.overwrite
                && (new.step.is_none() || new.step == old.step)
                && old.summary.with(new.summary) == old.summary
                && (old.hidden || !new.hidden)
                && (new.goal.is_none() || new.goal == old.goal)
        })
    }

    /// Whether any definition demands a step metric.
    pub(crate) fn have_steps(&self) -> bool {
        self.exact.iter().chain(&self.prefixes).any(|d| d.step.is_some())
    }

    /// The definition that holds for a key. A bare `*` holds for none that begin with `_`.
    pub(crate) fn of(&self, key: &str) -> Option<&Definition> {
        let by_prefix = || {
            self.prefixes
                .iter()
                .filter(|d| d.name.strip_suffix('*').is_some_and(|prefix| key.starts_with(prefix)))
                .max_by_key(|d| d.name.len())
        };
        self.exact.iter().find(|d| d.name == key).or_else(by_prefix)
    }
}

/// The record of a definition.
pub(crate) fn record(definition: &Definition) -> Kind {
    let Definition { name, step, summary, hidden, goal, overwrite } = definition;
    let is_prefix = name.ends_with('*');
    Kind::Metric(Metric {
        // Our keys are flat; for W&B a dot in a definition's name leads into a nested value unless it is escaped.
        name: if is_prefix { String::new() } else { name.replace('.', "\\.") },
        glob_name: if is_prefix { name.clone() } else { String::new() },
        step_metric: step.clone().unwrap_or_default(),
        options: Some(MetricOptions { step_sync: step.is_some(), hidden: *hidden, defined: true }),
        summary: summary.any().then(|| words(*summary)),
        goal: match goal {
            None => 0,
            Some(Goal::Min) => 1,
            Some(Goal::Max) => 2,
        },
        control: overwrite.then_some(MetricControl { overwrite: true }),
    })
}

fn words(w: SummaryWords) -> MetricSummary {
    MetricSummary {
        min: w.min,
        max: w.max,
        mean: w.mean,
        first: w.first,
        last: w.last,
        none: w.none,
        best: false,
        copy: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn define(name: &str, step: &str) -> Definition {
        Definition { name: name.into(), step: Some(step.into()), ..Definition::default() }
    }

    #[test]
    fn the_closest_definition_wins() {
        let mut d = Definitions::default();
        d.add(&define("*", "a"));
        d.add(&define("val/*", "b"));
        d.add(&define("val/acc", "c"));
        let step = |key| d.of(key).and_then(|d| d.step.as_deref());
        assert_eq!((step("loss"), step("val/loss"), step("val/acc")), (Some("a"), Some("b"), Some("c")));
    }

    #[test]
    fn definitions_of_one_name_add_up_unless_they_overwrite() {
        let mut d = Definitions::default();
        d.add(&Definition { summary: SummaryWords { min: true, ..Default::default() }, ..define("x", "a") });
        d.add(&Definition {
            name: "x".into(),
            summary: SummaryWords { max: true, ..Default::default() },
            ..Default::default()
        });
        let x = d.of("x").cloned().unwrap_or_default();
        assert!(x.summary.min && x.summary.max && x.step.as_deref() == Some("a"));
        d.add(&Definition { name: "x".into(), overwrite: true, ..Default::default() });
        assert_eq!(d.of("x").and_then(|d| d.step.as_deref()), None);
    }
}
