//! Stages that are futures: interleaved, raced, boxed, moved and dropped.

use std::future::{Future, pending, ready};
use std::pin::Pin;
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Barrier;
use tokio::task::yield_now;
use tracing::instrument::WithSubscriber as _;
use ups_track::testing::{Capture, Captured, capture};
use ups_track::{EvalSummary, eval_summary, metric, summary, track_stage};

/// Runs a future on this thread and captures what it records.
fn block_on(future: impl Future) -> Captured {
    capture(|| {
        runtime().block_on(future);
    })
}

fn runtime() -> Runtime {
    Builder::new_current_thread().build().unwrap()
}

fn status<'a>(captured: &'a Captured, stage: &str) -> Option<&'a str> {
    captured.summary(&format!("{stage}/status")).and_then(Value::as_str)
}

fn keys(captured: &Captured) -> Vec<String> {
    captured.rows.iter().map(|row| row.keys().join(" ")).collect()
}

#[track_stage("left")]
async fn left(steps: u32) -> u32 {
    for step in 0..steps {
        metric!(step = step, left = step * 2);
        yield_now().await;
    }
    steps
}

#[track_stage("right")]
async fn right(steps: u32) -> u32 {
    for step in 0..steps {
        metric!(step = step, right = step * 3);
        yield_now().await;
    }
    steps
}

#[track_stage("outer")]
async fn outer() {
    let before = 1.0;
    metric!(step = 0, before);
    assert_eq!(left(2).await, 2);
    let after = 2.0;
    metric!(step = 1, after);
}

#[test]
fn futures_nest_by_joining() {
    let captured = block_on(outer());
    assert_eq!(
        keys(&captured),
        [
            "outer/step outer/before",
            "outer/left/step outer/left/left",
            "outer/left/step outer/left/left",
            "outer/step outer/after"
        ]
    );
    assert_eq!(status(&captured, "outer"), Some("ok"));
    assert_eq!(status(&captured, "outer/left"), Some("ok"));
    assert!(captured.summary("outer/left/duration_s").and_then(Value::as_f64).is_some());
}

/// Two stages take turns on one thread: each row is in its own, and neither is inside the other.
#[test]
fn joined_futures_keep_their_stages_apart() {
    let captured = block_on(async {
        let (a, b) = tokio::join!(left(3), right(3));
        assert_eq!((a, b), (3, 3));
        let alone = 1.0;
        metric!(step = 9, alone);
    });
    assert_eq!(captured.rows.len(), 7);
    assert_eq!(captured.metric("left/left"), [0.0, 2.0, 4.0]);
    assert_eq!(captured.metric("right/right"), [0.0, 3.0, 6.0]);
    assert_eq!(captured.rows[0].keys(), ["left/step", "left/left"]);
    assert_eq!(captured.rows[1].keys(), ["right/step", "right/right"], "they did take turns");
    assert_eq!(captured.rows[6].keys(), ["step", "alone"]);
    assert_eq!((status(&captured, "left"), status(&captured, "right")), (Some("ok"), Some("ok")));
}

#[track_stage("raced")]
async fn raced(never: bool) {
    let loss = 1.0;
    metric!(step = 0, loss);
    if never {
        pending::<()>().await;
    }
}

#[track_stage("race")]
async fn race() {
    tokio::select! {
        biased;
        () = raced(true) => panic!("it never ends"),
        steps = left(2) => assert_eq!(steps, 2),
    }
}

#[test]
fn who_loses_a_race_is_cancelled() {
    let captured = block_on(race());
    assert_eq!(status(&captured, "race"), Some("ok"));
    assert_eq!(status(&captured, "race/raced"), Some("cancelled"));
    assert_eq!(status(&captured, "race/left"), Some("ok"));
    assert_eq!(captured.metric("race/raced/loss"), [1.0], "what it recorded before is kept");
}

