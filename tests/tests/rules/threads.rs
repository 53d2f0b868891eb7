//! Threads and tasks that a stage spawns: with the stage they carry it, without it they are told.

use std::thread;

use tokio::task::yield_now;
use ups_track::testing::{Capture, Captured};
use ups_track::{CarryStage as _, StageContext, carry, metric, track_stage};

/// Captures on this thread; what runs elsewhere is captured if the stage is carried there.
fn captured(code: impl FnOnce()) -> Captured {
    let capture = Capture::new();
    let guard = capture.enter();
    code();
    drop(guard);
    capture.finish()
}

fn row(step: u64) {
    let loss = 1.0 / (step + 1) as f64;
    metric!(step = step, loss);
}

#[test]
fn a_closure_carries_the_stage() {
    #[track_stage("operator")]
    fn train() {
        row(0);
        thread::spawn(carry(|| (1..=100).for_each(row))).join().unwrap();
        row(101);
    }
    let captured = captured(train);
    // In this order: before the thread, on it, after it.
    assert_eq!(captured.metric("operator/step"), (0..=101).map(f64::from).collect::<Vec<_>>());
    assert_eq!(captured.summary("operator/status").unwrap(), "ok");
    assert_eq!(captured.summary("ups_track/warnings"), None);
}

#[test]
fn many_threads_share_a_stage() {
    #[track_stage("outer")]
    fn outer() {
        inner();
    }
    #[track_stage("inner")]
    fn inner() {
        let stage = StageContext::current();
        thread::scope(|scope| {
            for part in 0..8 {
                let stage = &stage;
                scope.spawn(move || stage.in_scope(|| (part * 100..part * 100 + 100).for_each(row)));
            }
        });
    }
    let captured = captured(outer);
    let steps = captured.metric("outer/inner/step");
    assert_eq!(steps.len(), 800);
    for part in 0..8 {
        let range = f64::from(part * 100)..f64::from(part * 100 + 100);
        let own: Vec<_> = steps.iter().filter(|step| range.contains(step)).collect();
        assert!(own.is_sorted() && own.len() == 100, "the rows of a thread are in order");
    }
}

#[test]
fn a_carried_stage_is_left_again() {
    #[track_stage("inner")]
    fn inner() -> StageContext {
        StageContext::current()
    }
    #[track_stage("outer")]
    fn outer(inner: &StageContext) {
        row(0);
        inner.in_scope(|| {
            row(1);
            StageContext::outside().in_scope(|| row(2));
            row(3);
        });
        row(4);
    }
    let captured = captured(|| outer(&inner()));
    assert_eq!(captured.metric("outer/step"), [0.0, 4.0]);
    assert_eq!(captured.metric("inner/step"), [1.0, 3.0]);
    assert_eq!(captured.metric("step"), [2.0]);
}

#[test]
fn a_stage_is_left_when_the_carried_code_panics() {
    #[track_stage("operator")]
    fn train() -> StageContext {
        StageContext::current()
    }
    let captured = captured(|| {
        let stage = train();
        let hook = std::panic::take_hook();
        std::panic::set_hook(Box::new(|_| {}));
        let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            stage.in_scope(|| panic!("on purpose"))
        }));
        std::panic::set_hook(hook);
        assert!(caught.is_err());
        row(1);
    });
    assert_eq!(captured.metric("step"), [1.0]);
}

#[test]
fn tasks_carry_the_stage() {
    #[track_stage("operator")]
    async fn train() {
        let task = |part: u64| async move {
            for step in 0..50 {
                row(part * 50 + step);
                yield_now().await;
            }
        };
        let tasks: Vec<_> = (0..4).map(|part| tokio::spawn(task(part).in_current_stage())).collect();
        for task in tasks {
            task.await.unwrap();
        }
        row(200);
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(3).build().unwrap();
    let captured = captured(|| runtime.block_on(train()));
    let steps = captured.metric("operator/step");
    assert_eq!((steps.len(), steps.last()), (201, Some(&200.0)));
    for part in 0..4 {
        let range = f64::from(part * 50)..f64::from(part * 50 + 50);
        let own: Vec<_> = steps.iter().filter(|step| range.contains(step)).collect();
        assert!(own.is_sorted() && own.len() == 50, "the rows of a task are in order");
    }
}

/// Once per callsite, whichever thread it is.
#[test]
fn a_thread_without_the_stage_is_told() {
    #[track_stage("operator")]
    fn train(capture: &Capture) {
        for _ in 0..2 {
            thread::scope(|scope| {
                scope.spawn(|| {
                    let _guard = capture.enter();
                    let loss = 0.5;
                    for step in 0..3 {
                        metric!(step = step, loss);
                    }
                    metric!(step = 3, ..[("loss", 0.25)]);
                    StageContext::outside().in_scope(|| metric!(step = 4, temperature = loss));
                });
            });
        }
    }
    let capture = Capture::new();
    let guard = capture.enter();
    // No stage is open yet.
    row(0);
    train(&capture);
    drop(guard);
    let captured = capture.finish();
    assert_eq!(captured.metric("loss").len(), 1 + 2 * 4);
    assert_eq!(captured.metric("temperature").len(), 2);
    assert_eq!(captured.summary("ups_track/warnings").unwrap(), 2, "two callsites were told about");
    assert_eq!((captured.refused, captured.lost), (0, 0));
}

/// A callsite that was used before any stage was open is told all the same.
#[test]
fn a_known_callsite_is_told_as_well() {
    fn log(step: u64) {
        let loss = 0.5;
        metric!(step = step, loss);
    }
    #[track_stage("operator")]
    fn train(capture: &Capture) {
        thread::scope(|scope| {
            scope.spawn(|| {
                let _guard = capture.enter();
                log(0);
                log(1);
            });
        });
    }
    let capture = Capture::new();
    let guard = capture.enter();
    log(0);
    log(1);
    train(&capture);
    drop(guard);
    let captured = capture.finish();
    assert_eq!(captured.metric("loss").len(), 4);
    assert_eq!(captured.summary("ups_track/warnings").unwrap(), 1);
}
