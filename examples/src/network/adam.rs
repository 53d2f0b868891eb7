//! Adam, as in Kingma & Ba, "Adam: a method for stochastic optimization", ICLR 2015.

/// Decay rates of the two averages, and the floor of the denominator: the paper's values.
const BETA: (f64, f64) = (0.9, 0.999);
const EPSILON: f64 = 1e-8;

/// The optimiser's memory: running averages of the gradient and of its square, per weight.
pub(super) struct Adam {
    count: i32,
    first: Vec<f64>,
    second: Vec<f64>,
}

impl Adam {
    pub(super) fn new(weights: usize) -> Self {
        Self { count: 0, first: vec![0.0; weights], second: vec![0.0; weights] }
    }

    /// Moves `weights` by one step of learning rate `lr` along `scale * gradient`.
    pub(super) fn step(&mut self, weights: &mut [f64], gradient: &[f64], scale: f64, lr: f64) {
        self.count = self.count.saturating_add(1);
        // Both averages start at 0; dividing by these takes that bias out.
        let debias = (1.0 - BETA.0.powi(self.count), 1.0 - BETA.1.powi(self.count));
        let averages = self.first.iter_mut().zip(&mut self.second);
        for ((weight, g), (first, second)) in weights.iter_mut().zip(gradient).zip(averages) {
            let g = scale * g;
            *first += (1.0 - BETA.0) * (g - *first);
            *second += (1.0 - BETA.1) * (g * g - *second);
            *weight -= lr * (*first / debias.0) / ((*second / debias.1).sqrt() + EPSILON);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_steps_by_hand() {
        // With the gradients 2 then 1, the debiased averages are 2 and 4, then
        // (0.9 * 0.2 + 0.1 * 1) / 0.19 and (0.999 * 0.004 + 0.001 * 1) / 0.001999.
        let (mut adam, mut weights) = (Adam::new(1), [1.0]);
        adam.step(&mut weights, &[4.0], 0.5, 0.1);
        assert!((weights[0] - 0.9).abs() < 1e-8);
        adam.step(&mut weights, &[1.0], 1.0, 0.1);
        let expected = 0.9 - 0.1 * (0.28 / 0.19) / (0.004_996_f64 / 0.001_999).sqrt();
        assert!((weights[0] - expected).abs() < 1e-8, "{}", weights[0]);
    }
}
