//! Two stages after another, each against its own step.

use serde_json::json;
use ups_track_tests::server::MetricDefinition;

use crate::{history, python, summary};

#[test]
fn each_row_holds_its_step() {
    let run = python("stages");
    let expected = json!([
        {"_step": 0, "operator/loss": 1, "operator/lr": 0.001, "operator/step": 0},
        {"_step": 1, "operator/loss": 0.5, "operator/lr": 0.001, "operator/step": 1},
        {"_step": 2, "operator/loss": 1.0 / 3.0, "operator/lr": 0.001, "operator/step": 2},
        {"_step": 3, "diffusion/loss": 1, "diffusion/lr": 0.001, "diffusion/step": 0},
        {"_step": 4, "diffusion/loss": 0.5, "diffusion/lr": 0.001, "diffusion/step": 1},
        {"_step": 5, "diffusion/loss": 1.0 / 3.0, "diffusion/lr": 0.001, "diffusion/step": 2},
    ]);
    assert_eq!(history(&run), expected);
    let expected = json!({
        "_step": 5,
        "operator/loss": 1.0 / 3.0, "operator/lr": 0.001, "operator/step": 2,
        "diffusion/loss": 1.0 / 3.0, "diffusion/lr": 0.001, "diffusion/step": 2,
    });
    assert_eq!(summary(&run), expected);
    assert_eq!(run.exit_code, Some(0));

    let mut metrics = run.metrics();
    metrics.sort();
    let step = |name: &str| MetricDefinition {
        name: name.to_owned(),
        options: ["defined".to_owned()].into(),
        ..MetricDefinition::default()
    };
    // A pattern loses the option `defined` on its way to the server.
    let pattern = |name: &str, step: &str| MetricDefinition {
        name: name.to_owned(),
        glob: true,
        step_metric: Some(step.to_owned()),
        options: ["step_sync".to_owned()].into(),
        ..MetricDefinition::default()
    };
    let expected = [
        pattern("diffusion/*", "diffusion/step"),
        step("diffusion/step"),
        pattern("operator/*", "operator/step"),
        step("operator/step"),
    ];
    assert_eq!(metrics, expected);
}
