//! The exact solution, by the Cole–Hopf transformation.
//!
//! With `u = -2 nu phi_x / phi`, Burgers' equation becomes the heat equation for `phi` (E. Hopf,
//! Comm. Pure Appl. Math. 3 (1950); J. D. Cole, Quart. Appl. Math. 9 (1951)). Convolving with the
//! heat kernel and differentiating under the integral gives the solution as a weighted mean of the
//! initial field `u_0`, whose potential is `U`:
//!
//! ```text
//! u(x, t) = ∫ u_0(y) w(y) dy / ∫ w(y) dy,    w(y) = exp(-(x - y)^2 / (4 nu t) - U(y) / (2 nu))
//! ```
//!
//! A mean flow `m` is a change of frame: `u(x, t) = m + v(x - m t, t)`.

use super::Waves;

/// Weights below `exp(-CUTOFF)` of the largest one are dropped: they are under round-off.
const CUTOFF: f64 = 40.0;

/// The exact `u(x, t)` for the initial condition `waves` and the viscosity `nu > 0` (NaN otherwise).
///
/// The integral runs over `eta = (x - y) / sqrt(4 nu t)` with the trapezoidal rule, which converges
/// exponentially for such integrands; its step follows the narrowest peak that `w` can have.
/// Weights are taken relative to the largest one, so a small `nu` neither overflows nor underflows.
pub fn value(waves: &Waves, nu: f64, time: f64, x: f64) -> f64 {
    if nu <= 0.0 || nu.is_nan() || time.is_nan() {
        return f64::NAN;
    }
    if time <= 0.0 {
        return waves.at(x);
    }
    let x = x - waves.mean * time;
    let width = (4.0 * nu * time).sqrt();
    // -log w = eta^2 + U / (2 nu): its curvature is at most 2 (1 + t max|u_0'|), and beyond `reach`
    // the parabola alone exceeds the minimum, whatever U does, by the cut-off.
    let spacing = 0.1 / (1.0 + time * waves.slope_bound()).sqrt();
    let reach = (waves.potential_bound() / nu + CUTOFF).sqrt();
    let right = (0..).map(|j| f64::from(j) * spacing).take_while(|eta| *eta <= reach);
    let left = (1..).map(|j| -f64::from(j) * spacing).take_while(|eta| -*eta <= reach);
    let nodes: Vec<(f64, f64)> = left
        .chain(right)
        .map(|eta| {
            let y = x - width * eta;
            (-eta * eta - waves.potential(y) / (2.0 * nu), waves.at(y))
        })
        .collect();
    let largest = nodes.iter().fold(f64::NEG_INFINITY, |max, (log_weight, _)| log_weight.max(max));
    let (mut sum, mut total) = (0.0, 0.0);
    for (log_weight, initial) in nodes {
        let weight = (log_weight - largest).exp();
        sum += weight * initial;
        total += weight;
    }
    sum / total
}

/// The exact point values `u(i / points, t)`, shape `(points,)`.
pub fn field(waves: &Waves, nu: f64, time: f64, points: usize) -> Vec<f64> {
    (0..points).map(|i| value(waves, nu, time, i as f64 / points as f64)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::{PI, TAU};

    /// The modified Bessel function `I_n(z) = (1 / pi) ∫_0^pi exp(z cos s) cos(n s) ds`.
    fn bessel(n: u32, z: f64) -> f64 {
        let nodes = 200;
        let sum: f64 = (0..nodes)
            .map(|j| PI * (f64::from(j) + 0.5) / f64::from(nodes))
            .map(|s| (z * s.cos()).exp() * (f64::from(n) * s).cos())
            .sum();
        sum / f64::from(nodes)
    }

    /// Cole's series for `u_0 = sin(2 pi x)`: `phi_0 ~ exp(z cos(2 pi x))` with `z = 1 / (4 pi nu)`.
    fn series(nu: f64, time: f64, x: f64) -> f64 {
        let z = 1.0 / (4.0 * PI * nu);
        let (mut slope, mut phi) = (0.0, bessel(0, z));
        for n in 1..30 {
            let k = TAU * f64::from(n);
            let term = 2.0 * bessel(n, z) * (-k * k * nu * time).exp();
            phi += term * (k * x).cos();
            slope -= term * k * (k * x).sin();
        }
        -2.0 * nu * slope / phi
    }

    #[test]
    fn agrees_with_the_bessel_series() {
        for nu in [0.02, 0.1] {
            for i in 0..20 {
                let x = f64::from(i) / 20.0;
                let gap = value(&Waves::sine(1.0), nu, 0.3, x) - series(nu, 0.3, x);
                assert!(gap.abs() < 1e-12, "nu {nu}, x {x}: {gap}");
            }
        }
    }

    #[test]
    fn satisfies_the_equation_with_a_mean_flow() {
        let waves = Waves::random(3, &mut fastrand::Rng::with_seed(2));
        let (nu, t, h) = (0.05, 0.2, 1e-3);
        for i in 0..10 {
            let x = f64::from(i) / 10.0;
            let at = |dt: f64, dx: f64| value(&waves, nu, t + dt, x + dx);
            let rate = (at(h, 0.0) - at(-h, 0.0)) / (2.0 * h);
            let slope = (at(0.0, h) - at(0.0, -h)) / (2.0 * h);
            let curvature = (at(0.0, h) - 2.0 * at(0.0, 0.0) + at(0.0, -h)) / (h * h);
            let residual = rate + at(0.0, 0.0) * slope - nu * curvature;
            assert!(residual.abs() < 2e-3, "residual {residual} at {x}");
        }
    }

    #[test]
    fn a_small_viscosity_gives_the_inviscid_wave() {
        // Before the shock, u is constant on x = y + u_0(y) t.
        let (y, t) = (0.1_f64, 0.1);
        let speed = (TAU * y).sin();
        let u = value(&Waves::sine(1.0), 1e-6, t, y + speed * t);
        assert!((u - speed).abs() < 1e-4, "{u} for {speed}");
        assert!(value(&Waves::sine(1.0), 0.0, t, y).is_nan());
    }
}
