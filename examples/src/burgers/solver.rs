//! A conservative solver: WENO5 advection, fourth-order diffusion, RK4 in time.

use super::weno::face_value;

/// Courant number of the advection limit; RK4 with WENO5 tolerates more than 1.
const ADVECTION: f64 = 0.5;

/// Limit of `nu dt / h^2`. The diffusion operator's largest eigenvalue is `16/3 nu / h^2` and RK4's
/// stability interval on the negative real axis is 2.785, so 0.52 would be the edge.
const DIFFUSION: f64 = 0.35;

/// Ghost points on the left and on the right of the periodic field: the widest stencil of a face.
const GHOSTS: (usize, usize) = (2, 3);

/// A field that evolves under Burgers' equation, with its time.
///
/// In space, a finite-difference scheme in flux form on point values,
/// `du_i/dt = -(F_{i+1/2} - F_{i-1/2}) / h`: the advective part of `F` is WENO5 with a
/// Lax–Friedrichs splitting (Jiang & Shu 1996), the viscous part is
/// `-nu (u_{i-1} - 15 u_i + 15 u_{i+1} - u_{i+2}) / (12 h)`, whose difference is the usual fourth-order
/// second derivative. The mean of the field is conserved to round-off because the fluxes telescope.
/// In time, the classical fourth-order Runge–Kutta scheme with a step that respects both limits.
#[derive(Clone, Debug)]
pub struct Solver {
    nu: f64,
    time: f64,
    state: Vec<f64>,
    stage: Vec<f64>,
    rate: Vec<f64>,
    sum: Vec<f64>,
    padded: Vec<f64>,
    faces: Vec<f64>,
}

impl Solver {
    /// Starts at time 0 from the point values `initial`, shape `(n,)`, with viscosity `nu >= 0`.
    pub fn new(nu: f64, initial: &[f64]) -> Self {
        let zeros = vec![0.0; initial.len()];
        Self {
            nu,
            time: 0.0,
            state: initial.to_vec(),
            stage: zeros.clone(),
            rate: zeros.clone(),
            sum: zeros.clone(),
            padded: Vec::with_capacity(initial.len() + GHOSTS.0 + GHOSTS.1),
            faces: zeros,
        }
    }

    /// The current time.
    pub fn time(&self) -> f64 {
        self.time
    }

    /// The current point values, shape `(n,)`.
    pub fn state(&self) -> &[f64] {
        &self.state
    }

    /// The largest stable time step for the current field,
    /// `1 / (max|u| / (0.5 h) + nu / (0.35 h^2))`: the two limits add up because both terms act in
    /// every stage.
    pub fn stable_step(&self) -> f64 {
        let n = self.state.len() as f64;
        1.0 / (max_speed(&self.state) * n / ADVECTION + self.nu * n * n / DIFFUSION)
    }

    /// Advances by one time step of at most `limit` and returns its length.
    ///
    /// Where no stable step exists (the field is not finite), the step is `limit`: a broken field
    /// stays visibly broken and a loop over time ends.
    pub fn step(&mut self, limit: f64) -> f64 {
        let stable = self.stable_step();
        let dt = if self.time + stable > self.time { stable.min(limit) } else { limit };
        self.sum.copy_from_slice(&self.state);
        self.stage.copy_from_slice(&self.state);
        // The classical tableau: each stage starts at u + dt * ahead * k, and weighs `weight` at the end.
        for (ahead, weight) in [(0.5, 1.0 / 6.0), (0.5, 1.0 / 3.0), (1.0, 1.0 / 3.0), (0.0, 1.0 / 6.0)] {
            self.evaluate_rate();
            for (sum, rate) in self.sum.iter_mut().zip(&self.rate) {
                *sum += dt * weight * rate;
            }
            for ((stage, start), rate) in self.stage.iter_mut().zip(&self.state).zip(&self.rate) {
                *stage = start + dt * ahead * rate;
            }
        }
        std::mem::swap(&mut self.state, &mut self.sum);
        self.time += dt;
        dt
    }

    /// Advances to the time `end` exactly and returns how many steps that took.
    pub fn advance_to(&mut self, end: f64) -> usize {
        let mut steps = 0;
        while self.time < end {
            let left = end - self.time;
            if self.step(left) >= left {
                self.time = end; // `time + (end - time)` may round to a neighbour of `end`
            }
            steps += 1;
        }
        steps
    }

