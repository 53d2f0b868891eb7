//! Stages on every form of function.

use std::fmt::Display;

use serde_json::{Value, json};
use ups_track::testing::{Capture, Captured, capture};
use ups_track::{metric, track_stage};

struct Trainer {
    losses: Vec<f64>,
}

impl Trainer {
    #[track_stage("method")]
    fn first_mut(&mut self) -> Result<&mut f64, String> {
        let count = self.losses.len();
        metric!(step = 0, count);
        self.losses.first_mut().ok_or_else(|| "empty".to_owned())
    }

    #[track_stage("by_value")]
    fn into_losses(self) -> Vec<f64> {
        self.losses
    }
}

trait Fit {
    fn fit(&self) -> f64;

    #[track_stage("default")]
    fn fit_twice(&self) -> f64 {
        let both = self.fit() + self.fit();
        metric!(step = 2, both);
        both
    }
}

impl Fit for Trainer {
    #[track_stage("trait")]
    fn fit(&self) -> f64 {
        let total = self.losses.iter().sum();
        metric!(step = 1, total = total);
        total
    }
}

#[track_stage("generic")]
fn generic<T: Into<f64> + Copy, const N: usize>(values: [T; N]) -> f64 {
    let sum = values.into_iter().map(Into::into).sum::<f64>();
    metric!(step = N, sum);
    sum
}

#[track_stage("opaque")]
fn opaque(n: u32) -> impl Iterator<Item = u32> {
    metric!(step = n, n);
    0..n
}

#[track_stage("early")]
fn early(stop: bool) -> u32 {
    if stop {
        return 1;
    }
    2
}

#[track_stage("longest")]
fn longest<'a>(a: &'a str, b: &'a str) -> &'a str {
    let longer = if a.len() > b.len() { a } else { b };
    metric!(step = 0, length = longer.len());
    longer
}

#[track_stage("arguments")]
fn arguments(values: impl IntoIterator<Item = impl Display>, mut each: impl FnMut(String)) -> usize {
    let mut count = 0;
    for value in values {
        metric!(step = count, count);
        each(value.to_string());
        count += 1;
    }
    count
}

#[track_stage("opaque_result")]
fn opaque_result(fail: bool) -> Result<impl Iterator<Item = u8>, String> {
    let limit = parse(if fail { "x" } else { "3" })?;
    Ok(0..limit)
}

#[track_stage("parse", err)]
fn parse(text: &str) -> Result<u8, String> {
    text.parse::<u8>().map_err(|error| format!("`{text}`: {error}"))
}

#[track_stage("never")]
fn never(reason: &str) -> ! {
    let last = 1.0;
    metric!(step = 0, last);
    panic!("{reason}");
}

#[track_stage("patterns")]
fn patterns((a, b): (u8, u8), [first, ..]: [u8; 3], mut n: u8) -> u8 {
    n += a + b + first;
    metric!(step = 0, n);
    n
}

#[track_stage("deep")]
fn recurse(n: u32) -> u32 {
    metric!(step = n, n);
    if n == 0 { 0 } else { recurse(n - 1) }
}

fn status<'a>(captured: &'a Captured, stage: &str) -> Option<&'a str> {
    captured.summary(&format!("{stage}/status")).and_then(Value::as_str)
}

fn keys(captured: &Captured) -> Vec<String> {
    captured.rows.iter().map(|row| row.keys().join(" ")).collect()
}

#[test]
fn every_form_records_under_its_name() {
    let captured = capture(|| {
        let mut trainer = Trainer { losses: vec![1.0, 2.0] };
        *trainer.first_mut().unwrap() += 4.0;
        assert!((trainer.fit() - 7.0).abs() < 1e-9);
        assert_eq!(trainer.into_losses(), [5.0, 2.0]);
        assert!((generic([1.0_f32, 2.0]) - 3.0).abs() < 1e-9);
        assert_eq!(opaque(3).count(), 3);
        assert_eq!((early(true), early(false)), (1, 2));
    });
    assert_eq!(
        keys(&captured),
        [
            "method/step method/count",
            "trait/step trait/total",
            "generic/step generic/sum",
            "opaque/step opaque/n"
        ]
    );
    for stage in ["method", "by_value", "trait", "generic", "opaque", "early"] {
        assert_eq!(status(&captured, stage), Some("ok"), "{stage}");
        let duration = captured.summary(&format!("{stage}/duration_s")).and_then(Value::as_f64);
        assert!(duration.is_some_and(|seconds| seconds >= 0.0), "{stage}: {duration:?}");
    }
}

#[test]
fn a_trait_brings_a_stage_and_its_implementation_one_inside() {
    let captured = capture(|| {
        let trainer = Trainer { losses: vec![1.0, 2.0] };
        assert!((trainer.fit_twice() - 6.0).abs() < 1e-9);
    });
    let inside = "default/trait/step default/trait/total";
    assert_eq!(keys(&captured), [inside, inside, "default/step default/both"]);
    assert_eq!(captured.summary("default/trait/calls"), Some(&json!(2)));
}

#[test]
fn lifetimes_patterns_and_arguments_of_any_type() {
    let captured = capture(|| {
        let owned = "long".to_owned();
        assert_eq!(longest(&owned, "abc"), "long");
        let mut seen = Vec::new();
        assert_eq!(arguments([1.5, 2.5], |text| seen.push(text)), 2);
        assert_eq!(seen, ["1.5", "2.5"]);
        assert_eq!(patterns((1, 2), [3, 4, 5], 6), 12);
    });
    assert_eq!(captured.metric("longest/length"), [4.0]);
    assert_eq!(captured.metric("arguments/count"), [0.0, 1.0]);
    assert_eq!(captured.metric("patterns/n"), [12.0]);
}

