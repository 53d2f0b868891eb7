//! How far a predicted field is from the true one.
//!
//! Every function takes point values `predicted` and `truth` of equal shape `(n,)`; an empty field
//! scores 0. Formulas write `p_i` for the prediction, `t_i` for the truth and `mean` for the average
//! over the grid.

use super::data::Pair;
use super::operator::Operator;

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
}

impl Score {
    /// Scores `predict(initial)` against `end` for each pair.
    pub fn of(pairs: &[Pair], mut predict: impl FnMut(&[f64]) -> Vec<f64>) -> Self {
        let mut score = Self::default();
        let mut truth_energy = 0.0;
        for pair in pairs {
            let predicted = predict(&pair.initial);
            score.mse += mse(&predicted, &pair.end) / pairs.len() as f64;
            score.energy_error += energy_error(&predicted, &pair.end) / pairs.len() as f64;
            score.max_error = max(score.max_error, max_error(&predicted, &pair.end));
            score.conservation_gap = max(score.conservation_gap, conservation_gap(&predicted, &pair.initial));
            truth_energy += energy(&pair.end) / pairs.len() as f64;
        }
        score.nrmse = ratio(score.mse, 2.0 * truth_energy).sqrt();
        score
    }

    /// Scores a trained operator.
    pub fn of_operator(operator: &Operator, pairs: &[Pair]) -> Self {
        Self::of(pairs, |u| operator.predict(u))
    }

    /// Scores the identity `u(T) = u(0)`: what a model has to beat.
    pub fn of_identity(pairs: &[Pair]) -> Self {
        Self::of(pairs, <[f64]>::to_vec)
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
        let zero = Score::of(&[pair(1.0, 2.0), pair(-3.0, 3.0)], |u| vec![0.0; u.len()]);
        close(zero.conservation_gap, 3.0);
    }
}
