//! Fifth-order WENO reconstruction.
//!
//! The candidate stencils and smoothness indicators are those of Jiang & Shu, "Efficient
//! implementation of weighted ENO schemes", J. Comput. Phys. 126 (1996); the weights are the "Z"
//! weights of Borges, Carmona, Costa & Don, J. Comput. Phys. 227 (2008), which keep the order at
//! smooth extrema where the original ones lose it.

/// Keeps the weights defined where the field is flat; far below any indicator that matters.
const EPSILON: f64 = 1e-40;

/// The value at the right face of the middle cell, from five cell averages `v[0..5]` (left to right).
///
/// For a face seen from its right side, pass the cells in reverse order.
pub(super) fn face_value(v: [f64; 5]) -> f64 {
    let [ll, l, mid, r, rr] = v;
    let candidates = [
        (2.0 * ll - 7.0 * l + 11.0 * mid) / 6.0,
        (-l + 5.0 * mid + 2.0 * r) / 6.0,
        (2.0 * mid + 5.0 * r - rr) / 6.0,
    ];
    let rough = [
        indicator(ll - 2.0 * l + mid, ll - 4.0 * l + 3.0 * mid),
        indicator(l - 2.0 * mid + r, l - r),
        indicator(mid - 2.0 * r + rr, 3.0 * mid - 4.0 * r + rr),
    ];
    let tau = (rough[0] - rough[2]).abs();
    let (mut sum, mut total) = (0.0, 0.0);
    for ((value, beta), ideal) in candidates.into_iter().zip(rough).zip([0.1, 0.6, 0.3]) {
        let ratio = tau / (beta + EPSILON);
        let weight = ideal * (1.0 + ratio * ratio);
        sum += weight * value;
        total += weight;
    }
    sum / total
}

/// Jiang & Shu's indicator from a stencil's second difference and its one-sided first difference.
fn indicator(second: f64, first: f64) -> f64 {
    13.0 / 12.0 * second * second + 0.25 * first * first
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exact_on_quadratics() {
        // Averages of x^2 over the cells [j - 1/2, j + 1/2], j = -2..=2; the face is at x = 1/2.
        let averages = [-2.0_f64, -1.0, 0.0, 1.0, 2.0].map(|x| x * x + 1.0 / 12.0);
        assert!((face_value(averages) - 0.25).abs() < 1e-13);
        assert!((face_value([3.0; 5]) - 3.0).abs() < 1e-15);
    }

    #[test]
    fn no_overshoot_at_a_jump() {
        let value = face_value([1.0, 1.0, 1.0, 0.0, 0.0]);
        assert!((value - 1.0).abs() < 1e-12, "{value}");
    }
}
