//! Summaries that are aggregated instead of being the last value.

use serde_json::json;
use ups_track_tests::server::MetricDefinition;

use crate::{history, python, summary};

#[test]
fn an_aggregated_metric_is_an_object_in_the_summary() {
    let run = python("min_max_mean");
    let expected = json!({
        "_step": 2,
        "loss": {"min": 1, "max": 7, "mean": 4},
        "acc": {"max": 1, "last": 1.0 / 7.0},
        "plain": 7,
        "eval/err": {"min": 1},
    });
    assert_eq!(summary(&run), expected);
    let row = |step: u32, loss: f64| {
        // The uploading client writes whole numbers without a fraction.
        let written: serde_json::Number = serde_json::from_str(&format!("{loss}")).unwrap();
        json!({"_step": step, "loss": written, "hidden": written, "plain": written, "eval/err": written})
    };
    let mut expected = json!([row(0, 4.0), row(1, 1.0), row(2, 7.0)]);
    for (index, acc) in [json!(0.25), json!(1), json!(1.0 / 7.0)].into_iter().enumerate() {
        expected[index]["acc"] = acc;
    }
    assert_eq!(history(&run), expected);

    let mut metrics = run.metrics();
    metrics.sort();
    let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect();
    let defined = |name: &str, summary: &[&str]| MetricDefinition {
        name: name.to_owned(),
        options: words(&["defined"]),
        summary: words(summary),
        ..MetricDefinition::default()
    };
    let expected = [
        defined("acc", &["last", "max"]),
        MetricDefinition { glob: true, options: words(&[]), ..defined("eval/*", &["min"]) },
        defined("hidden", &["none"]),
        defined("loss", &["max", "mean", "min"]),
    ];
    assert_eq!(metrics, expected);
}
