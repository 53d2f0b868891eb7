//! A small network that learns the map `u(0) -> u(T)`: a learned time-stepping scheme.
//!
//! The network is a numerical scheme whose flux is learned. It applies the same step `steps` times:
//!
//! ```text
//! h_c  = silu(lift_c * u + bias_c)            for each hidden channel c
//! g    = sum_c project_c * h_c
//! u'_i = u_i + g_{i-1} - g_i    (conservative)    or    u'_i = u_i + g_i
//! ```
//!
//! where `*` is a periodic convolution over `2 radius + 1` points and `silu(a) = a / (1 + exp(-a))`
//! (Elfwing, Uchibe & Doya, Neural Networks 107 (2018)), which is quadratic near 0 as the flux
//! `u^2 / 2` is. In the conservative form, `g` is a flux through the cell faces, and the mean of the
//! field is kept to round-off whatever the weights. Being a convolution, the network commutes with
//! shifts, as Burgers' equation does.

use std::path::Path;
use std::{fs, io};

mod adam;
mod conv;
mod tape;
pub mod train;

use tape::Tape;

/// The size of an [`Operator`].
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
    /// Whether a step adds the difference of a learned flux (and so keeps the mean), or `g` itself.
    pub conservative: bool,
}

impl Default for Shape {
    fn default() -> Self {
        Self { channels: 12, radius: 3, steps: 5, conservative: true }
    }
}

impl Shape {
    /// How many weights the network has: `channels * (2 (2 radius + 1) + 1)`.
    pub fn weight_count(&self) -> usize {
        let kernel = self.radius.saturating_mul(2).saturating_add(1);
        self.channels.saturating_mul(kernel.saturating_mul(2).saturating_add(1))
    }

    /// Weights of one kernel.
    fn kernel(&self) -> usize {
        2 * self.radius + 1
    }

    /// Where `lift` ends and `bias` ends in the flat weights: `lift | bias | project`.
    fn cuts(&self) -> (usize, usize) {
        let lift = self.channels * self.kernel();
        (lift, lift + self.channels)
    }
}

/// The learned operator: a shape and its weights.
#[derive(Clone, Debug, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "Stored")]
pub struct Operator {
    shape: Shape,
    weights: Vec<f64>,
}

impl Operator {
    /// An untrained operator, close to the identity, with seeded random weights.
    pub fn new(shape: Shape, seed: u64) -> Self {
        let mut rng = fastrand::Rng::with_seed(seed);
        let (lift, bias) = shape.cuts();
        // Uniform with the variance 1 / fan-in for the first layer; the second one is much smaller, so
        // that `steps` applications in a row start near the identity and gradients neither vanish nor blow up.
        let lift_scale = (3.0 / shape.kernel() as f64).sqrt();
        let project_scale = 0.3 / (shape.steps.max(1) * shape.channels.max(1) * shape.kernel()) as f64;
        let weights = (0..shape.weight_count())
            .map(|i| {
                let scale = if i < lift {
                    lift_scale
                } else if i < bias {
                    1.0
                } else {
                    project_scale
                };
                scale * (2.0 * rng.f64() - 1.0)
            })
            .collect();
        Self { shape, weights }
    }

    /// The network's size.
    pub fn shape(&self) -> Shape {
        self.shape
    }

    /// All weights, flat: `lift` of shape `(channels, 2 radius + 1)`, `bias` of shape `(channels,)`,
    /// `project` of shape `(channels, 2 radius + 1)`.
    pub fn weights(&self) -> &[f64] {
        &self.weights
    }

    /// Predicts `u(T)` from `u(0)`: point values of shape `(n,)` to `(n,)`.
    ///
    /// Any `n` is accepted, but the weights belong to the grid spacing that they were trained on.
    pub fn predict(&self, initial: &[f64]) -> Vec<f64> {
        let mut tape = Tape::new(self.shape, initial.len());
        tape.forward(self, initial);
        tape.into_output()
    }

    /// Writes the operator as JSON, through a temporary file beside `path`: a run that is killed
    /// leaves the previous checkpoint or the new one, never half of it.
    ///
    /// # Errors
    ///
    /// Any error of writing or renaming the file.
    pub fn save(&self, path: impl AsRef<Path>) -> io::Result<()> {
        let path = path.as_ref();
        let mut partial = path.as_os_str().to_owned();
        partial.push(".partial");
        fs::write(&partial, serde_json::to_vec(self)?)?;
        fs::rename(&partial, path)
    }

    /// Reads what [`save`](Self::save) wrote.
    ///
    /// # Errors
    ///
    /// Any error of reading the file; [`io::ErrorKind::InvalidData`] where it is no operator or has
    /// another number of weights than its shape asks for. A diverged operator does not load: JSON has
    /// no NaN.
    pub fn load(path: impl AsRef<Path>) -> io::Result<Self> {
        serde_json::from_slice(&fs::read(path)?)
            .map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }

    /// The weights as `(lift, bias, project)`.
    fn layers(&self) -> (&[f64], &[f64], &[f64]) {
        let (lift, bias) = self.shape.cuts();
        (&self.weights[..lift], &self.weights[lift..bias], &self.weights[bias..])
    }
}

/// An operator as read, before its weights are counted: a file is edited or truncated more easily
/// than a network is debugged.
#[derive(serde::Deserialize)]
struct Stored {
    shape: Shape,
    weights: Vec<f64>,
}

impl TryFrom<Stored> for Operator {
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
        let end = Operator::new(Shape::default(), 1).predict(&u);
        let change = score::nrmse(&end, &u);
        assert!(change > 0.0 && change < 0.5, "{change}");
        assert!(score::conservation_gap(&end, &u) < 1e-14);
        let free = Shape { conservative: false, ..Shape::default() };
        assert!(score::conservation_gap(&Operator::new(free, 1).predict(&u), &u) > 1e-6);
    }

    #[test]
    fn commutes_with_shifts() {
        let operator = Operator::new(Shape::default(), 1);
        let mut u = field(20);
        let mut end = operator.predict(&u);
        u.rotate_left(7);
        end.rotate_left(7);
        assert!(score::max_error(&operator.predict(&u), &end) < 1e-14);
    }

    #[test]
    fn takes_fields_of_any_length() {
        let operator = Operator::new(Shape::default(), 1);
        assert!(operator.predict(&[]).is_empty());
        assert_eq!(operator.predict(&[1.0, 2.0]).len(), 2);
    }

    #[test]
    fn a_checkpoint_gives_the_operator_back() -> io::Result<()> {
        let path = std::env::temp_dir().join(format!("burgers-operator-{}.json", std::process::id()));
        let operator = Operator::new(Shape::default(), 2);
        operator.save(&path)?;
        let loaded = Operator::load(&path)?;
        assert_eq!(loaded.shape(), operator.shape());
        assert!(score::max_error(loaded.weights(), operator.weights()) < 1e-15);

        let cut = Operator { weights: vec![0.0; 3], ..operator };
        cut.save(&path)?;
        let error = Operator::load(&path).map(|_| ()).map_err(|error| error.kind());
        assert_eq!(error, Err(io::ErrorKind::InvalidData));
        fs::remove_file(&path)?;
        assert!(Operator::load(&path).is_err());
        Ok(())
    }
}
