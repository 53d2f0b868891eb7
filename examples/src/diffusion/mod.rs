//! Diffusion models of fields: a network that takes noise away, and what can be done with one.
//!
//! A [`Denoiser`] is trained on fields to which Gaussian noise of level `sigma` was added, for all levels. Starting from
//! pure noise, a few steps of it draw a new field that looks like those ([`Denoiser::sample`]); distilled into a
//! consistency model, one step is enough ([`Denoiser::sample_at_once`]).
//!
//! * [`noise`]: Gaussian draws, and the levels;
//! * [`samples`]: what is learned: the residuals of an operator, or the late states of Burgers' equation;
//! * [`denoise`]: the training of a denoiser;
//! * [`distill`]: its distillation into one step.
//!
//! The parametrisation is that of Karras et al., "Elucidating the design space of diffusion-based generative models",
//! `NeurIPS` 2022, for data of variance 1.

pub mod denoise;
pub mod distill;
mod learn;
pub mod noise;
pub mod samples;

pub use denoise::DenoiseTrainer;
pub use distill::Distiller;
pub use learn::{Round, TrainConfig};
pub use samples::{Sample, Samples};

use crate::network::{Network, Shape};

/// How much of a noisy field passes by the network, what goes in and what comes out, at one level.
#[derive(Clone, Copy, Debug)]
struct Scaling {
    skip: f64,
    out: f64,
    into: f64,
}

impl Scaling {
    /// Input and target of the network have variance 1 at every level.
    fn at(sigma: f64) -> Self {
        let variance = 1.0 + sigma * sigma;
        Self { skip: 1.0 / variance, out: sigma / variance.sqrt(), into: 1.0 / variance.sqrt() }
    }
}

/// A network that estimates a clean field from a noisy one; it may be given further fields.
///
/// Fields have variance 1; [`unit`](Self::unit) says how much that is.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Denoiser {
    network: Network,
    unit: f64,
}

impl Denoiser {
    /// An untrained denoiser. The network gets one condition more than `shape` asks for: the noise level.
    pub fn new(shape: Shape, unit: f64, seed: u64) -> Self {
        let shape = Shape { conditions: shape.conditions + 1, conservative: false, ..shape };
        Self { network: Network::new(shape, seed), unit }
    }

    /// The network.
    pub fn network(&self) -> &Network {
        &self.network
    }

    /// What a value of 1 is, in units of the field that was learned.
    pub fn unit(&self) -> f64 {
        self.unit
    }

    /// Estimates the clean field from `noisy`, shape `(n,)`, at the level `sigma`, given `conditions`, shape `(.., n)`.
    pub fn denoise(&self, noisy: &[f64], sigma: f64, conditions: &[f64]) -> Vec<f64> {
        let Scaling { skip, out, into } = Scaling::at(sigma);
        let input: Vec<f64> = noisy.iter().map(|x| into * x).collect();
        let output = self.network.predict_given(&input, &with_level(conditions, sigma, noisy.len()));
        noisy.iter().zip(output).map(|(x, f)| skip * x + out * f).collect()
    }

    /// Draws a field in `steps` steps from noise that is `tau` times as strong as in training: with `tau` 1 as varied as
    /// the data, with `tau` 0 always the same, the one in the middle.
    pub fn sample(
        &self,
        steps: usize,
        tau: f64,
        conditions: &[f64],
        n: usize,
        rng: &mut fastrand::Rng,
    ) -> Vec<f64> {
        let mut field = start(tau, n, rng);
        for pair in noise::ladder(steps).windows(2) {
            let &[above, below] = pair else { continue };
            field = self.descend(&field, above, below, conditions);
        }
        field
    }

    /// Draws a field in one step, which is good for a distilled denoiser.
    pub fn sample_at_once(
        &self,
        tau: f64,
        conditions: &[f64],
        n: usize,
        rng: &mut fastrand::Rng,
    ) -> Vec<f64> {
        self.denoise(&start(tau, n, rng), noise::LEVELS.1, conditions)
    }

    /// From the level `above` to the level `below`: one Euler step of the probability flow.
    fn descend(&self, noisy: &[f64], above: f64, below: f64, conditions: &[f64]) -> Vec<f64> {
        let clean = self.denoise(noisy, above, conditions);
        noisy.iter().zip(clean).map(|(x, clean)| clean + below / above * (x - clean)).collect()
    }
}

/// Noise of the largest level, times `tau`.
fn start(tau: f64, n: usize, rng: &mut fastrand::Rng) -> Vec<f64> {
    (0..n).map(|_| tau * noise::LEVELS.1 * noise::normal(rng)).collect()
}

/// The conditions, and the noise level as a constant field.
fn with_level(conditions: &[f64], sigma: f64, n: usize) -> Vec<f64> {
    let mut all = conditions.to_vec();
    all.resize(conditions.len() + n, 0.25 * sigma.max(1e-9).ln());
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::burgers::Waves;

    /// Sums of two waves, given the sum's first: the second is left to guess.
    pub(super) fn samples() -> Samples {
        let mut rng = fastrand::Rng::with_seed(7);
        let mut sample = |_| {
            let (first, second) = (Waves::random(1, &mut rng), Waves::random(1, &mut rng));
            let given = first.sample(16);
            let field = given.iter().zip(second.sample(16)).map(|(a, b)| 1.2 * a + 0.8 * b).collect();
            Sample { field, conditions: given }
        };
        Samples { unit: 1.0, train: (0..64).map(&mut sample).collect(), test: (0..16).map(sample).collect() }
    }

    pub(super) fn config(updates: usize) -> TrainConfig {
        let shape = Shape { channels: 8, radius: 3, steps: 3, ..Shape::default() };
        TrainConfig { shape, batch_size: 8, learning_rate: 1e-2, updates, seed: 0 }
    }

    fn draw(tau: f64, seed: u64) -> [Vec<f64>; 2] {
        let shape = Shape { channels: 4, radius: 2, steps: 2, conditions: 1, conservative: false };
        let denoiser = Denoiser::new(shape, 1.0, 3);
        let given = [0.5; 16];
        let mut rng = fastrand::Rng::with_seed(seed);
        [denoiser.sample(4, tau, &given, 16, &mut rng), denoiser.sample_at_once(tau, &given, 16, &mut rng)]
    }

    #[test]
    fn draws_follow_the_seed_and_collapse_without_noise() {
        assert_eq!(draw(1.0, 1), draw(1.0, 1));
        for (one, other) in draw(1.0, 1).iter().zip(&draw(1.0, 2)) {
            assert_ne!(one, other);
        }
        assert_eq!(draw(0.0, 1), draw(0.0, 2));
    }

    #[test]
    fn nothing_is_taken_away_where_there_is_no_noise() {
        let denoiser = Denoiser::new(Shape::default(), 1.0, 3);
        let field: Vec<f64> = (0..16).map(f64::from).collect();
        let same = denoiser.denoise(&field, 0.0, &[]);
        assert!(same.iter().zip(&field).all(|(a, b)| (a - b).abs() < 1e-12));
    }
}
