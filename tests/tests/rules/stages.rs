//! Stages: names, nesting, best values, times and outcomes.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use serde_json::{Value, json};

use tracing::{info, info_span};
use ups_track::testing::{Capture, Captured, capture};
use ups_track::{CarryStage as _, metric, track_stage};

fn text<'a>(captured: &'a Captured, key: &str) -> &'a str {
    captured
        .summary(key)
        .and_then(Value::as_str)
        .unwrap_or_else(|| panic!("{key} is not in {:?}", captured.summary))
}

#[track_stage("operator")]
fn operator() {
    let loss = 1.0;
    metric!(step = 0, loss);
}

#[track_stage("training")]
fn training() {
    operator();
    let rate = 2.0;
    metric!(step = 1, rate);
}

#[test]
fn stages_nest_by_joining() {
    let captured = capture(training);
    assert_eq!(captured.rows[0].keys(), ["training/operator/step", "training/operator/loss"]);
    assert_eq!(captured.rows[1].keys(), ["training/step", "training/rate"]);
    assert_eq!(captured.definition("training/operator/*").unwrap().step, "training/operator/step");
    // `training/*` holds for this key as well, so it has a definition of its own.
    assert_eq!(captured.definition("training/operator/loss").unwrap().step, "training/operator/step");
    assert_eq!(captured.definition("training/*").unwrap().step, "training/step");
}

#[track_stage("operator", best(loss = "min", acc = "max"))]
fn with_best(rows: &[(f64, f64)]) {
    for (step, (loss, acc)) in rows.iter().enumerate() {
        metric!(step = step, loss = *loss, acc = *acc);
    }
}

#[test]
fn best_keeps_the_row_of_the_best_value() {
    let captured =
        capture(|| with_best(&[(0.5, 0.1), (f64::NAN, 0.2), (0.25, 0.9), (0.25, 0.3), (0.4, 0.8)]));
    for (key, value) in [
        ("operator/best_loss", 0.25),
        ("operator/best_loss/step", 2.0),
        ("operator/best_loss/acc", 0.9),
        ("operator/best_acc", 0.9),
        ("operator/best_acc/step", 2.0),
        ("operator/best_acc/loss", 0.25),
    ] {
        assert_eq!(captured.summary(key).and_then(Value::as_f64), Some(value), "{key}");
    }
    assert_eq!(captured.summary("operator/loss"), Some(&json!(0.4)), "the last value is still the last");
}

#[track_stage("falls")]
fn falls(fail: bool) -> Result<u8, String> {
    if fail {
        Err("no".to_owned())?;
    }
    Ok(1)
}

#[test]
fn outcomes() {
    let captured = capture(|| falls(false).map(drop).unwrap());
    assert_eq!(text(&captured, "falls/status"), "ok");
    assert!(captured.summary("falls/duration_s").unwrap().as_f64().unwrap() >= 0.0);
    assert_eq!(captured.summary("falls/calls"), None);
    let captured = capture(|| assert!(falls(true).is_err()));
    assert_eq!(text(&captured, "falls/status"), "error");
    let captured = capture(|| {
        assert!(falls(true).is_err());
        falls(false).map(drop).unwrap();
    });
    assert_eq!(text(&captured, "falls/status"), "ok");
    assert_eq!(captured.summary("falls/calls"), Some(&json!(2)));
}

#[track_stage("panics")]
fn panics() {
    let loss = 1.0;
    metric!(step = 1, loss);
    panic!("on purpose");
}

#[test]
fn a_panic_is_an_outcome() {
    let capture = Capture::new();
    let caught = capture.context().in_scope(|| std::panic::catch_unwind(panics));
    assert!(caught.is_err());
    let captured = capture.finish();
    assert_eq!(text(&captured, "panics/status"), "panic");
    assert_eq!(captured.metric("panics/loss"), [1.0]);
}

struct Idle;
impl Wake for Idle {
    fn wake(self: Arc<Self>) {}
}

/// Pending once, then ready.
struct Once(bool);
impl Future for Once {
    type Output = ();
    fn poll(mut self: std::pin::Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) { Poll::Ready(()) } else { Poll::Pending }
    }
}

#[track_stage("later")]
async fn later(result: Result<f64, String>) -> Result<f64, String> {
    let before = 1.0;
    metric!(step = 0, before);
    Once(false).await;
    let value = result?;
    metric!(step = 1, after = value);
    Ok(value)
}

