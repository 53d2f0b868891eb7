//! The forward pass, with what the backward pass needs; and the backward pass, written by hand.

use super::conv::{correlate, correlate_to_field, correlate_to_kernel, fold, pad};
use super::{Layers, Network, Shape};

/// What one step leaves for its derivative.
#[derive(Clone)]
struct Record {
    /// The padded field that the step started from, shape `(n + 2 radius,)`.
    field: Vec<f64>,
    /// The padded activations `silu(a)`, shape `(channels, n + 2 radius)`.
    hidden: Vec<f64>,
    /// The derivatives `silu'(a)`, shape `(channels, n)`.
    slope: Vec<f64>,
}

/// Buffers for one sample, reused from sample to sample.
pub(super) struct Tape {
    shape: Shape,
    records: Vec<Record>,
    /// The current field; after [`Tape::forward`], the output. Shape `(n,)`.
    field: Vec<f64>,
    /// The padded conditions, shape `(conditions, n + 2 radius)`.
    given: Vec<f64>,
    /// What bias and conditions add to each channel, or its derivative, shape `(channels, n)`.
    offset: Vec<f64>,
    /// The learned flux `g`, and one channel's activations, each of shape `(n,)`.
    flux: Vec<f64>,
    channel: Vec<f64>,
    /// A padded gradient, shape `(n + 2 radius,)`.
    padded: Vec<f64>,
}

impl Tape {
    /// Buffers for fields of `n` points.
    pub(super) fn new(shape: Shape, n: usize) -> Self {
        let padded = n + 2 * shape.radius;
        let record = Record {
            field: vec![0.0; padded],
            hidden: vec![0.0; shape.channels * padded],
            slope: vec![0.0; shape.channels * n],
        };
        // An empty field has no periodic images: it passes through unchanged.
        let steps = if n == 0 { 0 } else { shape.steps };
        Self {
            shape,
            records: vec![record; steps],
            field: vec![0.0; n],
            given: vec![0.0; shape.conditions * padded],
            offset: vec![0.0; shape.channels * n],
            flux: vec![0.0; n],
            channel: vec![0.0; n],
            padded: vec![0.0; padded],
        }
    }

    /// The output of the last forward pass, shape `(n,)`.
    pub(super) fn output(&self) -> &[f64] {
        &self.field
    }

    /// The output of the last forward pass, without a copy.
    pub(super) fn into_output(self) -> Vec<f64> {
        self.field
    }

    /// Runs the network on `initial`, which has the `n` points that the tape was made for, given `conditions`.
    pub(super) fn forward(&mut self, network: &Network, initial: &[f64], conditions: &[f64]) {
        let (kernel, radius, n) = (self.shape.kernel(), self.shape.radius, self.field.len());
        let Layers { lift, project, .. } = self.shape.layers(network.weights());
        self.offset_channels(network, conditions);
        self.field.copy_from_slice(initial);
        for record in &mut self.records {
            pad(&self.field, radius, &mut record.field);
            self.flux.fill(0.0);
            let channels =
                record.hidden.chunks_exact_mut(n + 2 * radius).zip(record.slope.chunks_exact_mut(n));
            let weights = lift.chunks_exact(kernel).zip(project.chunks_exact(kernel));
            let offsets = self.offset.chunks_exact(n);
            for (((hidden, slope), offset), (lift, project)) in channels.zip(offsets).zip(weights) {
                self.channel.copy_from_slice(offset);
                correlate(&record.field, lift, &mut self.channel);
                for (a, slope) in self.channel.iter_mut().zip(slope) {
                    let sigmoid = 1.0 / (1.0 + (-*a).exp());
                    *slope = sigmoid * (1.0 + *a * (1.0 - sigmoid));
                    *a *= sigmoid;
                }
                pad(&self.channel, radius, hidden);
                correlate(hidden, project, &mut self.flux);
            }
            let mut before = self.flux.last().copied().unwrap_or_default();
            for (u, &after) in self.field.iter_mut().zip(&self.flux) {
                *u += if self.shape.conservative { before - after } else { after };
                before = after;
            }
        }
    }

