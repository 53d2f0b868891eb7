//! Summaries that are aggregated instead of being the last value.

use serde_json::{Value, json};
use ups_track::{metric, track_stage};
use ups_track_tests::normalized::{Meant, Side, assert_same_but};
use ups_track_tests::server::{MetricDefinition, Run};

use crate::{history, python, summary, twin, warned};

#[track_caller]
fn check_aggregates(run: &Run) {
    let expected = json!({
        "_step": 2,
        "loss": {"min": 1, "max": 7, "mean": 4},
        "acc": {"max": 1, "last": 1.0 / 7.0},
        "plain": 7,
        "first": {"first": 4, "mean": 4},
        "eval/err": {"min": 1},
    });
    assert_eq!(summary(run), expected);
    let row = |step: u32, loss: u32| json!({"_step": step, "loss": loss, "hidden": loss, "plain": loss, "first": loss, "eval/err": loss});
    // The uploading client writes whole numbers without a fraction.
    let mut expected = json!([row(0, 4), row(1, 1), row(2, 7)]);
    for (index, acc) in [json!(0.25), json!(1), json!(1.0 / 7.0)].into_iter().enumerate() {
        expected[index]["acc"] = acc;
    }
    assert_eq!(history(run), expected);

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
        defined("first", &["first", "mean"]),
        defined("hidden", &["none"]),
        defined("loss", &["max", "mean", "min"]),
    ];
    assert_eq!(metrics, expected);
}

#[test]
fn an_aggregated_metric_is_an_object_in_the_summary() {
    check_aggregates(python("min_max_mean"));
}

#[test]
fn ups_track_aggregates_are_the_same() {
    let recorded = twin::record(
        "min_max_mean",
        |builder| builder,
        |run| {
            run.define_metric("loss").summary("min,max,mean").send();
            run.define_metric("acc").summary("max,last").send();
            run.define_metric("hidden").summary("none").send();
            run.define_metric("first").summary("first,mean").send();
            run.define_metric("eval/*").summary("min").send();
            for loss in [4.0_f64, 1.0, 7.0] {
                tracing::info!(
                    metric.loss = loss,
                    metric.acc = 1.0 / loss,
                    metric.hidden = loss,
                    metric.plain = loss,
                    metric.first = loss,
                    "metric.eval/err" = loss,
                );
            }
        },
    );
    let run = recorded.synced();
    assert_same_but(python("min_max_mean"), &run, &[warned()]);
}

#[track_stage("operator", best(loss = "min"), summary(loss = "min,mean"))]
fn operator(lr: f64) {
    for (epoch, loss) in [4.0, 1.0, 7.0].into_iter().enumerate() {
        metric!(step = epoch, loss, lr);
    }
}

#[test]
fn ups_track_stage_summaries_are_the_same() {
    const BEST: &str = "a stage keeps the row of its best loss";
    const REASON: &str = "a stage tells how it ended and how long it took";

    let recorded = twin::record("stage_summary", |builder| builder, |_| operator(0.5));
    let extra = |name: &str, value: Value, reason: &'static str| {
        Meant::extra(format!("summary[\"operator/{name}\"]"), Side::Is(value), reason)
    };
    let meant = [
        extra("best_loss", json!(1), BEST),
        extra("best_loss/step", json!(1), BEST),
        extra("best_loss/lr", json!(0.5), BEST),
        extra("status", json!("ok"), REASON),
        Meant::extra("summary[\"operator/duration_s\"]", Side::Time, REASON),
    ];
    let run = recorded.synced();
    assert_eq!(run.summary()["operator/loss"], json!({"min": 1, "mean": 4}));
    assert_same_but(python("stage_summary"), &run, &meant);
}
