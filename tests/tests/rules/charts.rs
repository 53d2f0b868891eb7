//! Rows, steps and definitions.

use serde_json::json;
use tracing::{info, info_span};
use ups_track::testing::{Capture, capture};
use ups_track::{config, metric, summary, track_stage};

#[track_stage("operator")]
fn operator(losses: &[f64]) {
    for (step, loss) in losses.iter().enumerate() {
        metric!(step = step, loss = *loss);
    }
}

#[test]
fn a_row_holds_its_stages_step_and_the_step_is_defined_before_it() {
    let captured = capture(|| operator(&[0.5, 0.25]));
    assert_eq!(captured.rows.len(), 2);
    assert_eq!(captured.metric("operator/loss"), [0.5, 0.25]);
    assert_eq!(captured.metric("operator/step"), [0.0, 1.0]);
    assert_eq!(captured.definition("operator/*").unwrap().step, "operator/step");
    assert_eq!(captured.definition("operator/step").unwrap().step, "");
}

#[test]
fn definitions_stand_before_the_first_row() {
    let dir = tempfile::tempdir().unwrap();
    let run = ups_track::Run::builder().dir(dir.path()).quiet(true).global(false).start().unwrap();
    run.scope(|_| operator(&[1.0]));
    let finished = run.finish().unwrap();
    let log = std::fs::read_dir(finished.dir().unwrap()).unwrap().flatten().map(|entry| entry.path());
    let log = log.into_iter().find(|path| path.extension().is_some_and(|e| e == "wandb")).unwrap();
    let kinds: Vec<_> = ups_track::log::Reader::open(&log)
        .unwrap()
        .map(|entry| entry.unwrap().record.kind.map_or("none", |kind| kind.name()))
        .collect();
    let first_row = kinds.iter().position(|kind| *kind == "history").unwrap();
    let last_definition = kinds.iter().rposition(|kind| *kind == "metric").unwrap();
    assert!(last_definition < first_row, "{kinds:?}");
    assert_eq!(kinds.first(), Some(&"header"));
    assert_eq!(kinds.get(1), Some(&"run"));
    assert_eq!(kinds.last(), Some(&"exit"));
    assert_eq!(kinds.iter().filter(|kind| **kind == "summary").count(), 1, "not one per row");
}

#[test]
fn a_step_that_goes_back_or_repeats_is_written() {
    let captured = capture(|| {
        for step in [3, 1, 1, -7] {
            metric!(step = step, loss = f64::from(step));
        }
    });
    assert_eq!(captured.metric("step"), [3.0, 1.0, 1.0, -7.0]);
    assert_eq!(captured.lost, 0);
}

#[test]
fn outside_of_stages_each_metric_is_charted_against_step() {
    let captured = capture(|| {
        let (loss, other) = (1.0, 2.0);
        metric!(step = 5, loss);
        metric!(step = 6, loss, other);
    });
    assert_eq!(captured.definition("loss").unwrap().step, "step");
    assert_eq!(captured.definition("other").unwrap().step, "step");
    assert_eq!(captured.definition("step").unwrap().step, "");
    assert_eq!(captured.definition("*"), None, "nothing else is touched");
}

#[test]
fn summaries_make_no_row_and_rows_do_not_overwrite_them() {
    let captured = capture(|| {
        summary!(loss = 0.1, verdict = "good", passed = true);
        for step in 0..3 {
            metric!(step = step, loss = f64::from(step) + 5.0, other = f64::from(step));
        }
    });
    assert_eq!(captured.rows.len(), 3);
    assert_eq!(captured.summary("loss"), Some(&json!(0.1)));
    assert_eq!(captured.summary("verdict"), Some(&json!("good")));
    assert_eq!(captured.summary("passed"), Some(&json!(true)));
    assert_eq!(captured.summary("other"), Some(&json!(2.0)), "the last value, as W&B does");
    assert_eq!(capture(|| summary!(x = 1)).rows, []);
}

#[test]
fn config_makes_neither_rows_nor_summaries() {
    let captured = capture(|| config!(samples = 3072, name = "x", list = vec![1, 2]));
    assert_eq!(captured.rows, []);
    assert!(captured.summary.is_empty());
    assert_eq!(captured.config.get("samples"), Some(&json!(3072)));
    assert_eq!(captured.config.get("list"), Some(&json!([1, 2])));
}

