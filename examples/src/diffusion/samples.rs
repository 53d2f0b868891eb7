//! What the diffusion models learn.

use crate::burgers::{Dataset, Pair, score};
use crate::network::Network;

/// A field to learn, of variance 1, and the fields that it depends on.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// The field, shape `(n,)`.
    pub field: Vec<f64>,
    /// The fields that are given, shape `(conditions, n)`.
    pub conditions: Vec<f64>,
}

/// Fields to learn and fields held out, all of one shape.
#[derive(Clone, Debug, PartialEq)]
pub struct Samples {
    /// What a value of 1 is, in units of Burgers' field.
    pub unit: f64,
    /// Fields to learn.
    pub train: Vec<Sample>,
    /// Fields held out.
    pub test: Vec<Sample>,
}

impl Samples {
    /// What the operator gets wrong on each pair, `u(T) - operator(u(0))`, given its prediction and its input.
    pub fn residuals(operator: &Network, data: &Dataset) -> Self {
        let sample = |pair: &Pair| {
            let predicted = operator.predict(&pair.initial);
            let field = pair.end.iter().zip(&predicted).map(|(end, predicted)| end - predicted).collect();
            Sample { field, conditions: residual_conditions(&pair.initial, &predicted) }
        };
        Self::new(data.train().iter().map(sample).collect(), data.test().iter().map(sample).collect())
    }

    /// The states of each trajectory after at least `from` of its jumps, without their mean.
    ///
    /// Burgers' equation forgets where it came from: whatever the initial field, what is left are a few ramps between
    /// shocks, which decay slowly towards the mean.
    pub fn late_states(data: &Dataset, from: usize) -> Self {
        let jumps = data.config().jumps.max(1);
        let late = |pairs: &[Pair]| {
            let late = pairs.chunks(jumps).flat_map(|pairs| pairs.iter().skip(from.saturating_sub(1)));
            late.map(|pair| Sample { field: without_mean(&pair.end), conditions: Vec::new() }).collect()
        };
        Self::new(late(data.train()), late(data.test()))
    }

    /// Scales the fields so that those to learn have mean square 1.
    fn new(mut train: Vec<Sample>, mut test: Vec<Sample>) -> Self {
        let energy: f64 = train.iter().map(|sample| 2.0 * score::energy(&sample.field)).sum();
        let unit = (energy / train.len().max(1) as f64).sqrt();
        let unit = if unit > 0.0 { unit } else { 1.0 };
        for sample in train.iter_mut().chain(&mut test) {
            sample.field.iter_mut().for_each(|value| *value /= unit);
        }
        Self { unit, train, test }
    }
}

/// The fields that a residual depends on: the operator's input and prediction.
pub fn residual_conditions(initial: &[f64], predicted: &[f64]) -> Vec<f64> {
    [initial, predicted].concat()
}

/// The field without its mean flow, with which it would only move faster or slower.
pub fn without_mean(u: &[f64]) -> Vec<f64> {
    let mean = score::mean_of(u);
    u.iter().map(|u| u - mean).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::burgers::DataConfig;
    use crate::network::Shape;

    fn data() -> Dataset {
        Dataset::generate(&DataConfig {
            points: 16,
            nu: 0.05,
            jumps: 3,
            train: 4,
            test: 2,
            ..DataConfig::default()
        })
    }

    #[test]
    fn a_residual_and_the_prediction_make_the_truth() {
        let (data, operator) = (data(), Network::new(Shape::default(), 1));
        let samples = Samples::residuals(&operator, &data);
        assert_eq!((samples.train.len(), samples.test.len()), (12, 6));
        for (sample, pair) in samples.train.iter().zip(data.train()) {
            let (initial, predicted) = sample.conditions.split_at(16);
            assert_eq!(initial, pair.initial);
            let corrected: Vec<_> =
                predicted.iter().zip(&sample.field).map(|(p, r)| p + samples.unit * r).collect();
            assert!(score::max_error(&corrected, &pair.end) < 1e-14);
        }
        let energy: f64 = samples.train.iter().map(|sample| 2.0 * score::energy(&sample.field)).sum();
        assert!((energy / 12.0 - 1.0).abs() < 1e-12);
    }

    #[test]
    fn late_states_are_the_last_of_each_trajectory_without_their_mean() {
        let data = data();
        let samples = Samples::late_states(&data, 2);
        assert_eq!((samples.train.len(), samples.test.len()), (8, 4));
        let (field, end) = (&samples.train[1].field, &data.train()[2].end);
        assert!(score::mean_of(field).abs() < 1e-14);
        let shift = end[0] - samples.unit * field[0];
        assert!(field.iter().zip(end).all(|(f, end)| (samples.unit * f + shift - end).abs() < 1e-14));
    }
}
