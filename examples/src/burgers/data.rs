//! Seeded pairs of fields `(u(0), u(T))` for supervised learning.

use super::{Waves, solver};

/// The solver's grid is this much finer than the one the pairs live on, so that the truth is the
/// equation's and not the coarse grid's.
const REFINEMENT: usize = 2;

/// What to draw; the default is a problem whose waves have just become shocks.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct DataConfig {
    /// Grid points of each field.
    pub points: usize,
    /// Fourier modes of the initial conditions (see [`Waves::random`]).
    pub modes: usize,
    /// Viscosity.
    pub nu: f64,
    /// The time `T` between the two fields of a pair.
    pub time: f64,
    /// Pairs to train on.
    pub train: usize,
    /// Pairs held out.
    pub test: usize,
    /// Seed of the draw; equal configurations give equal data, up to the rounding of the platform's `sin`.
    pub seed: u64,
}

impl Default for DataConfig {
    fn default() -> Self {
        Self { points: 64, modes: 3, nu: 0.01, time: 0.2, train: 256, test: 64, seed: 0 }
    }
}

/// One sample: both fields have shape `(points,)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Pair {
    /// The field at time 0.
    pub initial: Vec<f64>,
    /// The field at time `T`.
    pub end: Vec<f64>,
}

/// Pairs to train on and pairs held out, drawn independently; all fields have `config().points` points.
#[derive(Clone, Debug, PartialEq)]
pub struct Dataset {
    config: DataConfig,
    train: Vec<Pair>,
    test: Vec<Pair>,
}

impl Dataset {
    /// Draws the initial conditions and solves each of them.
    pub fn generate(config: &DataConfig) -> Self {
        let mut rng = fastrand::Rng::with_seed(config.seed);
        let mut draw = |count: usize| (0..count).map(|_| pair(config, &mut rng)).collect();
        Self { train: draw(config.train), test: draw(config.test), config: config.clone() }
    }

    /// What was drawn.
    pub fn config(&self) -> &DataConfig {
        &self.config
    }

    /// The pairs to train on: `config().train` of them.
    pub fn train(&self) -> &[Pair] {
        &self.train
    }

    /// The held-out pairs: `config().test` of them.
    pub fn test(&self) -> &[Pair] {
        &self.test
    }
}

fn pair(config: &DataConfig, rng: &mut fastrand::Rng) -> Pair {
    let waves = Waves::random(config.modes, rng);
    let fine = solver::solve(config.nu, &waves.sample(config.points * REFINEMENT), config.time);
    Pair { initial: waves.sample(config.points), end: fine.into_iter().step_by(REFINEMENT).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::burgers::{exact, score};

    #[test]
    fn pairs_follow_the_equation_and_the_seed() {
        let config = DataConfig { train: 2, test: 1, ..DataConfig::default() };
        let data = Dataset::generate(&config);
        assert_eq!((data.train.len(), data.test.len()), (2, 1));
        assert_eq!(data, Dataset::generate(&config));
        assert_ne!(data.train, Dataset::generate(&DataConfig { seed: 1, ..config.clone() }).train);

        let waves = Waves::random(config.modes, &mut fastrand::Rng::with_seed(config.seed));
        let truth = exact::field(&waves, config.nu, config.time, config.points);
        let gap = score::nrmse(&data.train[0].end, &truth);
        assert!(gap < 1e-3, "{gap}");
    }
}
