//! How far a predicted field is from the true one.
//!
//! Every function takes point values `predicted` and `truth` of equal shape `(n,)`; an empty field
//! scores 0. Formulas write `p_i` for the prediction, `t_i` for the truth and `mean` for the average
//! over the grid.

use super::data::Pair;
use crate::network::Network;

/// Mean squared error, `mean((p_i - t_i)^2)`, in squared units of the field.
pub fn mse(predicted: &[f64], truth: &[f64]) -> f64 {
    mean(predicted.iter().zip(truth).map(|(p, t)| (p - t) * (p - t)))
}

/// Normalised root mean squared error, `sqrt(sum (p_i - t_i)^2 / sum t_i^2)`: the relative error in
/// the discrete L2 norm, without unit. Predicting zero scores 1.
pub fn nrmse(predicted: &[f64], truth: &[f64]) -> f64 {
    ratio(mse(predicted, truth), mean(truth.iter().map(|t| t * t))).sqrt()
}

/// Conservation gap, `|mean(u) - mean(v)|`, in units of the field: Burgers' equation keeps the mean, so
/// any two fields of one solution should score 0.
pub fn conservation_gap(u: &[f64], v: &[f64]) -> f64 {
    (mean(u.iter().copied()) - mean(v.iter().copied())).abs()
}

/// Largest pointwise error, `max |p_i - t_i|`, in units of the field; NaN where any error is.
pub fn max_error(predicted: &[f64], truth: &[f64]) -> f64 {
    predicted.iter().zip(truth).map(|(p, t)| (p - t).abs()).fold(0.0, max)
}

/// Kinetic energy per unit length, `E(u) = mean(u_i^2) / 2`.
pub fn energy(u: &[f64]) -> f64 {
    0.5 * mean(u.iter().map(|u| u * u))
}

/// Relative energy error, `|E(p) - E(t)| / E(t)`, without unit: too much energy means that a
/// predicted shock dissipates too little.
pub fn energy_error(predicted: &[f64], truth: &[f64]) -> f64 {
    ratio((energy(predicted) - energy(truth)).abs(), energy(truth))
}

/// Boundary violation, `|(p_0 - p_{n-1}) - (t_0 - t_{n-1})|`, in units of the field: how far the jump over the seam of
/// the periodic domain is from the true one. It shows a model that treats the ends of the grid as ends.
pub fn boundary_violation(predicted: &[f64], truth: &[f64]) -> f64 {
    let seam = |u: &[f64]| u.first().copied().unwrap_or_default() - u.last().copied().unwrap_or_default();
    (seam(predicted) - seam(truth)).abs()
}

/// Negativity penalty, `mean(max(0, -u_i))`, in units of the field: a field that began positive stays so.
pub fn negativity_penalty(u: &[f64]) -> f64 {
    mean(u.iter().map(|u| max(0.0, -u)))
}

/// Total variation, `sum_i |u_{i+1} - u_i|` around the periodic domain, in units of the field. Burgers' equation never
/// lets it grow.
pub fn total_variation(u: &[f64]) -> f64 {
    let next = u.iter().cycle().skip(1);
    u.iter().zip(next).map(|(here, next)| (next - here).abs()).sum()
}

/// The mean of the field.
pub fn mean_of(u: &[f64]) -> f64 {
    mean(u.iter().copied())
}

/// A prediction beside the truth and the field that it started from.
#[derive(Clone, Copy, Debug)]
pub struct Prediction<'a> {
    /// The field at time 0.
    pub initial: &'a [f64],
    /// What was predicted.
    pub predicted: &'a [f64],
    /// What is true.
    pub truth: &'a [f64],
}

/// All scores of a set of predictions.
#[derive(Clone, Copy, Debug, Default, PartialEq, serde::Serialize)]
pub struct Score {
    /// [`nrmse`] of all fields taken as one long vector.
    pub nrmse: f64,
    /// [`mse`], averaged over the fields.
    pub mse: f64,
    /// [`max_error`], the largest over the fields.
    pub max_error: f64,
    /// [`conservation_gap`] between the prediction and the initial field, the largest over the fields.
    /// Not the true end field: sampled on the grid, a sharp shock has not quite its mean.
    pub conservation_gap: f64,
    /// [`energy_error`], averaged over the fields.
    pub energy_error: f64,
    /// [`boundary_violation`], averaged over the fields.
    pub boundary_violation: f64,
    /// [`negativity_penalty`] of the predictions, averaged; of no meaning where the initial fields have both signs.
    pub negativity_penalty: f64,
}

