//! Plain `tracing` events, and what only running can show.

use serde_json::json;
use tracing::{info, warn};
use ups_track::testing::capture;
use ups_track::{alert, config, file, metric, summary};

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
fn keys_are_refused_where_wandb_refuses_them_and_nowhere_else() {
    let captured = capture(|| {
        info!("metric._step" = 1.0, "metric.train loss" = 2.0, step = 1);
        info!(
            metric.損失 = 0.5,
            metric.精度 = 0.75,
            "metric.%acc" = 1.0,
            "metric._acc" = 2.0,
            "metric.x_acc" = 3.0,
            "metric.a\nb" = 4.0,
            step = 2
        );
    });
    assert_eq!(captured.rows[0].keys(), ["train loss", "step"]);
    assert_eq!(captured.summary("ups_track/refused/keys"), Some(&json!(1)));
    let row = &captured.rows[1];
    let values = ["損失", "精度", "%acc", "_acc", "x_acc", "a\nb"].map(|key| row.get(key));
    assert_eq!(values, [0.5, 0.75, 1.0, 2.0, 3.0, 4.0].map(Some));
    // `_step`, `_acc` and the one with an end of a line in it are told, each once.
    assert_eq!(captured.summary("ups_track/warnings"), Some(&json!(3)));
}

#[test]
fn keys_in_any_script_are_keys_in_macros() {
    let captured = capture(|| {
        let (損失, loss, share) = (0.5, 0.25, 1.0);
        metric!(step = 1, 損失, "train loss" = loss, "%" = share);
        summary!("résumé final" = 3);
        config!(größe = 5, "a=b,c" = 6);
    });
    let row = &captured.rows[0];
    assert_eq!(["損失", "train loss", "%"].map(|key| row.get(key)), [0.5, 0.25, 1.0].map(Some));
    assert_eq!(captured.summary("résumé final"), Some(&json!(3)));
    assert_eq!(captured.config.get("größe"), Some(&json!(5)));
    assert_eq!(captured.config.get("a=b,c"), Some(&json!(6)));
    assert_eq!(captured.summary("ups_track/warnings"), None);
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
