//! What ups-track finds out itself, and what the program says under the same names.

use serde_json::json;
use ups_track::testing::capture;
use ups_track::{EvalSummary, eval_summary, metric, summary, track_stage};

#[derive(EvalSummary)]
struct Scores {
    nrmse: f64,
    best_loss: f64,
}

#[eval_summary]
fn evaluate(nrmse: f64, best_loss: f64) -> Scores {
    Scores { nrmse, best_loss }
}

#[test]
fn a_summary_that_is_not_finite_is_counted_and_raises_one_alert() {
    let captured = capture(|| {
        for nrmse in [0.5, f64::NAN, f64::NAN] {
            evaluate(nrmse, 0.1);
        }
        let score = f64::NEG_INFINITY;
        summary!(score);
        let score = f64::NAN;
        summary!(score);
    });
    assert_eq!(captured.summary("ups_track/not_finite/eval/nrmse"), Some(&json!(2)));
    assert_eq!(captured.summary("eval/nrmse"), Some(&json!("NaN")));
    assert_eq!(captured.summary("ups_track/not_finite/score"), Some(&json!(2)));
    let alerts: Vec<_> = captured.alerts.iter().map(|alert| (&*alert.title, &*alert.text)).collect();
    assert_eq!(
        alerts,
        [
            ("eval/nrmse is not finite", "`eval/nrmse` is NaN in the summary"),
            ("score is not finite", "`score` is NaN in the summary"),
        ]
    );
}

#[test]
fn infinity_before_there_is_a_best_value_is_no_alarm() {
    let captured = capture(|| {
        evaluate(0.5, f64::INFINITY);
        for (step, best) in [f64::INFINITY, f64::INFINITY, 0.5, f64::INFINITY].into_iter().enumerate() {
            metric!(step = step, best);
        }
    });
    let alerts: Vec<_> = captured.alerts.iter().map(|alert| &*alert.text).collect();
    assert_eq!(alerts, ["`best` is Infinity at step 3"]);
    assert_eq!(captured.summary("ups_track/not_finite/best"), Some(&json!(3)));
}

#[track_stage("operator", best(loss = "min", acc = "max"))]
fn train(losses: &[f64]) {
    let mut best_loss = f64::INFINITY;
    for (step, loss) in losses.iter().enumerate() {
        best_loss = best_loss.min(*loss);
        metric!(step = step, loss = *loss, acc = -*loss, best_loss, status = *loss * 10.0);
    }
}

#[test]
fn a_metric_keeps_its_key_and_ours_goes_beside_it() {
    let captured = capture(|| {
        train(&[0.5, 0.25, 0.75]);
        summary!(..[("operator/duration_s", "long")]);
    });
    assert_eq!(captured.metric("operator/best_loss"), [0.5, 0.25, 0.25]);
    assert_eq!(captured.summary("operator/best_loss"), Some(&json!(0.25)));
    assert_eq!(captured.summary("ups_track/operator/best_loss"), Some(&json!(0.25)));
    assert_eq!(captured.summary("operator/best_loss/step"), Some(&json!(1)));
    assert_eq!(captured.summary("operator/best_acc"), Some(&json!(-0.25)));
    assert_eq!(captured.summary("operator/status"), Some(&json!(7.5)));
    assert_eq!(captured.summary("ups_track/operator/status"), Some(&json!("ok")));
    assert_eq!(captured.summary("operator/duration_s"), Some(&json!("long")));
    assert!(captured.summary("ups_track/operator/duration_s").unwrap().is_number());
}

#[test]
fn the_worst_value_is_no_best_one() {
    let captured = capture(|| train(&[f64::INFINITY, f64::NAN]));
    assert_eq!(captured.summary("operator/best_acc"), None);
    let captured = capture(|| train(&[f64::INFINITY, 3.0]));
    assert_eq!(captured.summary("operator/best_acc"), Some(&json!(-3.0)));
}
