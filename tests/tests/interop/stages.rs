//! Two stages after another, each against its own step.

use serde_json::json;
use ups_track::{metric, track_stage};
use ups_track_tests::normalized::{Meant, Side, assert_same_but};
use ups_track_tests::server::{MetricDefinition, Run};

use crate::{history, python, summary, twin};

#[track_caller]
fn check_rows_and_definitions(run: &Run) {
    let expected = json!([
        {"_step": 0, "operator/loss": 1, "operator/lr": 0.001, "operator/step": 0},
        {"_step": 1, "operator/loss": 0.5, "operator/lr": 0.001, "operator/step": 1},
        {"_step": 2, "operator/loss": 1.0 / 3.0, "operator/lr": 0.001, "operator/step": 2},
        {"_step": 3, "diffusion/loss": 1, "diffusion/lr": 0.001, "diffusion/step": 0},
        {"_step": 4, "diffusion/loss": 0.5, "diffusion/lr": 0.001, "diffusion/step": 1},
        {"_step": 5, "diffusion/loss": 1.0 / 3.0, "diffusion/lr": 0.001, "diffusion/step": 2},
    ]);
    assert_eq!(history(run), expected);
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

#[test]
fn each_row_holds_its_step() {
    let run = python("stages");
    check_rows_and_definitions(run);
    let expected = json!({
        "_step": 5,
        "operator/loss": 1.0 / 3.0, "operator/lr": 0.001, "operator/step": 2,
        "diffusion/loss": 1.0 / 3.0, "diffusion/lr": 0.001, "diffusion/step": 2,
    });
    assert_eq!(summary(run), expected);
}

#[track_stage("operator")]
pub(crate) fn operator(lr: f64) {
    epochs(lr);
}

#[track_stage("diffusion")]
pub(crate) fn diffusion(lr: f64) {
    epochs(lr);
}

fn epochs(lr: f64) {
    for epoch in 0..3_u32 {
        metric!(step = epoch, loss = 1.0 / (f64::from(epoch) + 1.0), lr);
    }
}

/// What ups-track adds for a stage.
fn stage_summaries(stage: &str) -> [Meant; 2] {
    const REASON: &str = "a stage tells how it ended and how long it took";
    let path = |name: &str| format!("summary[\"{stage}/{name}\"]");
    [
        Meant::extra(path("status"), Side::Is("ok".into()), REASON),
        Meant::extra(path("duration_s"), Side::Time, REASON),
    ]
}

#[test]
fn ups_track_stages_are_the_same() {
    let recorded = twin::record(
        "stages",
        |builder| builder,
        |_| {
            operator(0.001);
            diffusion(0.001);
        },
    );
    let run = recorded.synced();
    check_rows_and_definitions(&run);
    let meant = [stage_summaries("operator"), stage_summaries("diffusion")].concat();
    assert_same_but(python("stages"), &run, &meant);
}

#[test]
fn plain_events_are_the_same() {
    let recorded = twin::record(
        "stages",
        |builder| builder,
        |_| {
            for stage in ["operator", "diffusion"] {
                let _stage = tracing::info_span!("training", stage).entered();
                for epoch in 0..3_u32 {
                    let loss = 1.0 / (f64::from(epoch) + 1.0);
                    tracing::info!(metric.loss = loss, metric.lr = 0.001, step = epoch, "epoch done");
                }
            }
        },
    );
    let run = recorded.synced();
    let meant = [stage_summaries("operator"), stage_summaries("diffusion")].concat();
    assert_same_but(python("stages"), &run, &meant);
}