#[test]
fn a_task_that_is_aborted_is_cancelled() {
    let capture = Capture::new();
    runtime().block_on(async {
        let barrier = Arc::new(Barrier::new(2));
        let reached = Arc::clone(&barrier);
        let task = tokio::spawn(
            async move {
                waits(&reached).await;
            }
            .with_subscriber(capture.dispatch().clone()),
        );
        barrier.wait().await;
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
    });
    let captured = capture.finish();
    assert_eq!(status(&captured, "waits"), Some("cancelled"));
}

#[track_stage("waits")]
async fn waits(reached: &Barrier) {
    reached.wait().await;
    pending::<()>().await;
}

#[track_stage("fails")]
async fn fails(error: Option<&str>) -> Result<u8, String> {
    yield_now().await;
    let value = error.map_or(Ok(1), |error| Err(error.to_owned()))?;
    if value == 1 {
        return Ok(value);
    }
    Ok(0)
}

#[track_stage("alerts", err)]
async fn alerts() -> Result<(), std::num::ParseIntError> {
    yield_now().await;
    "x".parse::<u8>()?;
    Ok(())
}

#[test]
fn question_mark_and_early_return() {
    let captured = block_on(async { assert_eq!(fails(None).await, Ok(1)) });
    assert_eq!(status(&captured, "fails"), Some("ok"));
    let captured = block_on(async { assert!(fails(Some("no")).await.is_err()) });
    assert_eq!(status(&captured, "fails"), Some("error"));
    assert_eq!(captured.alerts, []);

    let captured = block_on(async { assert!(alerts().await.is_err()) });
    assert_eq!(status(&captured, "alerts"), Some("error"));
    assert_eq!(captured.alerts.len(), 1);
    assert_eq!(captured.alerts[0].title, "stage `alerts` failed");
    assert_eq!(captured.alerts[0].text, "invalid digit found in string");
    assert_eq!(captured.alerts[0].level, "ERROR");
}

#[track_stage("panics")]
async fn panics() {
    yield_now().await;
    panic!("on purpose");
}

#[test]
fn a_panic_in_a_future_is_an_outcome() {
    let capture = Capture::new();
    let caught = tracing::dispatcher::with_default(capture.dispatch(), || {
        std::panic::catch_unwind(|| runtime().block_on(panics()))
    });
    assert!(caught.is_err());
    assert_eq!(status(&capture.finish(), "panics"), Some("panic"));
}

#[async_trait::async_trait]
trait Fit {
    #[track_stage("default")]
    async fn fit(&self) -> Result<f64, String> {
        self.epoch().await
    }

    async fn epoch(&self) -> Result<f64, String>;
}

struct Good;
struct Bad;

#[async_trait::async_trait]
impl Fit for Good {
    #[track_stage("epoch")]
    async fn epoch(&self) -> Result<f64, String> {
        yield_now().await;
        let loss = 0.5;
        metric!(step = 1, loss);
        Ok(loss)
    }
}

#[async_trait::async_trait]
impl Fit for Bad {
    #[track_stage("fit")]
    async fn fit(&self) -> Result<f64, String> {
        let loss = self.epoch().await?;
        metric!(step = 1, loss);
        Ok(loss)
    }

    async fn epoch(&self) -> Result<f64, String> {
        Err("no data".to_owned())
    }
}

#[test]
fn traits_of_async_trait() {
    let captured = block_on(async { assert_eq!(Good.fit().await, Ok(0.5)) });
    assert_eq!(keys(&captured), ["default/epoch/step default/epoch/loss"]);
    assert_eq!((status(&captured, "default"), status(&captured, "default/epoch")), (Some("ok"), Some("ok")));
    let captured = block_on(async { assert!(Bad.fit().await.is_err()) });
    assert_eq!(status(&captured, "fit"), Some("error"));
    assert_eq!(captured.rows, []);
}

#[track_stage("boxed")]
fn boxed<'a>(text: &'a str) -> Pin<Box<dyn Future<Output = Result<usize, String>> + Send + 'a>> {
    Box::pin(async move {
        yield_now().await;
        let length = text.len();
        metric!(step = 0, length);
        if length == 0 { Err("empty".to_owned()) } else { Ok(length) }
    })
}

