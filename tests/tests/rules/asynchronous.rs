//! Stages that are futures: nested, interleaved, raced, aborted, moved between threads.

use std::future::{Future, pending};
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Barrier;
use tokio::task::yield_now;

use ups_track::testing::{Capture, Captured, capture};
use ups_track::{CarryStage as _, metric, summary, track_stage};

/// Runs a future on this thread and captures what it records.
pub(crate) fn block_on(future: impl Future) -> Captured {
    capture(|| {
        runtime().block_on(future);
    })
}

fn runtime() -> Runtime {
    Builder::new_current_thread().build().unwrap()
}

pub(crate) fn status<'a>(captured: &'a Captured, stage: &str) -> Option<&'a str> {
    captured.summary(&format!("{stage}/status")).and_then(Value::as_str)
}

pub(crate) fn keys(captured: &Captured) -> Vec<String> {
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
            .in_stage(capture.context()),
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
    let caught = capture.context().in_scope(|| std::panic::catch_unwind(|| runtime().block_on(panics())));
    assert!(caught.is_err());
    assert_eq!(status(&capture.finish(), "panics"), Some("panic"));
}

/// One stage on many workers at once, with a stage inside that moves from thread to thread.
#[test]
fn nested_futures_move_between_threads() {
    let capture = Capture::new();
    let runtime = Builder::new_multi_thread().worker_threads(4).build().unwrap();
    runtime.block_on(async {
        let task = || async { many(10).await }.in_stage(capture.context());
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
