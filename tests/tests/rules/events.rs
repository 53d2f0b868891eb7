//! Plain `tracing` events, and what only running can show.

use serde_json::json;
use tracing::{info, warn};
use ups_track::testing::capture;
use ups_track::{alert, file};

#[test]
fn the_prefixes_of_fields_name_the_kind() {
    let captured = capture(|| {
        info!(summary.nrmse = 0.09, summary.verdict = "good");
        info!(config.eval_samples = 3072, config.flag = true);
        warn!(alert.title = "look", alert.text = "here");
        info!("train/loss" = 1.0, "not ours");
    });
    assert_eq!(captured.summary("nrmse"), Some(&json!(0.09)));
    assert_eq!(captured.summary("verdict"), Some(&json!("good")));
    assert_eq!(captured.config.get("eval_samples"), Some(&json!(3072)));
    assert_eq!(captured.config.get("flag"), Some(&json!(true)));
    assert_eq!((captured.alerts[0].title.as_str(), captured.alerts[0].level.as_str()), ("look", "WARN"));
    assert_eq!(captured.rows, []);
}

#[test]
fn a_wrong_kind_is_refused_and_counted() {
    let captured = capture(|| {
        for _ in 0..5 {
            info!(metric.loss = "high", metric.good = 1.0, step = 1);
        }
        info!(metric.flag = true, step = 1);
        info!(metric.shape = ?(1, 2), step = 1);
    });
    assert_eq!(captured.metric("good").len(), 5, "what is right in the row is kept");
    assert_eq!(captured.metric("loss"), [0.0; 0]);
    assert_eq!(captured.refused, 7);
    assert_eq!(captured.summary("ups_track/refused/metrics"), Some(&json!(7)));
}

#[test]
fn a_metric_without_a_step_is_kept_with_the_last_one() {
    let captured = capture(|| {
        let _stage = tracing::info_span!("train", stage = "operator").entered();
        info!(metric.loss = 0.5, step = 41);
        info!(metric.extra = 1.0);
    });
    assert_eq!(captured.rows[1].get("operator/extra"), Some(1.0));
    assert_eq!(captured.rows[1].get("operator/step"), Some(41.0));
}

#[test]
fn reserved_keys_are_refused_and_odd_ones_repaired() {
    let captured = capture(|| {
        info!("metric._step" = 1.0, "metric.train loss" = 2.0, step = 1);
    });
    assert_eq!(captured.rows[0].keys(), ["train_loss", "step"]);
    assert_eq!(captured.summary("ups_track/refused/keys"), Some(&json!(1)));
}

#[test]
fn messages_are_console_output() {
    let captured = capture(|| {
        info!(answer = 42, "hello");
        tracing::debug!("too fine");
    });
    assert!(captured.console.contains("INFO rules::events: hello answer=42\n"), "{:?}", captured.console);
    assert!(!captured.console.contains("too fine"));
}

#[test]
fn alerts_and_files() {
    let captured = capture(|| {
        let step = 3;
        alert!("plain");
        alert!(level = error, "Loss is NaN", "at step {step}");
        file!("out/model.bin", policy = end);
        file!(std::path::Path::new("report.html"));
    });
    let alerts: Vec<_> =
        captured.alerts.iter().map(|a| (a.title.as_str(), a.text.as_str(), a.level.as_str())).collect();
    assert_eq!(alerts, [("plain", "", "INFO"), ("Loss is NaN", "at step 3", "ERROR")]);
    assert_eq!(captured.files, [("out/model.bin".to_owned(), "end"), ("report.html".to_owned(), "live")]);
}
