//! What training and distillation share: updates of a denoiser's weights towards given clean fields.

use super::{Denoiser, Sample, Scaling, noise, with_level};
use crate::network::{Descent, Shape, squared_error};

/// How to train a denoiser, or to distil one.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainConfig {
    /// The network's size; the conditions are counted from the samples, and a student is as large as its teacher.
    pub shape: Shape,
    /// Noisy fields per update of the weights (at least 1).
    pub batch_size: usize,
    /// Adam's learning rate at the start.
    pub learning_rate: f64,
    /// Updates over which the learning rate falls.
    pub updates: usize,
    /// Seed of the weights and of the noise.
    pub seed: u64,
}

/// What some updates did, on average.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Round {
    /// The loss.
    pub loss: f64,
    /// The noise level.
    pub sigma: f64,
    /// L2 norm of the gradient before clipping.
    pub grad_norm: f64,
    /// Learning rate.
    pub lr: f64,
}

impl Round {
    pub(super) fn mean(rounds: &[Self]) -> Self {
        let share = 1.0 / rounds.len().max(1) as f64;
        let add = |a: Self, b: &Self| Self {
            loss: a.loss + share * b.loss,
            sigma: a.sigma + share * b.sigma,
            grad_norm: a.grad_norm + share * b.grad_norm,
            lr: a.lr + share * b.lr,
        };
        rounds.iter().fold(Self::default(), add)
    }
}

/// One noisy field and what should come out.
pub(super) struct Task {
    pub(super) noisy: Vec<f64>,
    pub(super) sigma: f64,
    pub(super) clean: Vec<f64>,
    /// What the squared error counts.
    pub(super) weight: f64,
}

impl Task {
    /// Noise of the level `sigma` is to be taken away; no level counts more than another.
    pub(super) fn denoise(field: &[f64], sigma: f64, rng: &mut fastrand::Rng) -> Self {
        let noisy = field.iter().map(|x| x + sigma * noise::normal(rng)).collect();
        Self { noisy, sigma, clean: field.to_vec(), weight: Scaling::at(sigma).out.powi(-2) }
    }
}

/// A denoiser and the descent of its weights.
pub(super) struct Learner {
    pub(super) denoiser: Denoiser,
    batch_size: usize,
    descent: Descent,
    rng: fastrand::Rng,
}

impl Learner {
    pub(super) fn new(denoiser: Denoiser, samples: &[Sample], config: &TrainConfig) -> Self {
        let points = samples.first().map_or(0, |sample| sample.field.len());
        Self {
            batch_size: config.batch_size.max(1),
            descent: Descent::new(&denoiser.network, points, config.learning_rate, config.updates),
            denoiser,
            rng: fastrand::Rng::with_seed(config.seed.wrapping_add(1)),
        }
    }

    /// One update, for a batch of `samples`, of which `task` makes what is to be done.
    pub(super) fn update(
        &mut self,
        samples: &[Sample],
        mut task: impl FnMut(&Sample, &mut fastrand::Rng) -> Task,
    ) -> Round {
        let mut round = Round::default();
        for _ in 0..self.batch_size {
            let Some(sample) = self.rng.choice(samples) else { return round };
            let task = task(sample, &mut self.rng);
            round.loss += self.add(&task, &sample.conditions);
            round.sigma += task.sigma / self.batch_size as f64;
        }
        let update = self.descent.update(&mut self.denoiser.network);
        Round { grad_norm: update.grad_norm, lr: update.lr, ..round }
    }

    /// Adds `weight |denoise(noisy) - clean|^2` to the batch, and returns its share.
    fn add(&mut self, task: &Task, conditions: &[f64]) -> f64 {
        let Scaling { skip, out, into } = Scaling::at(task.sigma);
        let n = task.noisy.len();
        let input: Vec<f64> = task.noisy.iter().map(|x| into * x).collect();
        let wanted = task.clean.iter().zip(&task.noisy).map(|(clean, x)| (clean - skip * x) / out);
        let wanted: Vec<f64> = wanted.collect();
        let scale = task.weight * out * out / (n * self.batch_size) as f64;
        let given = with_level(conditions, task.sigma, n);
        self.descent.add(&self.denoiser.network, &input, &given, |output, cotangent| {
            squared_error(scale, output, &wanted, cotangent)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::burgers::score;
    use crate::diffusion::tests::{config, samples};

    #[test]
    fn the_loss_is_the_weighted_error_of_the_denoised_fields() {
        let samples = samples();
        let frozen = TrainConfig { learning_rate: 0.0, ..config(1) };
        let denoiser = Denoiser::new(Shape { conditions: 1, ..frozen.shape }, 1.0, 4);
        let mut learner = Learner::new(denoiser.clone(), &samples.train, &frozen);
        for weight in [None, Some(3.0)] {
            let mut expected = 0.0;
            let round = learner.update(&samples.train, |sample, rng| {
                let mut task = Task::denoise(&sample.field, noise::level(rng), rng);
                task.weight = weight.unwrap_or(task.weight);
                let clean = denoiser.denoise(&task.noisy, task.sigma, &sample.conditions);
                expected += task.weight * score::mse(&clean, &sample.field) / frozen.batch_size as f64;
                task
            });
            assert!((round.loss - expected).abs() < 1e-12 * expected, "{} and {expected}", round.loss);
            assert!(round.grad_norm > 0.0);
        }
    }

    #[test]
    fn the_weights_go_down_the_gradient() {
        let samples = samples();
        let mut learner = Learner::new(Denoiser::new(config(1).shape, 1.0, 4), &samples.train, &config(1));
        let first = &samples.train[0];
        let mut loss = || {
            let task = |_: &Sample, _: &mut fastrand::Rng| Task {
                noisy: vec![0.5; 16],
                sigma: 1.0,
                clean: first.field.clone(),
                weight: 1.0,
            };
            learner.update(&samples.train[..1], task).loss
        };
        let losses: Vec<f64> = (0..5).map(|_| loss()).collect();
        assert!(losses.windows(2).all(|pair| pair[1] < pair[0]), "{losses:?}");
    }
}
