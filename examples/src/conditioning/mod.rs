//! Test-time conditioning (TTC): a trained model proposes several ways to go on, and physics chooses.
//!
//! A rollout applies the operator again and again. At each jump a one-step diffusion model draws corrections of the
//! operator's residual; a reward, which knows the physics but not the truth, scores the candidates; a beam search keeps
//! the best few rollouts.
//!
//! * [`reward`]: what a jump earns;
//! * [`beam`]: the search, of anything that goes on in several ways;
//! * [`Conditioned`]: both, with the operator and the corrector of Burgers' equation.

pub mod beam;
pub mod reward;

pub use beam::{Beam, Rollout};
pub use reward::{Reward, Weights};

use crate::diffusion::{Denoiser, samples};
use crate::network::Network;

/// How to search.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Search {
    /// Candidates per rollout and jump: the operator's own, and corrected ones (at least 1).
    pub samples: usize,
    /// Rollouts that are kept (at least 1).
    pub beams: usize,
    /// How varied the corrections are: see [`Denoiser::sample`].
    pub tau: f64,
    /// Seed of the corrections.
    pub seed: u64,
}

/// An operator whose rollouts are chosen by a reward.
pub struct Conditioned<'a> {
    /// Predicts the next field.
    pub operator: &'a Network,
    /// Draws the operator's residual at once.
    pub corrector: &'a Denoiser,
    /// Scores a jump.
    pub reward: &'a Reward,
}

