//! Stages on every form of function.

use ups_track::testing::capture;
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

#[track_stage("deep")]
fn recurse(n: u32) -> u32 {
    metric!(step = n, n);
    if n == 0 { 0 } else { recurse(n - 1) }
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
    let keys: Vec<_> = captured.rows.iter().map(|row| row.keys().join(" ")).collect();
    assert_eq!(
        keys,
        [
            "method/step method/count",
            "trait/step trait/total",
            "generic/step generic/sum",
            "opaque/step opaque/n"
        ]
    );
    for stage in ["method", "by_value", "trait", "generic", "opaque", "early"] {
        assert_eq!(captured.summary(&format!("{stage}/status")), Some(&"ok".into()), "{stage}");
    }
}

#[test]
fn recursion_joins_again_and_again() {
    let captured = capture(|| assert_eq!(recurse(2), 0));
    assert_eq!(captured.metric("deep/n"), [2.0]);
    assert_eq!(captured.metric("deep/deep/n"), [1.0]);
    assert_eq!(captured.metric("deep/deep/deep/n"), [0.0]);
}
