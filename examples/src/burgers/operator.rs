//! The operator `u(0) -> u(T)`: mini-batch training of a network on pairs.

use super::{Dataset, Score};
use crate::network::{Descent, Network, Shape, squared_error};

/// How to train; the default takes about two seconds on one core in release mode.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct TrainerConfig {
    /// The network's size.
    pub shape: Shape,
    /// Pairs per optimisation step (at least 1).
    pub batch_size: usize,
    /// Adam's learning rate at the start.
    pub learning_rate: f64,
    /// Epochs over which the learning rate falls along a half cosine; later epochs keep the last rate.
    pub epochs: usize,
    /// Seed of the initial weights and of the shuffling.
    pub seed: u64,
}

impl Default for TrainerConfig {
    fn default() -> Self {
        Self { shape: Shape::default(), batch_size: 16, learning_rate: 2e-2, epochs: 100, seed: 0 }
    }
}

/// What one optimisation step did.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Step {
    /// Optimisation steps so far, this one included.
    pub step: usize,
    /// Mean squared error of the batch before the step, over the mean square of all training targets:
    /// the square of an NRMSE.
    pub loss: f64,
    /// L2 norm of the gradient before clipping.
    pub grad_norm: f64,
    /// Learning rate of the step.
    pub lr: f64,
}

/// What one pass over the training pairs did.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Epoch {
    /// Epochs so far, this one included.
    pub epoch: usize,
    /// Mean of [`Step::loss`] over the epoch.
    pub loss: f64,
    /// Mean of [`Step::grad_norm`] over the epoch.
    pub grad_norm: f64,
    /// Learning rate of the last step.
    pub lr: f64,
    /// [`Score::nrmse`] on the held-out pairs, after the epoch.
    pub val_nrmse: f64,
}

/// Trains a [`Network`] on the pairs of a [`Dataset`]; equal seeds give equal runs.
pub struct Trainer<'data> {
    data: &'data Dataset,
    config: TrainerConfig,
    operator: Network,
    rng: fastrand::Rng,
    order: Vec<usize>,
    /// One over the mean square of the training targets, the unit of the loss.
    loss_scale: f64,
    descent: Descent,
}

impl<'data> Trainer<'data> {
    /// Starts from a fresh operator.
    pub fn new(data: &'data Dataset, config: TrainerConfig) -> Self {
        let operator = Network::new(config.shape, config.seed);
        let steps = data.train().len().div_ceil(config.batch_size.max(1));
        let targets = || data.train().iter().flat_map(|pair| &pair.end);
        let energy: f64 = targets().map(|u| u * u).sum();
        Self {
            data,
            // Another stream than the weights': the seed alone would repeat their draws.
            rng: fastrand::Rng::with_seed(config.seed.wrapping_add(1)),
            order: (0..data.train().len()).collect(),
            loss_scale: targets().count() as f64 / energy,
            descent: Descent::new(
                &operator,
                data.config().points,
                config.learning_rate,
                config.epochs * steps,
            ),
            operator,
            config,
        }
    }

    /// The operator as trained so far.
    pub fn model(&self) -> &Network {
        &self.operator
    }

    /// Optimisation steps in one epoch.
    pub fn steps_per_epoch(&self) -> usize {
        self.order.len().div_ceil(self.config.batch_size.max(1))
    }

    /// Takes one optimisation step; the pairs are shuffled anew at the start of every pass.
    pub fn step(&mut self) -> Step {
        let batch_size = self.config.batch_size.max(1);
        let batch = self.descent.done() % self.steps_per_epoch().max(1);
        if batch == 0 {
            self.rng.shuffle(&mut self.order);
        }
        let range = batch * batch_size..self.order.len().min((batch + 1) * batch_size);
        let share = self.loss_scale / range.len() as f64;
        let mut loss = 0.0;
        for &index in &self.order[range] {
            let pair = &self.data.train()[index];
            loss += self.descent.add(&self.operator, &pair.initial, &[], |output, cotangent| {
                squared_error(share / output.len() as f64, output, &pair.end, cotangent)
            });
        }
        let update = self.descent.update(&mut self.operator);
        Step { step: self.descent.done(), loss, grad_norm: update.grad_norm, lr: update.lr }
    }

    /// Takes the steps of one pass over the training pairs, then scores the held-out ones.
    pub fn epoch(&mut self) -> Epoch {
        let steps = self.steps_per_epoch();
        let mut epoch = Epoch { epoch: 0, loss: 0.0, grad_norm: 0.0, lr: 0.0, val_nrmse: 0.0 };
        for _ in 0..steps {
            let step = self.step();
            epoch.loss += step.loss / steps as f64;
            epoch.grad_norm += step.grad_norm / steps as f64;
            epoch.lr = step.lr;
        }
        epoch.epoch = self.descent.done() / steps.max(1);
        epoch.val_nrmse = self.validate().nrmse;
        epoch
    }

    /// Scores the operator on the held-out pairs.
    pub fn validate(&self) -> Score {
        Score::of_operator(&self.operator, self.data.test())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::burgers::DataConfig;

    fn data() -> Dataset {
        Dataset::generate(&DataConfig { points: 24, nu: 0.04, train: 12, test: 6, ..DataConfig::default() })
    }

    fn config() -> TrainerConfig {
        let shape = Shape { channels: 6, radius: 2, steps: 3, ..Shape::default() };
        TrainerConfig { shape, batch_size: 5, epochs: 60, ..TrainerConfig::default() }
    }

    #[test]
    fn learns_to_beat_the_identity() {
        let data = data();
        let identity = Score::of_identity(data.test()).nrmse;
        let mut trainer = Trainer::new(&data, config());
        let first = trainer.epoch();
        let mut last = first;
        while last.epoch < 60 {
            last = trainer.epoch();
        }
        assert!(last.loss < 0.05 * first.loss, "{first:?} to {last:?}");
        assert!(last.val_nrmse < 0.25 * identity, "{last:?}, identity {identity}");
        assert!(last.lr < first.lr);
        assert!(trainer.validate().conservation_gap < 1e-13);
    }

    #[test]
    fn a_seed_repeats_a_run() {
        let data = data();
        let mut trainers = [0, 0, 1].map(|seed| Trainer::new(&data, TrainerConfig { seed, ..config() }));
        assert_eq!(trainers[0].steps_per_epoch(), 3);
        let [a, b, c] = [0, 1, 2].map(|i| trainers[i].epoch());
        assert_eq!(a, b);
        assert_ne!(a, c);
        assert_eq!(trainers[0].step().step, 4);
    }

    #[test]
    fn an_epoch_covers_each_pair_once_in_a_new_order() {
        let data = data();
        let frozen = TrainerConfig { learning_rate: 0.0, batch_size: 4, ..config() };
        let mut trainer = Trainer::new(&data, frozen);
        let truth = Score::of_operator(trainer.model(), data.train()).nrmse.powi(2);
        let first = trainer.step().loss;
        let rest = trainer.step().loss + trainer.step().loss;
        assert!(((first + rest) / 3.0 - truth).abs() < 1e-12);
        assert!((trainer.epoch().loss - truth).abs() < 1e-12);
        assert!((trainer.step().loss - first).abs() > 1e-9, "the same pairs came first again");
    }

    #[test]
    fn an_empty_dataset_trains_nothing() {
        let data = Dataset::generate(&DataConfig { train: 0, test: 0, ..DataConfig::default() });
        let mut trainer = Trainer::new(&data, config());
        let before = trainer.model().clone();
        assert_eq!(trainer.epoch().epoch, 0);
        assert_eq!(trainer.model(), &before);
    }
}
