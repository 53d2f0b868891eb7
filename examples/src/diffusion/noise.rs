//! Gaussian noise and its levels.

use std::f64::consts::TAU;

/// The smallest and the largest noise level, in units of the data. At the largest, little of the data is left to see; at
/// the smallest, next to nothing is left to remove.
pub const LEVELS: (f64, f64) = (0.05, 5.0);

/// One draw from the normal distribution (Box & Muller 1958).
pub fn normal(rng: &mut fastrand::Rng) -> f64 {
    let radius = (-2.0 * (1.0 - rng.f64()).ln()).sqrt();
    radius * (TAU * rng.f64()).cos()
}

/// `n` independent draws.
pub fn field(n: usize, rng: &mut fastrand::Rng) -> Vec<f64> {
    (0..n).map(|_| normal(rng)).collect()
}

/// A level between [`LEVELS`], uniform in its logarithm.
pub fn level(rng: &mut fastrand::Rng) -> f64 {
    between(rng.f64())
}

/// `steps` levels from the largest to the smallest, evenly spaced in their logarithm, and then 0: a sampler of `steps`
/// steps goes from one to the next.
pub fn ladder(steps: usize) -> Vec<f64> {
    let last = steps.saturating_sub(1).max(1) as f64;
    (0..steps).map(|i| between(1.0 - i as f64 / last)).chain([0.0]).collect()
}

/// The smallest level at 0, the largest at 1.
fn between(share: f64) -> f64 {
    LEVELS.0 * (LEVELS.1 / LEVELS.0).powf(share)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_are_standard_normal() {
        let draws = field(20_000, &mut fastrand::Rng::with_seed(1));
        let moment = |k: i32| draws.iter().map(|x| x.powi(k)).sum::<f64>() / draws.len() as f64;
        assert!(moment(1).abs() < 0.03 && (moment(2) - 1.0).abs() < 0.05 && (moment(4) - 3.0).abs() < 0.3);
    }

    #[test]
    fn a_ladder_falls_from_the_largest_level_to_nothing() {
        let ladder = ladder(4);
        assert_eq!(ladder.len(), 5);
        assert!((ladder[0] - LEVELS.1).abs() < 1e-12 && (ladder[3] - LEVELS.0).abs() < 1e-12);
        assert!(ladder.windows(2).all(|pair| pair[1] < pair[0]) && ladder[4].abs() < 1e-300);
        let mut rng = fastrand::Rng::with_seed(2);
        assert!((0..100).all(|_| (LEVELS.0..=LEVELS.1).contains(&level(&mut rng))));
    }
}
