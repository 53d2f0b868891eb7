//! Final values without a single row.

use serde_json::json;

use crate::{python, summary_without_rows};

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
    assert_eq!(summary_without_rows(&run), expected);
    assert!(run.metrics().is_empty());
}
