//! Strict mode: what only running can show is a panic where it happens.

use std::panic::{AssertUnwindSafe, catch_unwind};

use tracing::info;
use ups_track::testing::Capture;
use ups_track::{metric, track_stage};

/// What the code panics with in strict mode; it does not panic otherwise.
#[track_caller]
fn panics(code: impl Fn()) -> String {
    let lenient = Capture::new();
    let guard = lenient.enter();
    code();
    drop(guard);
    drop(lenient.finish());

    let strict = Capture::new().strict();
    let guard = strict.enter();
    let caught = catch_unwind(AssertUnwindSafe(&code)).unwrap_err();
    // A second time as well, and the recorder still works.
    assert!(catch_unwind(AssertUnwindSafe(&code)).is_err());
    let fine = 1.0;
    metric!(step = 1, fine);
    drop(guard);
    assert_eq!(strict.finish().metric("fine"), [1.0]);
    caught.downcast_ref::<String>().unwrap().clone()
}

#[test]
fn mistakes_that_only_running_shows_panic() {
    let line = line!() + 1;
    let text = panics(|| info!(metric.loss = "high", step = 1));
    assert!(text.starts_with("ups-track is strict: "), "{text}");
    assert!(text.contains(&format!("rules/strict.rs:{line}: ")) && text.contains("config.loss"), "{text}");
    for (code, said) in [
        ((|| info!(metric.loss = 1.0)) as fn(), "no step"),
        (|| info!(summary._loss = 1.0), "reserved"),
        (|| info!("summary.a " = 1.0), "recorded under that name"),
        (|| info!(file.path = "no such file", file.policy = "soon"), "not now, end or live"),
        (|| metric!(step = 1, ..[("a", 1.0), ("a", 2.0)]), "twice"),
    ] {
        let text = panics(code);
        assert!(text.contains(said), "{text}");
    }
}

#[test]
fn a_thread_without_the_stage_panics() {
    #[track_stage("operator")]
    fn train(capture: &Capture) -> std::thread::Result<()> {
        std::thread::scope(|scope| {
            let worker = scope.spawn(|| {
                let _guard = capture.enter();
                let loss = 0.5;
                metric!(step = 1, loss);
            });
            worker.join()
        })
    }
    let capture = Capture::new().strict();
    let _guard = capture.enter();
    let panic = train(&capture).unwrap_err();
    assert!(panic.downcast_ref::<String>().unwrap().contains("ups_track::carry"));
}
