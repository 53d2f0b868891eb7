//! Initial conditions: a mean flow and a few Fourier modes.

use std::f64::consts::TAU;

/// A real trigonometric polynomial on the unit interval,
/// `u(x) = mean + sum_k a_k cos(2 pi k x) + b_k sin(2 pi k x)` with `k = 1, 2, ...`.
///
/// It knows its antiderivative in closed form, which is what the Cole–Hopf solution needs.
#[derive(Clone, Debug, PartialEq)]
pub struct Waves {
    /// The mean velocity, which Burgers' equation conserves.
    pub mean: f64,
    /// The pairs `(a_k, b_k)`; the first entry is wave number 1.
    pub modes: Vec<(f64, f64)>,
}

impl Waves {
    /// `amplitude * sin(2 pi x)`: the textbook wave that steepens into one shock at `x = 1/2`.
    pub fn sine(amplitude: f64) -> Self {
        Self { mean: 0.0, modes: vec![(0.0, amplitude)] }
    }

    /// A random smooth field with wave numbers `1..=modes`.
    ///
    /// Mode `k` has an amplitude uniform in `[0.2, 1] / k` and a uniform phase, so that no sample is
    /// flat and the spectrum falls like the one of a steepening wave; the mean is uniform in
    /// `[-0.25, 0.25]`.
    pub fn random(modes: usize, rng: &mut fastrand::Rng) -> Self {
        let mean = 0.5 * rng.f64() - 0.25;
        let modes = (1..=modes)
            .map(|k| {
                let amplitude = (0.2 + 0.8 * rng.f64()) / k as f64;
                let (sin, cos) = (TAU * rng.f64()).sin_cos();
                (amplitude * cos, amplitude * sin)
            })
            .collect();
        Self { mean, modes }
    }

    /// The value `u(x)`.
    pub fn at(&self, x: f64) -> f64 {
        self.mean + self.sum(x, |_, (a, b), (sin, cos)| a * cos + b * sin)
    }

    /// The point values at `x_i = i / points`.
    pub fn sample(&self, points: usize) -> Vec<f64> {
        (0..points).map(|i| self.at(i as f64 / points as f64)).collect()
    }

    /// The periodic antiderivative of `u - mean`, of mean zero:
    /// `sum_k (a_k sin(2 pi k x) - b_k cos(2 pi k x)) / (2 pi k)`.
    pub fn potential(&self, x: f64) -> f64 {
        self.sum(x, |omega, (a, b), (sin, cos)| (a * sin - b * cos) / omega)
    }

    /// An upper bound of `|potential(x)|` over the domain.
    pub fn potential_bound(&self) -> f64 {
        self.bound(|omega, size| size / omega)
    }

    /// An upper bound of `|u_x(x)|` over the domain; without viscosity no shock forms before
    /// `1 / slope_bound()`.
    pub fn slope_bound(&self) -> f64 {
        self.bound(|omega, size| size * omega)
    }

    fn sum(&self, x: f64, term: impl Fn(f64, (f64, f64), (f64, f64)) -> f64) -> f64 {
        self.indexed().map(|(omega, mode)| term(omega, mode, (omega * x).sin_cos())).sum()
    }

    fn bound(&self, term: impl Fn(f64, f64) -> f64) -> f64 {
        self.indexed().map(|(omega, (a, b))| term(omega, a.hypot(b))).sum()
    }

    /// The modes with their angular wave numbers `2 pi k`.
    fn indexed(&self) -> impl Iterator<Item = (f64, (f64, f64))> {
        self.modes.iter().enumerate().map(|(k, &mode)| (TAU * (k + 1) as f64, mode))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn potential_differentiates_to_the_wave_and_bounds_hold() {
        let waves = Waves::random(5, &mut fastrand::Rng::with_seed(3));
        let h = 1e-5;
        for i in 0..50 {
            let x = f64::from(i) / 50.0;
            let slope = (waves.potential(x + h) - waves.potential(x - h)) / (2.0 * h);
            assert!((slope - (waves.at(x) - waves.mean)).abs() < 1e-7, "at {x}");
            assert!(waves.potential(x).abs() <= waves.potential_bound());
            assert!(((waves.at(x + h) - waves.at(x - h)) / (2.0 * h)).abs() <= waves.slope_bound());
        }
    }

    #[test]
    fn the_seed_decides_the_wave() {
        let draw = |seed| Waves::random(3, &mut fastrand::Rng::with_seed(seed));
        assert_eq!(draw(1), draw(1));
        assert_ne!(draw(1), draw(2));
    }
}