    /// Adds to `gradient` (flat, as [`Operator::weights`]) the derivative of a loss whose derivative in
    /// the output is `cotangent`; leaves in `cotangent` its derivative in the input.
    ///
    /// [`Tape::forward`] must have run with the same operator: the records are its.
    pub(super) fn backward(&mut self, network: &Network, cotangent: &mut [f64], gradient: &mut [f64]) {
        let (kernel, radius, n) = (self.shape.kernel(), self.shape.radius, self.field.len());
        let Layers { lift, project, .. } = self.shape.layers(network.weights());
        let back = self.shape.layers_mut(gradient);
        self.offset.fill(0.0);
        for record in self.records.iter().rev() {
            // u'_i = u_i + g_{i-1} - g_i: each flux leaves cell i and enters cell i + 1.
            let mut after = cotangent.first().copied().unwrap_or_default();
            for (flux, &here) in self.flux.iter_mut().zip(cotangent.iter()).rev() {
                *flux = if self.shape.conservative { after - here } else { here };
                after = here;
            }
            let channels = record.hidden.chunks_exact(n + 2 * radius).zip(record.slope.chunks_exact(n));
            let weights = lift.chunks_exact(kernel).zip(project.chunks_exact(kernel));
            let weights_back = (back.lift.chunks_exact_mut(kernel))
                .zip(self.offset.chunks_exact_mut(n))
                .zip(back.project.chunks_exact_mut(kernel));
            for (((hidden, slope), (lift, project)), ((lift_back, offset_back), project_back)) in
                channels.zip(weights).zip(weights_back)
            {
                correlate_to_kernel(&self.flux, hidden, project_back);
                self.padded.fill(0.0);
                correlate_to_field(&self.flux, project, &mut self.padded);
                self.channel.fill(0.0);
                fold(&self.padded, radius, &mut self.channel);
                for (a, slope) in self.channel.iter_mut().zip(slope) {
                    *a *= slope;
                }
                for (offset, a) in offset_back.iter_mut().zip(&self.channel) {
                    *offset += a;
                }
                correlate_to_kernel(&self.channel, &record.field, lift_back);
                self.padded.fill(0.0);
                correlate_to_field(&self.channel, lift, &mut self.padded);
                // The identity path needs no line: `cotangent` keeps what it held.
                fold(&self.padded, radius, cotangent);
            }
        }
        // The offsets are the same in every step: what the steps ask of them was added up, and goes on once.
        for (offset, bias) in self.offset.chunks_exact(n.max(1)).zip(back.bias) {
            *bias += offset.iter().sum::<f64>();
        }
        for (k, given) in back.given.chunks_exact_mut(kernel).enumerate() {
            let (channel, condition) = (k / self.shape.conditions, k % self.shape.conditions);
            let padded = &self.given[condition * (n + 2 * radius)..][..n + 2 * radius];
            correlate_to_kernel(&self.offset[channel * n..][..n], padded, given);
        }
    }

    /// What the bias and the conditions add to each channel, in every step alike.
    fn offset_channels(&mut self, network: &Network, conditions: &[f64]) {
        let (kernel, radius, n) = (self.shape.kernel(), self.shape.radius, self.field.len());
        if n == 0 {
            return; // nothing to wrap around
        }
        let layers = self.shape.layers(network.weights());
        self.given.fill(0.0);
        for (condition, padded) in conditions.chunks_exact(n).zip(self.given.chunks_exact_mut(n + 2 * radius))
        {
            pad(condition, radius, padded);
        }
        for (offset, bias) in self.offset.chunks_exact_mut(n).zip(layers.bias) {
            offset.fill(*bias);
        }
        for (k, given) in layers.given.chunks_exact(kernel).enumerate() {
            let (channel, condition) = (k / self.shape.conditions, k % self.shape.conditions);
            let padded = &self.given[condition * (n + 2 * radius)..][..n + 2 * radius];
            correlate(padded, given, &mut self.offset[channel * n..][..n]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::burgers::Waves;

    /// The loss `sum_i cotangent_i output_i`, whose derivative in the output is `cotangent`.
    fn loss(network: &Network, field: &[f64], conditions: &[f64], cotangent: &[f64]) -> f64 {
        network.predict_given(field, conditions).iter().zip(cotangent).map(|(u, c)| u * c).sum()
    }

    #[test]
    fn gradients_match_finite_differences() {
        let mut rng = fastrand::Rng::with_seed(8);
        let u = Waves::random(3, &mut rng).sample(12);
        let cotangent: Vec<f64> = (0..12).map(|_| rng.f64() - 0.5).collect();
        for (conservative, conditions) in [(true, 0), (false, 0), (true, 2), (false, 2)] {
            let shape = Shape { channels: 3, radius: 2, steps: 3, conditions, conservative };
            let mut network = Network::new(shape, 9);
            // Larger than a fresh network's: a check near the identity would miss the coupling of steps.
            network.weights.iter_mut().for_each(|w| *w = 0.8 * (rng.f64() - 0.5));
            let given: Vec<f64> = (0..conditions * 12).map(|_| rng.f64() - 0.5).collect();
            let mut tape = Tape::new(shape, 12);
            tape.forward(&network, &u, &given);
            let (mut input_back, mut gradient) = (cotangent.clone(), vec![0.0; shape.weight_count()]);
            tape.backward(&network, &mut input_back, &mut gradient);

            let h = 1e-5;
            for (i, analytic) in gradient.iter().enumerate() {
                let at = |h: f64| {
                    let mut moved = network.clone();
                    moved.weights[i] += h;
                    loss(&moved, &u, &given, &cotangent)
                };
                let numeric = (at(h) - at(-h)) / (2.0 * h);
                assert!((numeric - analytic).abs() < 1e-8, "weight {i}: {numeric} and {analytic}");
            }
            for (i, analytic) in input_back.iter().enumerate() {
                let at = |h: f64| {
                    let mut moved = u.clone();
                    moved[i] += h;
                    loss(&network, &moved, &given, &cotangent)
                };
                let numeric = (at(h) - at(-h)) / (2.0 * h);
                assert!((numeric - analytic).abs() < 1e-8, "input {i}: {numeric} and {analytic}");
            }
        }
    }

    #[test]
    fn a_tape_forgets_the_sample_before() {
        let shape = Shape { channels: 3, radius: 2, steps: 2, conditions: 1, conservative: false };
        let network = Network::new(shape, 3);
        let (u, given) = ([0.1, -0.2, 0.3, 0.4], [0.5, 0.6, -0.7, 0.8]);
        let mut tape = Tape::new(shape, 4);
        let mut run = |cotangent: f64| {
            let mut gradient = vec![0.0; shape.weight_count()];
            tape.forward(&network, &u, &given);
            tape.backward(&network, &mut [cotangent; 4], &mut gradient);
            (tape.output().to_vec(), gradient)
        };
        let first = run(1.0);
        run(7.0);
        assert_eq!(run(1.0), first);
    }
}
