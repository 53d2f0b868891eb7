//! Gradient descent on a network's weights, one batch at a time.

use super::Network;
use super::adam::Adam;
use super::tape::Tape;

/// A gradient longer than this is scaled back to it: applied several times in a row, an unlucky step of the weights
/// can blow the field up.
const CLIP: f64 = 1.0;

/// The learning rate ends at this fraction of where it started.
const FINAL_RATE: f64 = 0.01;

/// What one update of the weights did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Update {
    /// L2 norm of the gradient before clipping.
    pub grad_norm: f64,
    /// Learning rate of the update.
    pub lr: f64,
}

/// Adam with clipped gradients and a learning rate that falls along a half cosine, for fields of one length.
pub struct Descent {
    learning_rate: f64,
    updates: usize,
    done: usize,
    gradient: Vec<f64>,
    cotangent: Vec<f64>,
    adam: Adam,
    tape: Tape,
}

impl Descent {
    /// For `network`, on fields of `points` points; the rate falls over `updates` updates, later ones keep the last.
    pub fn new(network: &Network, points: usize, learning_rate: f64, updates: usize) -> Self {
        let weights = network.weights().len();
        Self {
            learning_rate,
            updates: updates.max(1),
            done: 0,
            gradient: vec![0.0; weights],
            cotangent: vec![0.0; points],
            adam: Adam::new(weights),
            tape: Tape::new(network.shape(), points),
        }
    }

    /// Updates so far.
    pub fn done(&self) -> usize {
        self.done
    }

    /// Runs the network on one sample and adds its gradient to the batch's.
    ///
    /// `loss` gets the output and writes the loss's derivative in it to its second argument; what it returns is passed on.
    pub fn add(
        &mut self,
        network: &Network,
        field: &[f64],
        conditions: &[f64],
        loss: impl FnOnce(&[f64], &mut [f64]) -> f64,
    ) -> f64 {
        self.tape.forward(network, field, conditions);
        let loss = loss(self.tape.output(), &mut self.cotangent);
        self.tape.backward(network, &mut self.cotangent, &mut self.gradient);
        loss
    }

    /// Moves the weights along the gradients added since the last update.
    pub fn update(&mut self, network: &mut Network) -> Update {
        let lr = self.rate();
        let grad_norm = self.gradient.iter().map(|g| g * g).sum::<f64>().sqrt();
        let scale = if grad_norm > CLIP { CLIP / grad_norm } else { 1.0 };
        self.adam.step(&mut network.weights, &self.gradient, scale, lr);
        self.gradient.fill(0.0);
        self.done += 1;
        Update { grad_norm, lr }
    }

    /// A half cosine from the first rate to [`FINAL_RATE`] of it (Loshchilov & Hutter, ICLR 2017).
    fn rate(&self) -> f64 {
        let progress = (self.done as f64 / self.updates as f64).min(1.0);
        let cosine = 0.5 * (1.0 + (std::f64::consts::PI * progress).cos());
        self.learning_rate * (FINAL_RATE + (1.0 - FINAL_RATE) * cosine)
    }
}

/// Adds `scale * |output - target|^2` up, and writes its derivative in the output to `cotangent`.
pub fn squared_error(scale: f64, output: &[f64], target: &[f64], cotangent: &mut [f64]) -> f64 {
    let mut loss = 0.0;
    for ((slot, p), t) in cotangent.iter_mut().zip(output).zip(target) {
        loss += scale * (p - t) * (p - t);
        *slot = 2.0 * scale * (p - t);
    }
    loss
}