    /// `rate = du/dt` at `stage`.
    fn evaluate_rate(&mut self) {
        let n = self.stage.len();
        if n == 0 {
            return; // nothing to wrap around
        }
        let speed = max_speed(&self.stage);
        let viscous = self.nu * n as f64 / 12.0;
        self.padded.clear();
        self.padded
            .extend((0..n + GHOSTS.0 + GHOSTS.1).map(|i| self.stage[(i + GHOSTS.0 * n - GHOSTS.0) % n]));
        // faces[i] is the flux through x_{i + 1/2}; its window starts at point i - 2.
        for (face, window) in self.faces.iter_mut().zip(self.padded.windows(6)) {
            let &[far_left, left, here, next, right, far_right] = window else { continue };
            // The halves of the flux u^2 / 2 whose waves go right and left.
            let rightward = |u: f64| 0.5 * (0.5 * u * u + speed * u);
            let leftward = |u: f64| 0.5 * (0.5 * u * u - speed * u);
            *face = face_value([far_left, left, here, next, right].map(rightward))
                + face_value([far_right, right, next, here, left].map(leftward))
                - viscous * (left - 15.0 * here + 15.0 * next - right);
        }
        let mut before = self.faces.last().copied().unwrap_or_default();
        for (rate, &after) in self.rate.iter_mut().zip(&self.faces) {
            *rate = (before - after) * n as f64;
            before = after;
        }
    }
}

/// The field at time `time`, from the point values `initial` at time 0: shape `(n,)` to `(n,)`.
pub fn solve(nu: f64, initial: &[f64], time: f64) -> Vec<f64> {
    let mut solver = Solver::new(nu, initial);
    solver.advance_to(time);
    solver.state
}

fn max_speed(u: &[f64]) -> f64 {
    u.iter().fold(0.0, |max, u| u.abs().max(max))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::burgers::{Waves, exact, score};

    fn error(waves: &Waves, nu: f64, time: f64, points: usize) -> f64 {
        let truth = exact::field(waves, nu, time, points);
        score::max_error(&solve(nu, &waves.sample(points), time), &truth)
    }

    #[test]
    fn matches_the_exact_sine_wave() {
        // The inviscid wave breaks at t = 1 / (2 pi) = 0.16: at t = 0.3 this is a viscous shock.
        assert!(error(&Waves::sine(1.0), 0.02, 0.3, 128) < 1e-4);
    }

    #[test]
    fn matches_the_exact_solution_of_random_waves() {
        let mut rng = fastrand::Rng::with_seed(11);
        for _ in 0..3 {
            let e = error(&Waves::random(3, &mut rng), 0.02, 0.25, 128);
            assert!(e < 1e-3, "{e}");
        }
    }

    #[test]
    fn converges_at_fourth_order() {
        let errors = [32, 64, 128].map(|n| error(&Waves::sine(1.0), 0.05, 0.2, n));
        for pair in errors.windows(2) {
            let order = (pair[0] / pair[1]).log2();
            assert!((3.5..6.5).contains(&order), "order {order} from errors {errors:?}");
        }
    }

    #[test]
    fn conserves_the_mean_and_loses_energy() {
        let start = Waves::random(4, &mut fastrand::Rng::with_seed(5)).sample(64);
        let end = solve(0.01, &start, 0.3);
        assert!(score::conservation_gap(&end, &start) < 1e-14);
        assert!(score::energy(&end) < 0.9 * score::energy(&start));
    }

    #[test]
    fn stays_monotone_across_an_unresolved_shock() {
        // Maximum principle: the viscous solution never leaves the initial range.
        let end = solve(1e-5, &Waves::sine(1.0).sample(64), 0.4);
        assert!(end.iter().all(|u| u.abs() <= 1.0 + 1e-3), "{end:?}");
    }

    #[test]
    fn ends_at_the_time_asked_even_when_broken() {
        let mut solver = Solver::new(0.01, &Waves::sine(1.0).sample(16));
        assert!(solver.advance_to(0.1) > 1);
        assert!((solver.time() - 0.1).abs() < f64::EPSILON);
        assert!(!solve(0.01, &[f64::NAN, f64::INFINITY, 1.0], 1.0)[0].is_finite());
        assert!(solve(0.01, &[], 1.0).is_empty());
    }
}
