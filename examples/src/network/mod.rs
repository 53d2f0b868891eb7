//! A small network from field to field: a numerical scheme whose flux is learned.
//!
//! It applies the same step `steps` times to a field `u`, which may depend on further fields `e_1, e_2, ..`, the conditions:
//!
//! ```text
//! h_c  = silu(lift_c * u + sum_j given_cj * e_j + bias_c)            for each hidden channel c
//! g    = sum_c project_c * h_c
//! u'_i = u_i + g_{i-1} - g_i    (conservative)    or    u'_i = u_i + g_i
//! ```
//!
//! where `*` is a periodic convolution over `2 radius + 1` points and `silu(a) = a / (1 + exp(-a))`
//! (Elfwing, Uchibe & Doya, Neural Networks 107 (2018)), which is quadratic near 0 as the flux
//! `u^2 / 2` is. In the conservative form, `g` is a flux through the cell faces, and the mean of the
//! field is kept to round-off whatever the weights. Being a convolution, the network commutes with
//! shifts, as Burgers' equation does.

mod adam;
mod conv;
mod descent;
mod tape;

pub use descent::{Descent, Update, squared_error};
use tape::Tape;

/// The size of a [`Network`].
///
/// Information travels `2 radius` points per step, so `2 radius steps / n` should reach at least the
/// distance `max|u| T` that the field travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Shape {
    /// Hidden channels.
    pub channels: usize,
    /// Points on each side of a convolution's centre.
    pub radius: usize,
    /// How many times the step is applied.
    pub steps: usize,
    /// Fields that the network is given beside the one that it changes.
    #[serde(default)]
    pub conditions: usize,
    /// Whether a step adds the difference of a learned flux (and so keeps the mean), or `g` itself.
    pub conservative: bool,
}

impl Default for Shape {
    fn default() -> Self {
        Self { channels: 12, radius: 3, steps: 5, conditions: 0, conservative: true }
    }
}

impl Shape {
    /// How many weights the network has: `channels * ((2 + conditions) (2 radius + 1) + 1)`.
    pub fn weight_count(&self) -> usize {
        let kernel = self.radius.saturating_mul(2).saturating_add(1);
        let kernels = self.conditions.saturating_add(2);
        self.channels.saturating_mul(kernel.saturating_mul(kernels).saturating_add(1))
    }

    /// Weights of one kernel.
    fn kernel(&self) -> usize {
        2 * self.radius + 1
    }

    /// The flat weights of one layer after the other: `lift | bias | project | given`.
    fn layers<'a>(&self, weights: &'a [f64]) -> Layers<&'a [f64]> {
        let kernels = self.channels * self.kernel();
        let (lift, rest) = weights.split_at(kernels);
        let (bias, rest) = rest.split_at(self.channels);
        let (project, given) = rest.split_at(kernels);
        Layers { lift, bias, project, given }
    }

    /// [`layers`](Self::layers), of a gradient.
    fn layers_mut<'a>(&self, weights: &'a mut [f64]) -> Layers<&'a mut [f64]> {
        let kernels = self.channels * self.kernel();
        let (lift, rest) = weights.split_at_mut(kernels);
        let (bias, rest) = rest.split_at_mut(self.channels);
        let (project, given) = rest.split_at_mut(kernels);
        Layers { lift, bias, project, given }
    }
}

/// What the weights are: see the module's formulas.
struct Layers<W> {
    /// Shape `(channels, 2 radius + 1)`.
    lift: W,
    /// Shape `(channels,)`.
    bias: W,
    /// Shape `(channels, 2 radius + 1)`.
    project: W,
    /// Shape `(channels, conditions, 2 radius + 1)`.
    given: W,
}

/// A network: a shape and its weights.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "Stored")]
pub struct Network {
    shape: Shape,
    weights: Vec<f64>,
}

