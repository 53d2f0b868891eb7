//! Evaluations, config structs and rows of structs.

use serde_json::json;
use ups_track::testing::capture;
use ups_track::{EvalSummary, Metrics, RunConfig, config, eval_summary, metric, summary};

#[derive(EvalSummary, Clone)]
struct Scores {
    #[track(goal = "min")]
    nrmse: f64,
    samples: u64,
    note: Option<String>,
    passed: bool,
}

fn scores() -> Scores {
    Scores { nrmse: 0.09, samples: 64, note: None, passed: true }
}

#[eval_summary]
fn plain() -> Scores {
    scores()
}

#[eval_summary(prefix = "eval/ttc")]
fn fallible(fail: bool) -> Result<Scores, String> {
    if fail {
        return Err("no scores".into());
    }
    Ok(scores())
}

#[eval_summary(prefix = "")]
fn maybe(some: bool) -> Option<Scores> {
    some.then(scores)
}

#[eval_summary]
async fn later() -> Result<Scores, String> {
    std::future::ready(()).await;
    Ok(scores())
}

#[test]
fn what_an_evaluation_returns_is_the_summary() {
    let captured = capture(|| drop(plain()));
    assert_eq!(captured.rows, []);
    assert_eq!(captured.summary("eval/nrmse"), Some(&json!(0.09)));
    assert_eq!(captured.summary("eval/samples"), Some(&json!(64)));
    assert_eq!(captured.summary("eval/passed"), Some(&json!(true)));
    assert_eq!(captured.summary("eval/note"), None);
    assert_eq!(captured.definition("eval/nrmse").unwrap().goal, "min");
}

#[test]
fn results_and_options() {
    let captured = capture(|| drop(fallible(false)));
    assert_eq!(captured.summary("eval/ttc/nrmse"), Some(&json!(0.09)));
    assert!(capture(|| assert!(fallible(true).is_err())).summary.is_empty());
    assert_eq!(capture(|| drop(maybe(true))).summary("nrmse"), Some(&json!(0.09)));
    assert!(capture(|| assert!(maybe(false).is_none())).summary.is_empty());
}

#[test]
fn asynchronous_evaluations() {
    let captured = capture(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        assert!(runtime.block_on(later()).is_ok());
    });
    assert_eq!(captured.summary("eval/nrmse"), Some(&json!(0.09)));
}

#[test]
fn a_struct_is_a_summary_without_the_attribute() {
    let captured = capture(|| summary!(..scores()));
    assert_eq!(captured.summary("nrmse"), Some(&json!(0.09)));
}

#[derive(RunConfig)]
struct Hyper {
    lr: f64,
    epochs: u64,
    model: Model,
    seed: Option<u32>,
    #[track(skip)]
    _scratch: Vec<u8>,
}

#[derive(RunConfig)]
struct Model {
    layers: Vec<u32>,
    kind: Kind,
}

#[derive(RunConfig)]
enum Kind {
    Fno { modes: u32 },
}

#[test]
fn config_structs() {
    let captured = capture(|| {
        let model = Model { layers: vec![1, 2], kind: Kind::Fno { modes: 12 } };
        config!(..Hyper { lr: 1e-3, epochs: 3, model, seed: None, _scratch: Vec::new() });
    });
    assert_eq!(captured.config.get("lr"), Some(&json!(1e-3)));
    assert_eq!(captured.config.get("epochs"), Some(&json!(3)));
    assert_eq!(captured.config.get("seed"), Some(&json!(null)));
    assert_eq!(
        captured.config.get("model"),
        Some(&json!({"layers": [1, 2], "kind": {"Fno": {"modes": 12}}}))
    );
    assert_eq!(captured.config.len(), 4);
}

#[test]
fn secrets_do_not_reach_the_log() {
    let captured = capture(|| {
        config!(api_key = "abc", url = "https://me:pw@host.invalid/x", max_tokens = 5);
    });
    let text = format!("{captured:?}");
    assert!(!text.contains("abc") && !text.contains("pw@"), "{text}");
    assert_eq!(captured.config.get("max_tokens"), Some(&json!(5)));
}

#[derive(Metrics)]
struct Losses {
    data: f64,
    physics: f32,
    #[track(rename = "reg")]
    regularisation: Option<f64>,
}

#[test]
fn rows_of_structs() {
    let captured = capture(|| {
        let losses = Losses { data: 1.0, physics: 0.5, regularisation: None };
        metric!(step = 3, lr = 1e-3_f64.sqrt(), ..losses);
    });
    let row = &captured.rows[0];
    assert_eq!(row.get("step"), Some(3.0));
    assert_eq!((row.get("data"), row.get("physics"), row.get("reg")), (Some(1.0), Some(0.5), None));
    assert!(row.get("lr").is_some());
}
