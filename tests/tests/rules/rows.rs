//! Whole rows: structs that bring their step, several at once, keys that only running shows.

use ups_track::testing::capture;
use ups_track::{Metrics, metric, track_stage};

#[derive(Metrics)]
struct Epoch {
    #[track(step)]
    number: u64,
    loss: f64,
    #[track(flatten, prefix = "grad")]
    gradients: Option<Gradients>,
}

#[derive(Metrics)]
struct Gradients {
    norm: f64,
}

#[track_stage("operator", step = "epoch")]
fn stage() {
    metric!(..Epoch { number: 7, loss: 0.5, gradients: Some(Gradients { norm: 2.0 }) });
    let lr = 0.1;
    metric!(lr, ..Epoch { number: 8, loss: 0.25, gradients: None });
}

#[test]
fn a_row_brings_its_step() {
    let captured = capture(stage);
    let rows: Vec<_> = captured.rows.iter().map(ups_track::testing::Row::keys).collect();
    assert_eq!(
        rows,
        [
            ["operator/epoch", "operator/loss", "operator/grad/norm"],
            ["operator/epoch", "operator/lr", "operator/loss"]
        ]
    );
    assert_eq!(captured.metric("operator/epoch"), [7.0, 8.0]);
    assert_eq!(captured.definition("operator/*").unwrap().step, "operator/epoch");
}

#[test]
fn several_rows_are_one() {
    let captured = capture(|| {
        let (first, second) = (Gradients { norm: 1.0 }, [("max", 3.0)]);
        metric!(step = 4, ..first, ..second);
    });
    assert_eq!(captured.rows.len(), 1);
    assert_eq!(captured.rows[0].keys(), ["step", "norm", "max"]);
}

#[test]
fn keys_that_only_running_shows_are_recorded_once() {
    let captured = capture(|| metric!(step = 1, ..[("a", 1.0), ("b", 2.0), ("a", 3.0)], ..[("b", 4)]));
    assert_eq!(captured.rows[0].keys(), ["a", "b", "step"]);
    assert_eq!((captured.metric("a"), captured.refused), (vec![1.0], 2));
}

/// In a stage whose step is `epoch`, a metric `epoch` would be the step.
#[test]
fn a_metric_does_not_take_the_place_of_the_step() {
    #[track_stage("operator", step = "epoch")]
    fn train(epoch: u64, loss: f64) {
        metric!(step = epoch, epoch = epoch * 100, loss);
        metric!(step = epoch + 1, loss, ..[("epoch", 500.0)]);
    }
    let captured = capture(|| train(3, 0.5));
    assert_eq!(captured.metric("operator/epoch"), [3.0, 4.0]);
    assert_eq!(captured.metric("operator/loss"), [0.5, 0.5]);
    assert!(captured.refused >= 1);
}

/// Numbers of half precision, as tensors give them.
#[test]
fn half_precision_is_a_number_like_any_other() {
    use half::{bf16, f16};
    let captured = capture(|| {
        let (loss, scale) = (f16::from_f32(0.25), Some(bf16::from_f32(1024.0)));
        metric!(step = 1, loss, scale);
        ups_track::summary!(loss, best = &loss);
        ups_track::config!(scale = bf16::from_f32(1024.0));
    });
    assert_eq!((captured.metric("loss"), captured.metric("scale")), (vec![0.25], vec![1024.0]));
    assert_eq!(captured.summary("best").unwrap(), 0.25);
    assert_eq!(captured.config["scale"], 1024.0);
}