impl Score {
    /// Scores predictions.
    pub fn of<'a>(predictions: impl ExactSizeIterator<Item = Prediction<'a>>) -> Self {
        let mut score = Self::default();
        let mut truth_energy = 0.0;
        let share = 1.0 / predictions.len() as f64;
        for Prediction { initial, predicted, truth } in predictions {
            score.mse += share * mse(predicted, truth);
            score.energy_error += share * energy_error(predicted, truth);
            score.boundary_violation += share * boundary_violation(predicted, truth);
            score.negativity_penalty += share * negativity_penalty(predicted);
            score.max_error = max(score.max_error, max_error(predicted, truth));
            score.conservation_gap = max(score.conservation_gap, conservation_gap(predicted, initial));
            truth_energy += share * energy(truth);
        }
        score.nrmse = ratio(score.mse, 2.0 * truth_energy).sqrt();
        score
    }

    /// Scores `predict(initial)` against `end` for each pair.
    pub fn of_map(pairs: &[Pair], predict: impl FnMut(&[f64]) -> Vec<f64>) -> Self {
        let predicted: Vec<_> = pairs.iter().map(|pair| pair.initial.as_slice()).map(predict).collect();
        Self::of(pairs.iter().zip(&predicted).map(|(pair, predicted)| Prediction {
            initial: &pair.initial,
            predicted,
            truth: &pair.end,
        }))
    }

    /// Scores a trained operator.
    pub fn of_operator(operator: &Network, pairs: &[Pair]) -> Self {
        Self::of_map(pairs, |u| operator.predict(u))
    }

    /// Scores the identity `u(T) = u(0)`: what a model has to beat.
    pub fn of_identity(pairs: &[Pair]) -> Self {
        Self::of_map(pairs, <[f64]>::to_vec)
    }
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let n = values.len();
    ratio(values.sum(), n as f64)
}

/// `f64::max` would hide a NaN, and a diverged model must not score well.
fn max(a: f64, b: f64) -> f64 {
    if a.is_nan() || b.is_nan() { f64::NAN } else { a.max(b) }
}

/// `above / below`, where nothing over nothing is no error.
fn ratio(above: f64, below: f64) -> f64 {
    if above == 0.0 { 0.0 } else { above / below }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn close(a: f64, b: f64) {
        assert!((a - b).abs() < 1e-15, "{a} and {b}");
    }

    #[test]
    fn formulas_by_hand() {
        let (p, t) = ([1.0, 2.0, 2.0, 4.0], [1.0, 2.0, 0.0, 2.0]);
        close(mse(&p, &t), 2.0);
        close(nrmse(&p, &t), (8.0_f64 / 9.0).sqrt());
        close(conservation_gap(&p, &t), 1.0);
        close(max_error(&p, &t), 2.0);
        close(energy(&t), 9.0 / 8.0);
        close(energy_error(&p, &t), 16.0 / 9.0);
        close(boundary_violation(&p, &t), 2.0);
        close(negativity_penalty(&[1.0, -2.0, 0.0, -4.0]), 1.5);
        close(total_variation(&p), 6.0);
    }

    #[test]
    fn edge_cases() {
        close(nrmse(&[], &[]), 0.0);
        close(nrmse(&[0.0; 3], &[1.0, -2.0, 3.0]), 1.0);
        assert!(max_error(&[f64::NAN, 1.0], &[0.0, 0.0]).is_nan());
        assert!(nrmse(&[1.0], &[0.0]).is_infinite());
    }

    #[test]
    fn a_set_pools_its_pairs() {
        let pair = |initial: f64, end: f64| Pair { initial: vec![initial; 2], end: vec![end; 2] };
        let score = Score::of_identity(&[pair(1.0, 2.0), pair(3.0, 3.0)]);
        close(score.mse, 0.5);
        close(score.nrmse, (1.0_f64 / 13.0).sqrt());
        close(score.max_error, 1.0);
        close(score.conservation_gap, 0.0);
        close(score.energy_error, 0.375);
        let zero = Score::of_map(&[pair(1.0, 2.0), pair(-3.0, 3.0)], |u| vec![0.0; u.len()]);
        close(zero.conservation_gap, 3.0);
    }
}
