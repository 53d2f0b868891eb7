//! Values at the edges of their types.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use ups_track::{ConfigValue, RunConfig, metric};
use ups_track_tests::json::{INFINITY, NAN, NEG_INFINITY};
use ups_track_tests::normalized::{Meant, Side, assert_same_but};
use ups_track_tests::server::Alert;

use crate::{config_of, history, python, summary, twin};

/// The numbers that arrive alike in configuration, summary and history.
fn numbers() -> Map<String, Value> {
    let values = json!({
        "inf": INFINITY,
        "neg_inf": NEG_INFINITY,
        // Above the range of i64 the client's own integers become floats.
        "u64_max": 1.844_674_407_370_955_2e19,
        "i64_min": i64::MIN,
        "i64_max": i64::MAX,
        "tiny": 5e-324,
        "big": f64::MAX,
        "small": 1.5e-7,
        "whole": 3,
    });
    values.as_object().cloned().unwrap_or_default()
}

/// The texts and bools that arrive alike.
fn texts() -> Map<String, Value> {
    let values = json!({"text": TEXT, "empty": "", "nan_text": "NaN", "yes": true});
    values.as_object().cloned().unwrap_or_default()
}

const TEXT: &str = "naïve \"quotes\" \\ \n\t 漢字 🚀 \u{1}";

/// All of them under a prefix.
fn under(prefix: &str, parts: impl IntoIterator<Item = Map<String, Value>>) -> Map<String, Value> {
    parts.into_iter().flatten().map(|(key, value)| (format!("{prefix}{key}"), value)).collect()
}

fn object(value: Value) -> Map<String, Value> {
    if let Value::Object(object) = value { object } else { Map::new() }
}

#[test]
fn config_has_no_nan() {
    let particular = json!({
        "nan": null,
        "nothing": null,
        "neg_zero": -0.0,
        "list": [1, null, "x"],
        "dict": {"nan": null, "deep": {"inf": INFINITY}},
    });
    let expected = under("", [numbers(), texts(), object(particular)]);
    assert_eq!(config_of(python("odd_values")), Value::Object(expected));
}

#[test]
fn history_keeps_nan() {
    // Negative zero is written as `-0`, which is an integer.
    let particular = json!({"nan": NAN, "neg_zero": 0});
    let mut last = under("h_", [numbers(), object(particular)]);
    last.extend(object(json!({"_step": 3, "step": (1_u64 << 53) + 1})));
    let expected = json!([
        {"_step": 0, "step": 0, "loss": NAN},
        {"_step": 1, "step": 1, "loss": INFINITY, "low": NEG_INFINITY},
        {"_step": 2, "step": -1, "loss": 0.5},
        last,
    ]);
    assert_eq!(history(python("odd_values")), expected);
}

#[test]
fn summary_has_a_nan_only_from_the_history() {
    // What is set in the summary itself: NaN is written as null, and null takes the key away.
    let set = under("s_", [numbers(), texts(), object(json!({"neg_zero": -0.0}))]);
    let mut expected = under("h_", [numbers(), object(json!({"nan": NAN, "neg_zero": 0}))]);
    expected.extend(set);
    expected.extend(object(json!({"_step": 3, "step": (1_u64 << 53) + 1, "loss": 0.5, "low": NEG_INFINITY})));
    assert_eq!(summary(python("odd_values")), Value::Object(expected));
}

/// Texts, lists and objects in history and summary, which the types of ups-track do not take there.
#[test]
fn other_kinds_than_numbers() {
    let run = python("odd_kinds");
    let history_list = json!({"list": [1, NAN, "x"], "dict": {"nan": NAN, "deep": {"inf": INFINITY}}});
    let mut row = under("h_", [texts(), object(history_list.clone())]);
    row.extend(object(json!({"_step": 0, "h_nothing": null})));
    assert_eq!(history(run), json!([row]));
    // In the summary null takes a key away. Inside an object null stays, and inside a list NaN does.
    let set = json!({"list": [1, NAN, "x"], "dict": {"nan": null, "deep": {"inf": INFINITY}}});
    let mut expected = under("s_", [texts(), object(set)]);
    expected.extend(under("h_", [texts(), object(history_list)]));
    expected.insert("_step".to_owned(), json!(0));
    assert_eq!(summary(run), Value::Object(expected));
}

