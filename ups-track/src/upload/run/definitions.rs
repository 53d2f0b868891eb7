//! Metric definitions: merged as W&B does it, and encoded for the config.

use serde_json::{Map, Value, json};

use crate::log::record::{Metric, MetricOptions, MetricSummary};

/// The definitions so far, in the order of their first appearance.
#[derive(Debug, Default)]
pub(super) struct Definitions(Vec<Metric>);

impl Definitions {
    /// Takes a record over: it adds to an earlier one of the name, unless it says that it takes its place.
    pub(super) fn merge(&mut self, new: Metric) {
        let same = |old: &&mut Metric| old.name == new.name && old.glob_name == new.glob_name;
        let Some(old) = self.0.iter_mut().find(same) else {
            self.0.push(new);
            return;
        };
        if new.control.is_some_and(|control| control.overwrite) {
            *old = new;
            return;
        }
        if !new.step_metric.is_empty() {
            old.step_metric = new.step_metric;
        }
        if new.goal != 0 {
            old.goal = new.goal;
        }
        if let Some(new) = new.options {
            let old = old.options.get_or_insert_default();
            old.step_sync |= new.step_sync;
            old.hidden |= new.hidden;
            old.defined |= new.defined;
        }
        if let Some(new) = new.summary {
            old.summary.get_or_insert_default().add(new);
        }
    }

    /// The list for the config. A step metric that nobody defined has an entry as well: the others refer to it.
    pub(super) fn encode(&self) -> Value {
        let mut all: Vec<Metric> = self.0.clone();
        for metric in &self.0 {
            let step = &metric.step_metric;
            if !step.is_empty() && !all.iter().any(|other| other.name == *step) {
                all.push(Metric { name: step.clone(), ..Metric::default() });
            }
        }
        all.iter().map(|metric| encode(metric, &all)).collect()
    }
}

/// A definition as an object keyed by field numbers.
fn encode(metric: &Metric, all: &[Metric]) -> Value {
    let mut encoded = Map::new();
    let mut put = |field: &str, value: Value| drop(encoded.insert(field.to_owned(), value));
    if metric.glob_name.is_empty() {
        put("1", json!(metric.name));
    } else {
        put("2", json!(metric.glob_name));
    }
    if let Some(at) = all.iter().position(|other| !other.name.is_empty() && other.name == metric.step_metric)
    {
        put("5", json!(at + 1));
    }
    let MetricOptions { step_sync, hidden, defined } = metric.options.unwrap_or_default();
    // What a pattern stands for was not named by anybody.
    let defined = defined && metric.glob_name.is_empty();
    put("6", numbers(&[step_sync, hidden, defined]));
    let MetricSummary { min, max, mean, best, last, none, copy, first } = metric.summary.unwrap_or_default();
    put("7", numbers(&[min, max, mean, best, last, none, copy, first]));
    if metric.goal != 0 {
        put("8", json!(metric.goal));
    }
    Value::Object(encoded)
}

/// The numbers, from 1, of what is set.
fn numbers(flags: &[bool]) -> Value {
    (1..).zip(flags).filter(|(_, set)| **set).map(|(number, _): (u32, _)| json!(number)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::log::record::MetricControl;

    fn named(name: &str, step: &str) -> Metric {
        let options = Some(MetricOptions { step_sync: !step.is_empty(), hidden: false, defined: true });
        let (mut name, mut glob_name) = (name.to_owned(), String::new());
        if name.ends_with('*') {
            std::mem::swap(&mut name, &mut glob_name);
        }
        Metric { name, glob_name, step_metric: step.to_owned(), options, ..Metric::default() }
    }

    #[test]
    fn step_metrics_are_found_by_number() {
        let mut definitions = Definitions::default();
        definitions.merge(named("val/*", "step_m"));
        let summary = Some(MetricSummary { min: true, mean: true, ..MetricSummary::default() });
        definitions.merge(Metric { summary, goal: 1, ..named("loss", "epoch") });
        definitions.merge(named("step_m", ""));
        let expected = json!([
            {"2": "val/*", "5": 3, "6": [1], "7": []},
            {"1": "loss", "5": 4, "6": [1, 3], "7": [1, 3], "8": 1},
            {"1": "step_m", "6": [3], "7": []},
            {"1": "epoch", "6": [], "7": []},
        ]);
        assert_eq!(definitions.encode(), expected);
    }

    #[test]
    fn later_ones_add_or_take_the_place() {
        let mut definitions = Definitions::default();
        definitions.merge(named("loss", "a"));
        let hidden = Some(MetricOptions { hidden: true, ..MetricOptions::default() });
        definitions.merge(Metric { options: hidden, ..named("loss", "") });
        let first = |definitions: &Definitions| definitions.encode().get(0).cloned();
        assert_eq!(first(&definitions), Some(json!({"1": "loss", "5": 2, "6": [1, 2, 3], "7": []})));
        let control = Some(MetricControl { overwrite: true });
        definitions.merge(Metric { control, ..named("loss", "") });
        assert_eq!(first(&definitions), Some(json!({"1": "loss", "6": [3], "7": []})));
    }
}
