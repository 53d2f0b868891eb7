//! Metric definitions: merged as W&B does it, and encoded for the config.

use serde_json::{Map, Value, json};

use crate::log::record::{Metric, MetricOptions, MetricSummary};

/// The definitions so far, in the order of their first appearance.
#[derive(Debug, Clone, Default)]
pub(super) struct Definitions(Vec<Metric>);

impl Definitions {
    /// Takes a record of a log over, and of it what W&B's client does: no summary `copy`, which is deprecated, nor `best`, nor
    /// goals that nobody knows. Whatever a log names is defined.
    pub(super) fn take(&mut self, mut new: Metric) {
        if new.name.is_empty() && new.glob_name.is_empty() {
            return;
        }
        if !new.name.is_empty() {
            new.glob_name.clear();
            new.options.get_or_insert_default().defined = true;
        }
        if let Some(summary) = &mut new.summary {
            (summary.copy, summary.best) = (false, false);
        }
        if !matches!(new.goal, 1 | 2) {
            new.goal = 0;
        }
        let none = new.summary.map(|summary| summary.none);
        let (name, glob_name) = (new.name.clone(), new.glob_name.clone());
        self.merge(new);
        let same = |old: &&mut Metric| old.name == name && old.glob_name == glob_name;
        // Whether there is a summary at all is what was said last.
        if let (Some(none), Some(old)) = (none, self.0.iter_mut().find(same)) {
            old.summary.get_or_insert_default().none = none;
        }
    }

    /// Adds a definition to an earlier one of the name, unless it says that it takes its place.
    fn merge(&mut self, new: Metric) {
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

    /// Puts earlier ones of the run below these, as if they had come first.
    pub(super) fn lay_under(&mut self, earlier: Self) {
        for own in std::mem::replace(&mut self.0, earlier.0) {
            self.merge(own);
        }
    }

    /// Adds those that have names of their own.
    pub(super) fn add_missing(&mut self, others: Self) {
        for other in others.0 {
            if !self.has(&other) {
                self.0.push(other);
            }
        }
    }

    /// Whether others have definitions of the same names.
    pub(super) fn are_in(&self, others: &Self) -> bool {
        self.0.iter().all(|own| others.has(own))
    }

    fn has(&self, other: &Metric) -> bool {
        self.0.iter().any(|own| own.name == other.name && own.glob_name == other.glob_name)
    }

    /// Reads the list of a config. What is none of W&B's is left out.
    pub(super) fn decode(list: &str) -> Self {
        let list: Vec<Value> = serde_json::from_str(list).unwrap_or_default();
        let mut definitions = Self::default();
        for encoded in &list {
            let text =
                |field: &str| encoded.get(field).and_then(Value::as_str).unwrap_or_default().to_owned();
            let at = |place: u64| list.get(usize::try_from(place).ok()?.checked_sub(1)?)?.get("1")?.as_str();
            let step_metric = encoded.get("5").and_then(Value::as_u64).and_then(at).unwrap_or_default();
            let [step_sync, hidden, defined] = flags(encoded.get("6"));
            let [min, max, mean, best, last, none, copy, first] = flags(encoded.get("7"));
            let metric = Metric {
                name: text("1"),
                glob_name: text("2"),
                step_metric: step_metric.to_owned(),
                options: Some(MetricOptions { step_sync, hidden, defined }),
                summary: Some(MetricSummary { min, max, mean, best, last, none, copy, first }),
                goal: encoded
                    .get("8")
                    .and_then(Value::as_i64)
                    .and_then(|goal| goal.try_into().ok())
                    .unwrap_or(0),
                control: None,
            };
            if !(metric.name.is_empty() && metric.glob_name.is_empty()) {
                definitions.merge(metric);
            }
        }
        definitions
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

/// The other way round.
fn flags<const N: usize>(numbers: Option<&Value>) -> [bool; N] {
    let numbers = numbers.and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    std::array::from_fn(|at| numbers.iter().any(|number| number.as_u64() == Some(at as u64 + 1)))
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

    #[test]
    fn what_the_real_client_drops_is_dropped() {
        let mut definitions = Definitions::default();
        let all = MetricSummary {
            min: true,
            best: true,
            last: true,
            none: true,
            copy: true,
            ..MetricSummary::default()
        };
        definitions.take(Metric { summary: Some(all), goal: 7, name: "loss".into(), ..Metric::default() });
        definitions.take(Metric { step_metric: "only".into(), ..Metric::default() });
        definitions.take(Metric { glob_name: "ignored/*".into(), ..named("both", "") });
        let expected = json!([{"1": "loss", "6": [3], "7": [1, 5, 6]}, {"1": "both", "6": [3], "7": []}]);
        assert_eq!(definitions.encode(), expected);
        let max = MetricSummary { max: true, ..MetricSummary::default() };
        definitions.take(Metric { summary: Some(max), ..named("loss", "") });
        assert_eq!(definitions.encode().get(0), Some(&json!({"1": "loss", "6": [3], "7": [1, 2, 5]})));
    }

    #[test]
    fn what_was_encoded_is_read_again() {
        let mut definitions = Definitions::default();
        definitions.merge(named("val/*", "step_m"));
        let summary = Some(MetricSummary { min: true, first: true, ..MetricSummary::default() });
        definitions.merge(Metric { summary, goal: 2, ..named("loss", "epoch") });
        let encoded = definitions.encode();
        assert_eq!(Definitions::decode(&encoded.to_string()).encode(), encoded);
        // Whatever a server says.
        for odd in [r#"{"1":"a"}"#, "[1,[],null,{}]", r#"[{"1":7,"5":"x"}]"#, "[", "null"] {
            assert_eq!(Definitions::decode(odd).encode(), json!([]), "{odd}");
        }
        let odd = r#"[{"1":"a","5":9,"6":[0,3,-1,"x",99],"7":{},"8":1e99},{"1":"b","5":0}]"#;
        let read = json!([{"1": "a", "6": [3], "7": []}, {"1": "b", "6": [], "7": []}]);
        assert_eq!(Definitions::decode(odd).encode(), read);
    }

    #[test]
    fn earlier_ones_add_and_do_not_take_the_place() {
        let mut own = Definitions::default();
        own.merge(named("loss", "epoch"));
        let mut earlier = Definitions::default();
        let summary = Some(MetricSummary { min: true, ..MetricSummary::default() });
        earlier.merge(Metric { summary, ..named("loss", "step") });
        earlier.merge(named("acc", "step"));
        own.lay_under(earlier);
        let expected = json!([
            {"1": "loss", "5": 3, "6": [1, 3], "7": [1]},
            {"1": "acc", "5": 4, "6": [1, 3], "7": []},
            {"1": "epoch", "6": [], "7": []},
            {"1": "step", "6": [], "7": []},
        ]);
        assert_eq!(own.encode(), expected);
    }
}