/// The numbers of the scenario.
fn floats() -> [(&'static str, f64); 8] {
    [
        ("nan", f64::NAN),
        ("inf", f64::INFINITY),
        ("neg_inf", f64::NEG_INFINITY),
        ("tiny", 5e-324),
        ("big", f64::MAX),
        ("small", 1.5e-7),
        ("neg_zero", -0.0),
        ("whole", 3.0),
    ]
}

struct Odd;

impl RunConfig for Odd {
    fn entries(&self) -> Map<String, Value> {
        let mut entries = floats().entries();
        entries.extend([("u64_max", u64::MAX)].entries());
        entries.extend([("i64_min", i64::MIN), ("i64_max", i64::MAX)].entries());
        entries.extend([("text", TEXT), ("empty", ""), ("nan_text", "NaN")].entries());
        entries.extend([("yes", true)].entries());
        entries.extend([("nothing", None::<u8>)].entries());
        entries.extend([("list", (1, f64::NAN, "x"))].entries());
        let deep = BTreeMap::from([("inf", f64::INFINITY)]).config_value();
        entries
            .extend([("dict", BTreeMap::from([("nan", f64::NAN.config_value()), ("deep", deep)]))].entries());
        entries
    }
}

#[test]
fn ups_track_odd_values_are_the_same() {
    const JSON: &str = "JSON values, which carry a config in Rust, have no infinity: it is text";
    const NAN_IS_KEPT: &str =
        "a NaN is kept: a score that is not a number must not look as if it was never computed";
    const COUNTED: &str = "values that are not finite are counted";
    const ALERTED: &str = "the first value that is no number raises an alert";

    let recorded = twin::record(
        "odd_values",
        |builder| builder.config(&Odd),
        |run| {
            run.summarize(&floats().map(|(key, value)| (format!("s_{key}"), value)));
            run.summarize(&[("s_u64_max", u64::MAX)]);
            run.summarize(&[("s_i64_min", i64::MIN), ("s_i64_max", i64::MAX)]);
            run.summarize(&[("s_text", TEXT), ("s_empty", ""), ("s_nan_text", "NaN")]);
            run.summarize(&[("s_yes", true)]);
            for (step, loss, low) in
                [(0, f64::NAN, None), (1, f64::INFINITY, Some(f64::NEG_INFINITY)), (-1, 0.5, None)]
            {
                metric!(step = step, loss, low);
            }
            let [nan, inf, neg_inf, tiny, big, small, neg_zero, whole] = floats().map(|(_, value)| value);
            let (u64_max, i64_min, i64_max, step) = (u64::MAX, i64::MIN, i64::MAX, (1_u64 << 53) + 1);
            metric!(
                step = step,
                h_nan = nan,
                h_inf = inf,
                h_neg_inf = neg_inf,
                h_u64_max = u64_max,
                h_i64_min = i64_min,
                h_i64_max = i64_max,
                h_tiny = tiny,
                h_big = big,
                h_small = small,
                h_neg_zero = neg_zero,
                h_whole = whole,
            );
        },
    );
    let run = recorded.synced();
    let alert = |name: &str, what: &str| {
        let alert = Alert {
            title: format!("{name} is not finite"),
            text: format!("`{name}` is {what}"),
            severity: "WARN".to_owned(),
            wait_duration: 60_000,
        };
        let path = format!("alerts[{:?}]", alert.title);
        Meant::extra(path, Side::Is(json!([alert])), ALERTED)
    };
    let counted = |name: &str, count: u64| {
        Meant::extra(format!("summary[\"ups_track/not_finite/{name}\"]"), Side::Is(json!(count)), COUNTED)
    };
    let huge = ((1_u64 << 53) + 1).to_string();
    let meant = [
        Meant::other("config[\"inf\"]", INFINITY, "Infinity", JSON),
        Meant::other("config[\"neg_inf\"]", NEG_INFINITY, "-Infinity", JSON),
        Meant::other("config[\"dict\"][\"deep\"][\"inf\"]", INFINITY, "Infinity", JSON),
        Meant::extra("summary[\"s_nan\"]", Side::Is(json!(NAN)), NAN_IS_KEPT),
        counted("loss", 2),
        counted("low", 1),
        counted("h_nan", 1),
        counted("h_inf", 1),
        counted("h_neg_inf", 1),
        counted("s_nan", 1),
        counted("s_inf", 1),
        counted("s_neg_inf", 1),
        // Infinity as the first value of all is "none yet", and no alarm.
        alert("loss", "NaN at step 0"),
        alert("h_nan", &format!("NaN at step {huge}")),
        alert("s_nan", "NaN in the summary"),
    ];
    assert_same_but(python("odd_values"), &run, &meant);
}

/// The real client takes over what ours has recorded under keys of any kind, each as it is.
#[test]
fn ups_track_odd_keys_arrive_as_they_are() {
    const KEYS: [&str; 11] =
        ["損失", "精度", "%acc", "_acc", "x_acc", "a b", "a_b", "a.b", "a*", "q\"\\", "x\u{1b}\n\u{202e}"];
    let numbers: Vec<(&str, u32)> = KEYS.into_iter().zip(0..).collect();
    let recorded = twin::record(
        "odd_keys",
        |builder| builder.config(&numbers[..]),
        |run| {
            run.log(1, &numbers[..]);
            let summary: Vec<_> = numbers.iter().map(|(key, number)| (format!("s/{key}"), *number)).collect();
            run.summarize(&summary[..]);
        },
    );
    let run = recorded.synced();
    let (row, config, summary) = (run.history().remove(0), run.config(), run.summary());
    for (key, number) in numbers {
        let want = json!(number);
        assert_eq!((row.get(key), config.get(key)), (Some(&want), Some(&want)), "{key}: {row:?} {config:?}");
        assert_eq!(summary.get(key), Some(&want), "{key}: {summary:?}");
        assert_eq!(summary.get(&format!("s/{key}")), Some(&want), "{key}: {summary:?}");
    }
}