#[test]
fn a_future_that_is_dropped_half_way_is_cancelled() {
    let captured = capture(|| {
        let mut future = Box::pin(later(Ok(2.0)));
        let waker = Waker::from(Arc::new(Idle));
        assert!(future.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        let outside = 5.0;
        metric!(step = 9, outside);
    });
    assert_eq!(text(&captured, "later/status"), "cancelled");
    assert_eq!(captured.rows[0].keys(), ["later/step", "later/before"]);
    assert_eq!(captured.rows[1].keys(), ["step", "outside"], "between polls the thread is not in the stage");
}

#[test]
fn futures_end_well_and_badly() {
    let waker = Waker::from(Arc::new(Idle));
    let run = |result: Result<f64, String>| {
        capture(|| {
            let mut future = pin!(later(result));
            let mut context = Context::from_waker(&waker);
            assert!(future.as_mut().poll(&mut context).is_pending());
            assert!(future.as_mut().poll(&mut context).is_ready());
        })
    };
    let captured = run(Ok(2.0));
    assert_eq!(text(&captured, "later/status"), "ok");
    assert_eq!(captured.metric("later/after"), [2.0]);
    assert_eq!(text(&run(Err("no".into())), "later/status"), "error");
}

#[test]
fn a_future_may_move_between_threads() {
    let capture = Capture::new();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).build().unwrap();
    runtime.block_on(async {
        let tasks: Vec<_> = (0..20)
            .map(|_| {
                tokio::spawn(
                    async {
                        hops(30).await;
                    }
                    .in_stage(capture.context()),
                )
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
    });
    let captured = capture.finish();
    assert_eq!(captured.metric("hops/hop").len(), 600);
    assert!(captured.rows.iter().all(|row| row.keys() == ["hops/step", "hops/hop"]));
    assert_eq!(captured.summary("hops/calls"), Some(&json!(20)));
    assert_eq!(text(&captured, "hops/status"), "ok");
}

#[track_stage("hops")]
async fn hops(count: u32) {
    for hop in 0..count {
        metric!(step = hop, hop);
        tokio::task::yield_now().await;
    }
}

#[test]
fn a_plain_span_is_a_stage() {
    let captured = capture(|| {
        let stage = info_span!("train", stage = "operator", stage.best = "loss=min").entered();
        info!(metric.loss = 0.5, metric.lr = 0.1, step = 3, "epoch done");
        let inner = info_span!("not a stage", x = 1).entered();
        info!(metric.loss = 0.7, step = 4);
        drop((inner, stage));
        info!(metric.loss = 0.9, step = 5);
    });
    assert_eq!(captured.metric("operator/loss"), [0.5, 0.7]);
    assert_eq!(captured.metric("loss"), [0.9]);
    assert_eq!(captured.summary("operator/best_loss"), Some(&json!(0.5)));
    assert!(captured.console.contains("epoch done"), "{}", captured.console);
}

#[test]
fn an_explicit_parent_counts() {
    let captured = capture(|| {
        let stage = info_span!("train", stage = "operator");
        info!(parent: &stage, metric.loss = 0.5, step = 1);
        let inner = info_span!(parent: &stage, "deeper", stage = "deep").entered();
        info!(metric.loss = 0.7, step = 3);
        info!(parent: None, metric.loss = 0.8, step = 4);
        drop(inner);
    });
    assert_eq!(captured.metric("operator/loss"), [0.5]);
    assert_eq!(captured.metric("operator/deep/loss"), [0.7]);
    assert_eq!(captured.metric("loss"), [0.8]);
}

#[test]
fn stage_options_of_the_attribute() {
    #[track_stage("tuned", step = "epoch", summary(loss = "min,max"))]
    fn tuned() {
        for (epoch, loss) in [3.0, 1.0, 2.0].into_iter().enumerate() {
            metric!(step = epoch, loss);
        }
    }
    let captured = capture(tuned);
    assert_eq!(captured.rows[0].keys(), ["tuned/epoch", "tuned/loss"]);
    assert_eq!(captured.definition("tuned/*").unwrap().step, "tuned/epoch");
    assert_eq!(captured.summary("tuned/loss"), Some(&json!({"min": 1.0, "max": 3.0})));
    assert_eq!(captured.definition("tuned/loss").unwrap().summary, ["min", "max"]);
}

/// What cannot be a name makes no stage; that is told, and what is recorded inside is kept.
#[test]
fn names_that_cannot_be_those_of_stages() {
    let captured = capture(|| {
        for name in ["", "_secret", "a//b", "a*", "a/_b"] {
            let _span = info_span!("span", stage = name).entered();
            info!(metric.loss = 1.0, step = 1);
        }
    });
    assert_eq!((captured.metric("loss").len(), captured.refused), (5, 5));
    assert!(captured.definitions.iter().all(|defined| !defined.name.contains('*')), "{captured:?}");
}

/// A name that comes when the span is open already.
#[test]
fn a_name_that_is_recorded_later() {
    let captured = capture(|| {
        let span = info_span!("span", stage = tracing::field::Empty);
        span.record("stage", "before");
        span.in_scope(|| info!(metric.loss = 1.0, step = 1));
        let inside = info_span!("span", stage = tracing::field::Empty).entered();
        info!(metric.loss = 2.0, step = 1);
        inside.record("stage", "inside");
        info!(metric.loss = 3.0, step = 1);
        let four = 4.0;
        metric!(step = 2, loss = four);
    });
    assert_eq!(captured.metric("before/loss"), [1.0]);
    assert_eq!((captured.metric("loss"), captured.metric("inside/loss")), (vec![2.0], vec![3.0, 4.0]));
    assert_eq!(captured.summary("inside/status"), Some(&json!("ok")));
}

/// `a/b` is `b` inside `a`, however it is written: their calls and times are those of one stage.
#[test]
fn a_path_is_one_stage() {
    #[track_stage("a/b")]
    fn by_path() {}
    #[track_stage("a")]
    fn outer() {
        inner();
    }
    #[track_stage("b")]
    fn inner() {}
    let captured = capture(|| {
        by_path();
        outer();
        let _outer = info_span!("a", stage = "a").entered();
        let _inner = info_span!("b", stage = "b").entered();
    });
    assert_eq!(captured.summary("a/b/calls"), Some(&json!(3)), "{:?}", captured.summary);
    assert_eq!(captured.summary("a/calls"), Some(&json!(2)));
}

/// An event with a parent of its own is in that parent's stage, wherever the thread is.
#[test]
fn an_explicit_parent_is_the_stage() {
    let captured = capture(|| {
        let stage = info_span!("stage", stage = "operator");
        info!(parent: &stage, metric.loss = 1.0, step = 1);
        let _other = info_span!("other", stage = "other").entered();
        info!(parent: &stage, metric.loss = 3.0, step = 3);
        info!(parent: None, metric.loss = 4.0, step = 4);
    });
    assert_eq!(captured.metric("operator/loss"), [1.0, 3.0]);
    assert_eq!(captured.metric("loss"), [4.0]);
}

/// What a future drops, it drops in the stage that it was carried in.
#[test]
fn a_dropped_future_is_in_its_stage() {
    struct Last;
    impl Drop for Last {
        fn drop(&mut self) {
            let left = 1.0;
            metric!(step = 1, left);
        }
    }
    let make = || {
        let _stage = info_span!("stage", stage = "operator").entered();
        let last = Last;
        async move {
            let _last = &last;
            std::future::pending::<()>().await;
        }
        .in_current_stage()
    };
    let captured = capture(|| drop(make()));
    assert_eq!(captured.metric("operator/left"), [1.0]);
}

/// What is told once is told once in each run.
#[test]
fn every_run_is_told() {
    let mistake = || info!(metric.loss = "high", step = 1);
    for _ in 0..2 {
        let captured = capture(mistake);
        assert_eq!(captured.summary("ups_track/warnings"), Some(&json!(1)));
    }
}

/// Other layers are told what macros record, once, at level TRACE; ours passes it by.
#[test]
fn other_layers_are_told_if_they_ask() {
    use std::sync::Mutex;
    use tracing_subscriber::layer::{Context as LayerContext, Layer, SubscriberExt as _};

    #[derive(Clone, Default)]
    struct Hears(Arc<Mutex<Vec<String>>>);
    impl<S: tracing::Subscriber> Layer<S> for Hears {
        fn on_event(&self, event: &tracing::Event<'_>, _: LayerContext<'_, S>) {
            let names: Vec<_> = event.metadata().fields().iter().map(|field| field.name()).collect();
            self.0.lock().unwrap().push(format!("{} {}", event.metadata().target(), names.join(",")));
        }
    }
    let dir = tempfile::tempdir().unwrap();
    let run = ups_track::Run::builder().dir(dir.path()).quiet(true).global(false).start().unwrap();
    let hears = Hears::default();
    let subscriber = tracing_subscriber::registry().with(run.layer()).with(hears.clone());
    tracing::subscriber::with_default(subscriber, || {
        // Spans that are no stages are there for the other layer, and hide none.
        let stage = info_span!("stage", stage = "operator");
        let below = info_span!(parent: &stage, "plain");
        info!(parent: &below, metric.loss = 2.0, step = 2);
        hears.0.lock().unwrap().clear();
        run.scope(|_| {
            let loss = 0.5;
            metric!(step = 1, loss);
            metric!(step = 2, ..[("loss", loss)]);
            ups_track::summary!(score = 0.5);
            ups_track::config!(lr = 0.5);
        });
    });
    let heard = hears.0.lock().unwrap().clone();
    assert_eq!(
        heard,
        [
            "ups_track::metric step,metric.loss",
            "ups_track::metric step,values",
            "ups_track::summary summary.score",
            "ups_track::config config.lr"
        ]
    );
    let finished = run.finish().unwrap();
    assert_eq!(finished.rows(), 3);
    let side = finished.dir().unwrap().join("files/wandb-summary.json");
    let side: Value = serde_json::from_str(&std::fs::read_to_string(side).unwrap()).unwrap();
    assert_eq!(side["operator/loss"], json!(2.0));
}