#[track_stage("returned")]
fn returned(n: u32) -> impl Future<Output = u32> {
    let n = n + 1;
    async move {
        metric!(step = n, n);
        n
    }
}

#[test]
fn futures_that_are_returned() {
    let captured = block_on(async {
        assert_eq!(boxed("abc").await, Ok(3));
        assert!(boxed("").await.is_err());
        assert_eq!(returned(7).await, 8);
    });
    assert_eq!(
        keys(&captured),
        ["boxed/step boxed/length", "boxed/step boxed/length", "returned/step returned/n"]
    );
    assert_eq!(status(&captured, "boxed"), Some("error"), "of the last call");
    assert_eq!(captured.summary("boxed/calls"), Some(&json!(2)));
    assert_eq!(status(&captured, "returned"), Some("ok"));
}

#[test]
fn a_future_that_is_never_polled_is_no_call() {
    let captured = block_on(async {
        drop(outer());
        drop(boxed("abc"));
        drop(returned(7));
    });
    assert_eq!(captured.rows, []);
    assert!(captured.summary.is_empty(), "{:?}", captured.summary);
}

#[track_stage("borrows")]
async fn borrows<'a, T: AsRef<str> + ?Sized, const N: usize>(text: &'a T, by: [&'a str; N]) -> &'a str {
    yield_now().await;
    metric!(step = N, length = text.as_ref().len());
    by.first().copied().unwrap_or_else(|| text.as_ref())
}

#[test]
fn lifetimes_generics_and_constants() {
    let captured = block_on(async {
        let owned = "text".to_owned();
        assert_eq!(borrows(owned.as_str(), []).await, "text");
        assert_eq!(borrows(&owned, ["a", "b"]).await, "a");
    });
    assert_eq!(captured.metric("borrows/step"), [0.0, 2.0]);
    assert_eq!(captured.summary("borrows/calls"), Some(&json!(2)));
}

#[derive(EvalSummary)]
struct Scores {
    nrmse: f64,
}

#[track_stage("evaluation")]
#[eval_summary]
async fn evaluate() -> Result<Scores, String> {
    yield_now().await;
    Ok(Scores { nrmse: 0.25 })
}

#[eval_summary(prefix = "later")]
#[track_stage("evaluation")]
async fn evaluate_above() -> Scores {
    ready(Scores { nrmse: 0.5 }).await
}

#[test]
fn an_evaluation_may_be_a_stage_in_both_orders() {
    let captured = block_on(async {
        assert!(evaluate().await.is_ok());
        assert!(evaluate_above().await.nrmse > 0.0);
    });
    assert_eq!(captured.summary("eval/nrmse"), Some(&json!(0.25)));
    assert_eq!(captured.summary("later/nrmse"), Some(&json!(0.5)));
    assert_eq!(captured.summary("evaluation/calls"), Some(&json!(2)));
}

/// One stage on many workers at once, with a stage inside that moves from thread to thread.
#[test]
fn nested_futures_move_between_threads() {
    let capture = Capture::new();
    let runtime = Builder::new_multi_thread().worker_threads(4).build().unwrap();
    runtime.block_on(async {
        let task = || async { many(10).await }.with_subscriber(capture.dispatch().clone());
        let tasks: Vec<_> = (0..16).map(|_| tokio::spawn(task())).collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
    let captured = capture.finish();
    assert_eq!(captured.metric("many/round").len(), 160);
    assert_eq!(captured.metric("many/left/left").len(), 320);
    assert_eq!(captured.rows.len(), 480);
    assert_eq!(captured.summary("many/calls"), Some(&json!(16)));
    assert_eq!(captured.summary("many/left/calls"), Some(&json!(160)));
    assert_eq!((status(&captured, "many"), status(&captured, "many/left")), (Some("ok"), Some("ok")));
    assert_eq!(captured.lost, 0);
}

#[track_stage("many")]
async fn many(rounds: u32) {
    for round in 0..rounds {
        metric!(step = round, round);
        left(2).await;
        summary!(rounds = round);
        yield_now().await;
    }
}