impl Network {
    /// An untrained network, close to the identity, with seeded random weights.
    pub fn new(shape: Shape, seed: u64) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        // Uniform with the variance 1 / fan-in for the first layer; the second one is much smaller, so
        // that `steps` applications in a row start near the identity and gradients neither vanish nor blow up.
        let inputs = shape.kernel() * (1 + shape.conditions);
        let lift_scale = (3.0 / inputs as f64).sqrt();
        let project_scale = 0.3 / (shape.steps.max(1) * shape.channels.max(1) * shape.kernel()) as f64;
        let mut weights = vec![0.0; shape.weight_count()];
        let layers = shape.layers_mut(&mut weights);
        for (layer, scale) in [
            (layers.lift, lift_scale),
            (layers.bias, 1.0),
            (layers.project, project_scale),
            (layers.given, lift_scale),
        ] {
            for weight in layer {
                *weight = scale * (2.0 * rng.f64() - 1.0);
            }
        }
        Self { shape, weights }
    }

    /// The network's size.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// All weights, flat: `lift` of shape `(channels, 2 radius + 1)`, `bias` of shape `(channels,)`,
    /// `project` of shape `(channels, 2 radius + 1)`, `given` of shape `(channels, conditions, 2 radius + 1)`.
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// Applies a network without conditions: point values of shape `(n,)` to `(n,)`.
    ///
    /// Any `n` is accepted, but the weights belong to the grid spacing that they were trained on.
    pub fn predict(&self, field: &[f64]) -> Vec<f64> {
        self.predict_given(field, &[])
    }

    /// Applies the network to `field`, shape `(n,)`, given `conditions`, shape `(conditions, n)`: the fields one after
    /// the other. Those that are missing count as zero.
    pub fn predict_given(&self, field: &[f64], conditions: &[f64]) -> Vec<f64> {
        let mut tape = Tape::new(self.shape, field.len());
        tape.forward(self, field, conditions);
        tape.into_output()
    }

    /// Moves each weight the share `rate` of the way to the one of `other`: an average over updates.
    pub fn approach(&mut self, other: &Self, rate: f64) {
        for (weight, other) in self.weights.iter_mut().zip(&other.weights) {
            *weight += rate * (other - *weight);
        }
    }
}

/// A network as read, before its weights are counted: a file is edited or truncated more easily
/// than a network is debugged.
#[derive(serde::Deserialize)]
struct Stored {
    shape: Shape,
    weights: Vec<f64>,
}

impl TryFrom<Stored> for Network {
    type Error = String;

    fn try_from(Stored { shape, weights }: Stored) -> Result<Self, String> {
        let (held, asked) = (weights.len(), shape.weight_count());
        if held == asked {
            Ok(Self { shape, weights })
        } else {
            Err(format!("the shape asks for {asked} weights, the file holds {held}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::burgers::{Waves, score};

    fn field(n: usize) -> Vec<f64> {
        Waves::random(3, &mut fastrand::Rng::with_seed(4)).sample(n)
    }

    #[test]
    fn starts_near_the_identity_and_keeps_the_mean() {
        let u = field(32);
        let end = Network::new(Shape::default(), 1).predict(&u);
        let change = score::nrmse(&end, &u);
        assert!(change > 0.0 && change < 0.5, "{change}");
        assert!(score::conservation_gap(&end, &u) < 1e-14);
        let free = Shape { conservative: false, ..Shape::default() };
        assert!(score::conservation_gap(&Network::new(free, 1).predict(&u), &u) > 1e-6);
    }

    #[test]
    fn commutes_with_shifts() {
        let network = Network::new(Shape::default(), 1);
        let mut u = field(20);
        let mut end = network.predict(&u);
        u.rotate_left(7);
        end.rotate_left(7);
        assert!(score::max_error(&network.predict(&u), &end) < 1e-14);
    }

    #[test]
    fn takes_fields_of_any_length() {
        let network = Network::new(Shape::default(), 1);
        assert!(network.predict(&[]).is_empty());
        assert_eq!(network.predict(&[1.0, 2.0]).len(), 2);
    }
}
