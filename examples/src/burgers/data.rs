//! Seeded pairs of fields `(u(0), u(T))` for supervised learning.

use super::{Solver, Waves};

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
    /// The smallest value of each initial field: the mean flow is chosen so. Burgers' equation keeps a positive field
    /// positive. Without it the mean flow is drawn, and fields have both signs.
    pub floor: Option<f64>,
    /// The time `T` between the two fields of a pair.
    pub time: f64,
    /// Pairs per initial field: the field at `0` and `T`, at `T` and `2 T`, ... (at least 1).
    pub jumps: usize,
    /// Initial fields to train on.
    pub train: usize,
    /// Initial fields held out.
    pub test: usize,
    /// Seed of the draw; equal configurations give equal data, up to the rounding of the platform's `sin`.
    pub seed: u64,
}

impl Default for DataConfig {
    fn default() -> Self {
        Self {
            points: 64,
            modes: 3,
            nu: 0.01,
            floor: None,
            time: 0.2,
            jumps: 1,
            train: 256,
            test: 64,
            seed: 0,
        }
    }
}

/// One sample: both fields have shape `(points,)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Pair {
    /// The field before the jump; at time 0 for the first pair of a trajectory.
    pub initial: Vec<f64>,
    /// The field at a time `T` later.
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
        let mut draw = |count: usize| (0..count).flat_map(|_| trajectory(config, &mut rng)).collect();
        Self { train: draw(config.train), test: draw(config.test), config: config.clone() }
    }

    /// What was drawn.
    pub fn config(&self) -> &DataConfig {
        &self.config
    }

    /// The pairs to train on: `config().train * config().jumps` of them, one trajectory after the other.
    pub fn train(&self) -> &[Pair] {
        &self.train
    }

    /// The held-out pairs: `config().test * config().jumps` of them, one trajectory after the other.
    pub fn test(&self) -> &[Pair] {
        &self.test
    }

    /// The held-out pairs by trajectory: each pair begins where the one before ends.
    pub fn test_trajectories(&self) -> impl Iterator<Item = &[Pair]> {
        self.test.chunks(self.config.jumps.max(1))
    }
}

fn trajectory(config: &DataConfig, rng: &mut fastrand::Rng) -> Vec<Pair> {
    let mut waves = Waves::random(config.modes, rng);
    let mut fine = waves.sample(config.points * REFINEMENT);
    if let Some(floor) = config.floor {
        let shift = floor - fine.iter().copied().fold(f64::INFINITY, f64::min);
        waves.mean += shift;
        for u in &mut fine {
            *u += shift;
        }
    }
    let mut initial = waves.sample(config.points);
    let mut solver = Solver::new(config.nu, &fine);
    let jump = |k: usize| {
        solver.advance_to(config.time * k as f64);
        let end: Vec<f64> = solver.state().iter().copied().step_by(REFINEMENT).collect();
        Pair { initial: std::mem::replace(&mut initial, end.clone()), end }
    };
    (1..=config.jumps.max(1)).map(jump).collect()
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

    #[test]
    fn a_trajectory_goes_on_where_it_was_and_keeps_its_floor() {
        let config = DataConfig {
            points: 32,
            nu: 0.02,
            jumps: 3,
            floor: Some(0.1),
            train: 0,
            test: 2,
            ..DataConfig::default()
        };
        let data = Dataset::generate(&config);
        let trajectories: Vec<_> = data.test_trajectories().collect();
        assert_eq!(trajectories.iter().map(|pairs| pairs.len()).collect::<Vec<_>>(), [3, 3]);
        for pairs in trajectories {
            assert!(pairs.windows(2).all(|two| two[0].end == two[1].initial));
            let low = |u: &[f64]| u.iter().copied().fold(f64::INFINITY, f64::min);
            assert!((low(&pairs[0].initial) - 0.1).abs() < 0.02);
            assert!(pairs.iter().all(|pair| low(&pair.end) > 0.09));
        }
    }
}
