//! The training of a denoiser.

use super::learn::{Learner, Task};
use super::{Denoiser, Round, Samples, TrainConfig, noise};
use crate::burgers::score;
use crate::network::Shape;

/// Trains a [`Denoiser`]; equal seeds give equal runs.
pub struct DenoiseTrainer<'a> {
    samples: &'a Samples,
    learner: Learner,
}

impl<'a> DenoiseTrainer<'a> {
    /// Starts from a fresh denoiser.
    pub fn new(samples: &'a Samples, config: &TrainConfig) -> Self {
        let first = samples.train.first();
        let conditions = first.map_or(0, |sample| sample.conditions.len() / sample.field.len().max(1));
        let denoiser = Denoiser::new(Shape { conditions, ..config.shape }, samples.unit, config.seed);
        Self { samples, learner: Learner::new(denoiser, &samples.train, config) }
    }

    /// The denoiser as trained so far.
    pub fn model(&self) -> &Denoiser {
        &self.learner.denoiser
    }

    /// Updates the weights `updates` times. The loss is the mean squared error of the denoised fields, scaled so that a
    /// network that puts out nothing scores 1 at every level.
    pub fn round(&mut self, updates: usize) -> Round {
        let train = &self.samples.train;
        let mut update =
            || self.learner.update(train, |sample, rng| Task::denoise(&sample.field, noise::level(rng), rng));
        Round::mean(&(0..updates).map(|_| update()).collect::<Vec<_>>())
    }

    /// The mean squared error of the held-out fields after denoising, in units of their variance. Fields, levels and
    /// noise are the same each time.
    pub fn validate(&self) -> f64 {
        let mut rng = fastrand::Rng::with_seed(0);
        let share = 1.0 / self.samples.test.len().max(1) as f64;
        self.samples.test.iter().fold(0.0, |sum, sample| {
            let task = Task::denoise(&sample.field, noise::level(&mut rng), &mut rng);
            let clean = self.model().denoise(&task.noisy, task.sigma, &sample.conditions);
            sum + share * score::mse(&clean, &sample.field)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diffusion::tests::{config, samples};

    #[test]
    fn the_loss_falls_and_held_out_fields_get_cleaner() {
        let samples = samples();
        let mut trainer = DenoiseTrainer::new(&samples, &config(300));
        let before = trainer.validate();
        let first = trainer.round(30);
        trainer.round(240);
        let last = trainer.round(30);
        assert!(last.loss < 0.5 * first.loss, "{first:?} to {last:?}");
        assert!(last.lr < first.lr && last.sigma > noise::LEVELS.0 && last.grad_norm > 0.0);
        let after = trainer.validate();
        assert!(after < 0.6 * before, "{before} to {after}");
    }

    #[test]
    fn draws_of_a_trained_denoiser_look_like_the_samples() {
        let samples = samples();
        let mut trainer = DenoiseTrainer::new(&samples, &config(300));
        let mut rng = fastrand::Rng::with_seed(5);
        let mut error = |trainer: &DenoiseTrainer| {
            let errors = samples.test.iter().map(|sample| {
                let draw = trainer.model().sample(6, 1.0, &sample.conditions, 16, &mut rng);
                score::mse(&draw, &sample.field)
            });
            errors.sum::<f64>() / samples.test.len() as f64
        };
        let before = error(&trainer);
        trainer.round(300);
        let after = error(&trainer);
        assert!(after < 0.5 * before, "{before} to {after}");
    }

    #[test]
    fn a_seed_repeats_a_training() {
        let samples = samples();
        let [a, b, c] = [0, 0, 1].map(|seed| {
            let mut trainer = DenoiseTrainer::new(&samples, &TrainConfig { seed, ..config(5) });
            (trainer.round(5), trainer.validate())
        });
        assert_eq!(a, b);
        assert_ne!(a, c);
    }

    #[test]
    fn nothing_is_learned_from_nothing() {
        let samples = Samples { unit: 1.0, train: Vec::new(), test: Vec::new() };
        let mut trainer = DenoiseTrainer::new(&samples, &config(5));
        let before = trainer.model().clone();
        assert_eq!((trainer.round(5), trainer.validate().to_bits()), (Round::default(), 0.0_f64.to_bits()));
        assert_eq!(trainer.model(), &before);
    }
}