#[test]
fn values_that_are_not_finite_are_written_counted_and_the_first_raises_an_alert() {
    let captured = capture(|| {
        for (step, loss) in [1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY].into_iter().enumerate() {
            metric!(step = step, loss);
        }
    });
    let losses = captured.metric("loss");
    assert_eq!(losses.len(), 4);
    assert!(losses[1].is_nan() && losses[2] == f64::INFINITY && losses[3] == f64::NEG_INFINITY);
    assert_eq!(captured.summary("ups_track/not_finite/loss"), Some(&json!(3)));
    assert_eq!(captured.alerts.len(), 1);
    assert_eq!(captured.alerts[0].text, "`loss` is NaN at step 1");
    assert_eq!(captured.alerts[0].level, "WARN");
}

#[test]
fn every_number_type_is_a_metric() {
    let captured = capture(|| {
        let (a, b, c, d, e, f) = (1_u8, 2_u16, 3_u32, 4_u64, 5_usize, 6_u128);
        let (g, h, i, j, k, l) = (-1_i8, -2_i16, -3_i32, -4_i64, -5_isize, -6_i128);
        let (m, n, o) = (0.5_f32, 0.25_f64, std::num::NonZeroU32::MIN);
        let (some, none) = (Some(7.5), None::<f64>);
        metric!(step = 0, a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, some, none, by_ref = &&n);
    });
    let row = &captured.rows[0];
    for (key, value) in [
        ("a", 1.0),
        ("f", 6.0),
        ("g", -1.0),
        ("l", -6.0),
        ("m", 0.5),
        ("o", 1.0),
        ("some", 7.5),
        ("by_ref", 0.25),
    ] {
        assert_eq!(row.get(key), Some(value), "{key}");
    }
    assert_eq!(row.get("none"), None);
}

#[test]
fn a_key_that_is_absent_at_first_is_still_defined() {
    let captured = capture(|| {
        for (step, low) in [None, Some(1.0)].into_iter().enumerate() {
            metric!(step = step, always = 2.0_f64 * step as f64, low);
        }
    });
    assert_eq!(captured.definition("low").unwrap().step, "step");
}

#[test]
fn a_key_with_a_dot_has_a_definition_of_its_own() {
    let captured = capture(|| {
        let _stage = info_span!("train", stage = "train").entered();
        let x = 1.0;
        metric!(step = 1, "val.loss" = x, plain = x);
    });
    assert_eq!(captured.definition("train/val.loss").unwrap().step, "train/step");
    assert_eq!(captured.definition("train/plain"), None);
}

#[test]
fn rows_keep_their_order_among_operations() {
    let captured = capture(|| {
        let loss = 1.0;
        metric!(step = 1, loss);
        summary!(loss = 9.0);
        metric!(step = 2, loss = loss * 2.0);
        info!(metric.loss = 3.0, step = 3, "with a message, so the long way");
        metric!(step = 4, loss = loss * 4.0);
    });
    assert_eq!(captured.metric("step"), [1.0, 2.0, 3.0, 4.0]);
}

#[test]
fn wide_rows_are_whole() {
    let captured = capture(|| {
        let names: Vec<String> = (0..100).map(|i| format!("k{i}")).collect();
        let row: Vec<(&str, f64)> = names.iter().map(|name| (name.as_str(), 1.0)).collect();
        metric!(step = 1, ..row);
    });
    assert_eq!(captured.rows[0].values.len(), 101);
}

#[test]
fn threads_and_captures_do_not_mix() {
    let ours = Capture::new();
    let other = Capture::new();
    std::thread::scope(|scope| {
        for (capture, offset) in [(&ours, 0.0), (&other, 100.0)] {
            for _ in 0..3 {
                scope.spawn(move || {
                    capture.context().in_scope(|| {
                        let _stage = info_span!("work", stage = "work").entered();
                        for step in 0..1000_u32 {
                            metric!(step = step, value = offset + f64::from(step));
                        }
                    });
                });
            }
        }
    });
    for (capture, offset) in [(ours, 0.0), (other, 100.0)] {
        let captured = capture.finish();
        assert_eq!(captured.rows.len(), 3000);
        let mut values = captured.metric("work/value");
        values.sort_by(f64::total_cmp);
        values.dedup();
        assert_eq!(values.len(), 1000);
        assert!((values[0] - offset).abs() < 1e-9);
    }
}
