//! Final values without a single row, and final values that rows must not overwrite.

use serde_json::json;
use ups_track::{EvalSummary, Scalar, eval_summary, metric, summary};
use ups_track_tests::normalized::assert_same;

use crate::{history, python, summary as summary_of, summary_without_rows, twin};

#[test]
fn summary_values_make_no_row() {
    let run = python("summary_only");
    assert!(run.history().is_empty());
    let expected = json!({
        "eval/nrmse": 0.0911,
        "eval/samples": 3072,
        "eval/verdict": "good",
        "eval/passed": true,
        "eval/by_case": {"shock": 0.1, "wave": 0.2},
    });
    assert_eq!(summary_without_rows(run), expected);
    assert!(run.metrics().is_empty());
}

#[derive(EvalSummary)]
struct Scores {
    nrmse: f64,
    samples: u64,
    verdict: &'static str,
    passed: bool,
}

#[eval_summary]
fn evaluate() -> Scores {
    Scores { nrmse: 0.0911, samples: 3072, verdict: "good", passed: true }
}

/// A summary of another shape, by hand.
struct ByCase;

impl EvalSummary for ByCase {
    fn visit_summary(&self, each: &mut dyn FnMut(&str, Scalar)) {
        each("eval/by_case", Scalar::Json(json!({"shock": 0.1, "wave": 0.2})));
    }
}

#[test]
fn ups_track_summaries_are_the_same() {
    let recorded = twin::record(
        "summary_only",
        |builder| builder,
        |run| {
            evaluate();
            run.summarize(&ByCase);
        },
    );
    assert_same(python("summary_only"), &recorded.synced());
}

#[test]
fn rows_do_not_overwrite_a_summary() {
    let recorded = twin::record(
        "explicit",
        |builder| builder,
        |run| {
            metric!(step = 0_u8, loss = f64::from(4_u8), other = f64::from(4_u8));
            summary!(loss = 0.25, text = "first");
            // The writer has seen the summary before the next row comes.
            assert!(run.flush());
            metric!(step = 1_u8, loss = f64::from(2_u8), other = f64::from(2_u8));
            summary!(text = "last");
        },
    );
    let run = recorded.synced();
    let expected = json!([{"_step": 0, "step": 0, "loss": 4, "other": 4}, {"_step": 1, "step": 1, "loss": 2, "other": 2}]);
    assert_eq!(history(&run), expected);
    assert_eq!(summary_of(&run), json!({"_step": 1, "step": 1, "loss": 0.25, "other": 2, "text": "last"}));
}