#[test]
fn a_question_mark_ends_each_stage_on_its_way() {
    let captured = capture(|| assert_eq!(opaque_result(false).map(Iterator::count), Ok(3)));
    let of = |captured: &Captured| {
        ["opaque_result", "opaque_result/parse"].map(|stage| status(captured, stage).map(str::to_owned))
    };
    assert_eq!(of(&captured), [Some("ok".to_owned()), Some("ok".to_owned())]);
    assert_eq!(captured.alerts, []);
    let captured = capture(|| assert!(opaque_result(true).is_err()));
    assert_eq!(of(&captured), [Some("error".to_owned()), Some("error".to_owned())]);
    let alerts: Vec<_> =
        captured.alerts.iter().map(|alert| (alert.title.as_str(), alert.text.as_str())).collect();
    assert_eq!(alerts, [("stage `parse` failed", "`x`: invalid digit found in string")]);
}

#[test]
fn a_function_that_never_returns_ends_by_its_panic() {
    let capture = Capture::new();
    let caught = capture.context().in_scope(|| std::panic::catch_unwind(|| -> () { never("on purpose") }));
    let message = caught.unwrap_err().downcast::<String>().unwrap();
    assert_eq!(*message, "on purpose", "the panic is the user's own");
    let captured = capture.finish();
    assert_eq!(status(&captured, "never"), Some("panic"));
    assert_eq!(captured.metric("never/last"), [1.0]);
}

/// A panic below a stage that catches it: the inner one has panicked, the outer one has not.
#[test]
fn a_panic_that_is_caught_is_no_outcome_of_the_stage_around() {
    #[track_stage("careful")]
    fn careful() -> bool {
        let caught = std::panic::catch_unwind(|| -> () { never("on purpose") });
        let after = 2.0;
        metric!(step = 1, after);
        caught.is_err()
    }
    let captured = capture(|| assert!(careful()));
    assert_eq!(status(&captured, "careful"), Some("ok"));
    assert_eq!(status(&captured, "careful/never"), Some("panic"));
    assert_eq!(captured.rows[1].keys(), ["careful/step", "careful/after"], "the inner stage is left");
}

#[track_stage("worker")]
fn worker(rows: u32) -> Result<u32, String> {
    for n in 0..rows {
        metric!(step = n, n);
        inner(n);
    }
    Ok(rows)
}

#[track_stage("inner")]
fn inner(n: u32) {
    metric!(step = n, twice = n * 2);
}

#[test]
fn one_function_on_many_threads_at_once() {
    let capture = Capture::new();
    let start = std::sync::Barrier::new(8);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                capture.context().in_scope(|| {
                    start.wait();
                    assert_eq!(worker(500), Ok(500));
                });
            });
        }
    });
    let captured = capture.finish();
    assert_eq!((captured.rows.len(), captured.lost, captured.refused), (8000, 0, 0));
    assert_eq!(captured.metric("worker/n").len(), 4000);
    assert_eq!(captured.metric("worker/inner/twice").len(), 4000);
    let mut rows = captured.metric("worker/n");
    rows.sort_by(f64::total_cmp);
    let expected: Vec<f64> = (0..500).flat_map(|n| [f64::from(n); 8]).collect();
    assert_eq!(rows, expected);
    assert_eq!(captured.summary("worker/calls"), Some(&json!(8)));
    assert_eq!(captured.summary("worker/inner/calls"), Some(&json!(4000)));
    assert_eq!((status(&captured, "worker"), status(&captured, "worker/inner")), (Some("ok"), Some("ok")));
}

#[test]
fn recursion_joins_again_and_again() {
    let captured = capture(|| assert_eq!(recurse(2), 0));
    assert_eq!(captured.metric("deep/n"), [2.0]);
    assert_eq!(captured.metric("deep/deep/n"), [1.0]);
    assert_eq!(captured.metric("deep/deep/deep/n"), [0.0]);
}

/// A macro of the program's may expand to many calls, which all are at one place of it.
#[test]
fn calls_of_one_macro_keep_their_keys() {
    use ups_track::{Key, Metrics};

    const A: Key = Key::new("a");
    const B: Key = Key::new("b");
    #[derive(Metrics)]
    struct First {
        first: f64,
    }
    #[derive(Metrics)]
    struct Second {
        second: f64,
    }
    macro_rules! both {
        ($value:expr) => {
            let value = $value;
            metric!(step = 1, { A } = value);
            metric!(step = 1, { B } = value);
            metric!(step = 1, ..First { first: value });
            metric!(step = 1, ..Second { second: value });
            metric!(step = 1, c = value, ..First { first: value });
            metric!(step = 1, d = value, ..First { first: value });
            metric!(step = 1, ..[("e", value)]);
            metric!(step = 1, ..[("f", value)]);
        };
    }
    let captured = capture(|| {
        for turn in 0..3 {
            both!(f64::from(turn));
        }
    });
    for key in ["a", "b", "second", "c", "d", "e", "f"] {
        assert_eq!(captured.metric(key), [0.0, 1.0, 2.0], "{key}: {:?}", captured.rows);
    }
    assert_eq!(captured.metric("first").len(), 9);
}