impl Conditioned<'_> {
    /// Applies the operator `jumps` times, and what that earns.
    pub fn baseline(&self, initial: &[f64], jumps: usize) -> Rollout {
        beam::plain(initial, jumps, |field| self.operator.predict(field), self.earns(initial))
    }

    /// The best rollout that a beam search finds; it never earns less than [`baseline`](Self::baseline).
    pub fn search(&self, initial: &[f64], jumps: usize, search: &Search) -> Rollout {
        let mut rng = fastrand::Rng::with_seed(search.seed);
        let beam = Beam { width: search.beams, jumps };
        let found =
            beam.search(initial, |field| self.candidates(field, search, &mut rng), self.earns(initial));
        let baseline = self.baseline(initial, jumps);
        if found.reward > baseline.reward { found } else { baseline }
    }

    /// The operator's prediction, and corrections of it.
    fn candidates(&self, field: &[f64], search: &Search, rng: &mut fastrand::Rng) -> Vec<Vec<f64>> {
        let predicted = self.operator.predict(field);
        let given = samples::residual_conditions(field, &predicted);
        let unit = self.corrector.unit();
        let mut candidates: Vec<Vec<f64>> = (1..search.samples)
            .map(|_| {
                let residual = self.corrector.sample_at_once(search.tau, &given, field.len(), rng);
                predicted.iter().zip(residual).map(|(u, r)| u + unit * r).collect()
            })
            .collect();
        candidates.push(predicted);
        candidates
    }

    fn earns(&self, initial: &[f64]) -> impl Fn(&[f64], &[f64], usize) -> f64 {
        let reward = self.reward;
        let start = initial.to_vec();
        move |before, after, jump| reward.of_jump(&start, before, after, jump)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::burgers::{DataConfig, Dataset, Trainer, TrainerConfig};
    use crate::diffusion::{DenoiseTrainer, Samples, TrainConfig};
    use crate::network::Shape;

    const JUMPS: usize = 3;

    struct Trained {
        data: Dataset,
        operator: Network,
        corrector: Denoiser,
        reward: Reward,
    }

    impl Trained {
        /// Briefly: all that counts is that there is something to correct.
        fn new() -> Self {
            let data = Dataset::generate(&DataConfig {
                points: 24,
                nu: 0.04,
                floor: Some(0.0),
                time: 0.1,
                jumps: JUMPS,
                train: 12,
                test: 4,
                ..DataConfig::default()
            });
            let shape = Shape { channels: 6, radius: 2, steps: 3, conservative: false, ..Shape::default() };
            let mut trainer =
                Trainer::new(&data, TrainerConfig { shape, epochs: 20, ..TrainerConfig::default() });
            for _ in 0..20 {
                trainer.epoch();
            }
            let operator = trainer.model().clone();
            let config = TrainConfig { shape, batch_size: 4, learning_rate: 1e-2, updates: 100, seed: 0 };
            let denoiser = |samples: Samples| {
                let mut trainer = DenoiseTrainer::new(&samples, &config);
                trainer.round(config.updates);
                trainer.model().clone()
            };
            let corrector = denoiser(Samples::residuals(&operator, &data));
            let reward = Reward::new(Weights::default(), denoiser(Samples::late_states(&data, 2)), 2);
            Self { data, operator, corrector, reward }
        }

        fn conditioned(&self) -> Conditioned<'_> {
            Conditioned { operator: &self.operator, corrector: &self.corrector, reward: &self.reward }
        }

        fn starts(&self) -> impl Iterator<Item = &[f64]> {
            self.data.test_trajectories().map(|pairs| pairs[0].initial.as_slice())
        }
    }

    #[test]
    fn the_search_never_earns_less_than_the_baseline_and_finds_more() {
        let trained = Trained::new();
        let conditioned = trained.conditioned();
        let mut better = 0;
        for (seed, initial) in (0..).zip(trained.starts()) {
            let baseline = conditioned.baseline(initial, JUMPS);
            for beams in [1, 3] {
                let search = Search { samples: 6, beams, tau: 0.5, seed };
                let found = conditioned.search(initial, JUMPS, &search);
                assert_eq!(found, conditioned.search(initial, JUMPS, &search), "the seed decides");
                assert!(found.reward >= baseline.reward, "{} and {}", found.reward, baseline.reward);
                assert_eq!(found.fields.len(), JUMPS);
                better += usize::from(found.reward > baseline.reward);
            }
        }
        assert!(better > 0);
    }

    #[test]
    fn one_candidate_is_the_baseline() {
        let trained = Trained::new();
        let conditioned = trained.conditioned();
        for initial in trained.starts() {
            let search = Search { samples: 1, beams: 1, tau: 1.0, seed: 3 };
            assert_eq!(conditioned.search(initial, JUMPS, &search), conditioned.baseline(initial, JUMPS));
        }
    }

    #[test]
    fn without_noise_all_corrections_are_the_same() {
        let trained = Trained::new();
        let initial = &trained.data.test()[0].initial;
        let candidates = |tau| {
            let search = Search { samples: 3, beams: 1, tau, seed: 3 };
            let mut rng = fastrand::Rng::with_seed(3);
            trained.conditioned().candidates(initial, &search, &mut rng)
        };
        let collapsed = candidates(0.0);
        assert_eq!(collapsed[0], collapsed[1]);
        assert_ne!(collapsed[0], collapsed[2], "the last is the operator's own");
        let drawn = candidates(1.0);
        assert_ne!(drawn[0], drawn[1]);
        assert_eq!(drawn[2], collapsed[2]);
    }

    #[test]
    fn the_truth_earns_more_than_the_baseline() {
        let trained = Trained::new();
        let conditioned = trained.conditioned();
        for pairs in trained.data.test_trajectories() {
            let initial = &pairs[0].initial;
            let next =
                |field: &[f64]| pairs.iter().find(|pair| pair.initial == field).map(|pair| pair.end.clone());
            let truth = beam::plain(
                initial,
                JUMPS,
                |field| next(field).unwrap_or_default(),
                conditioned.earns(initial),
            );
            assert!(truth.reward > conditioned.baseline(initial, JUMPS).reward, "{}", truth.reward);
        }
    }

    #[test]
    fn the_prior_prefers_late_states_to_noisy_ones() {
        let trained = Trained::new();
        let mut rng = fastrand::Rng::with_seed(6);
        for pairs in trained.data.test_trajectories() {
            let state = &pairs[JUMPS - 1].end;
            let noisy: Vec<f64> = state.iter().map(|u| u + 0.2 * (rng.f64() - 0.5)).collect();
            let (clean, noisy) = (trained.reward.prior_energy(state), trained.reward.prior_energy(&noisy));
            assert!(clean < noisy, "{clean} and {noisy}");
        }
    }
}
