//! What a jump of a rollout earns: how well it keeps the laws of Burgers' equation. It does not know the truth.

use crate::burgers::score;
use crate::diffusion::{Denoiser, samples};

/// The noise level at which the prior looks at a field, in units of its data: fine enough that a true late state is hardly
/// moved.
const PRIOR_LEVEL: f64 = 0.1;

/// How much each broken law costs.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
pub struct Weights {
    /// Per change of the mean, over the root mean square of the initial field.
    pub conservation: f64,
    /// Per growth of the energy in a jump, over the energy before.
    pub energy: f64,
    /// Per growth of the total variation in a jump, over the one before: new wiggles.
    pub smoothness: f64,
    /// Per mean of the negative part, over the root mean square of the initial field.
    pub negativity: f64,
    /// Per energy of the steady prior: see [`Reward::prior_energy`].
    pub prior: f64,
}

impl Default for Weights {
    fn default() -> Self {
        Self { conservation: 10.0, energy: 1.0, smoothness: 1.0, negativity: 1.0, prior: 1.0 }
    }
}

/// A reward of at most 0, which is earned where no law is broken.
#[derive(Clone, Debug)]
pub struct Reward {
    weights: Weights,
    prior: Denoiser,
    late: usize,
}

impl Reward {
    /// With a prior of the states after `late` jumps: it judges those only.
    pub fn new(weights: Weights, prior: Denoiser, late: usize) -> Self {
        Self { weights, prior, late }
    }

    /// What the jump number `jump` (from 0) from `before` to `after` earns, in a rollout from `initial`.
    pub fn of_jump(&self, initial: &[f64], before: &[f64], after: &[f64], jump: usize) -> f64 {
        let Weights { conservation, energy, smoothness, negativity, prior } = self.weights;
        let size = (2.0 * score::energy(initial)).sqrt();
        let late = if jump + 1 >= self.late { prior * self.prior_energy(after) } else { 0.0 };
        -(conservation * share(score::conservation_gap(after, initial), size)
            + energy * growth(score::energy(before), score::energy(after))
            + smoothness * growth(score::total_variation(before), score::total_variation(after))
            + negativity * share(score::negativity_penalty(after), size)
            + late)
    }

    /// How implausible `field` is as a late state: the root mean square of what the prior would change in it, as if it
    /// held a little noise, in units of the late states' size.
    pub fn prior_energy(&self, field: &[f64]) -> f64 {
        let unit = self.prior.unit();
        let field: Vec<f64> = samples::without_mean(field).iter().map(|u| u / unit).collect();
        score::mse(&self.prior.denoise(&field, PRIOR_LEVEL, &[]), &field).sqrt()
    }
}

/// By which share a quantity grew that may only fall.
fn growth(before: f64, after: f64) -> f64 {
    if after <= before { 0.0 } else { share(after - before, before) }
}

fn share(part: f64, whole: f64) -> f64 {
    if part == 0.0 { 0.0 } else { part / whole }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::burgers::{Waves, solver};
    use crate::network::Shape;

    /// A reward of one law only.
    fn reward(weights: Weights) -> Reward {
        Reward::new(weights, Denoiser::new(Shape::default(), 1.0, 0), 1)
    }

    const NONE: Weights =
        Weights { conservation: 0.0, energy: 0.0, smoothness: 0.0, negativity: 0.0, prior: 0.0 };

    #[test]
    fn a_law_that_is_broken_costs_its_weight() {
        // A field of mean 1.5, mean square 2.5 and total variation 2; every change below is by hand.
        let u = [1.0, 2.0, 1.0, 2.0];
        let earns = |weights, after: [f64; 4]| reward(weights).of_jump(&u, &u, &after, 0);
        let size = 2.5_f64.sqrt();
        for (weights, after, cost) in [
            (Weights { conservation: 2.0, ..NONE }, [1.0, 2.0, 1.0, 3.0], 2.0 * 0.25 / size),
            (Weights { energy: 2.0, ..NONE }, [1.0, 2.0, 1.0, 3.0], 2.0 * 0.5),
            (Weights { smoothness: 3.0, ..NONE }, [1.0, 2.0, 1.0, 3.0], 3.0 * 0.5),
            (Weights { negativity: 4.0, ..NONE }, [1.0, 2.0, -1.0, 2.0], 4.0 * 0.25 / size),
        ] {
            let earned = earns(weights, after);
            assert!((earned + cost).abs() < 1e-12, "{weights:?}: {earned} and {cost}");
            assert!(earns(weights, u).abs() < 1e-12, "{weights:?}: nothing is broken");
        }
    }

    #[test]
    fn the_prior_judges_late_states_only() {
        let u = Waves::sine(1.0).sample(32);
        let weights = Weights { prior: 1.0, ..NONE };
        let reward = Reward::new(weights, Denoiser::new(Shape::default(), 1.0, 0), 2);
        assert!(reward.of_jump(&u, &u, &u, 0).abs() < 1e-300);
        let late = reward.of_jump(&u, &u, &u, 1);
        assert!(late < 0.0 && (late + reward.prior_energy(&u)).abs() < 1e-12);
        let moved: Vec<f64> = u.iter().map(|u| u + 3.0).collect();
        assert!(
            (reward.prior_energy(&moved) - reward.prior_energy(&u)).abs() < 1e-12,
            "the mean does not matter"
        );
    }

    #[test]
    fn the_equation_breaks_no_law() {
        let start = Waves::random(3, &mut fastrand::Rng::with_seed(2)).sample(64);
        let low = start.iter().copied().fold(0.0, f64::min);
        let start: Vec<f64> = start.iter().map(|u| u - low).collect();
        let end = solver::solve(0.02, &start, 0.2);
        let earned = reward(Weights { prior: 0.0, ..Weights::default() }).of_jump(&start, &start, &end, 0);
        assert!(earned.abs() < 1e-9, "{earned}");
    }

    #[test]
    fn a_field_that_blew_up_earns_nothing_that_counts() {
        let u = [1.0, 2.0];
        assert!(reward(Weights::default()).of_jump(&u, &u, &[f64::NAN, 1.0], 0).is_nan());
    }
}
