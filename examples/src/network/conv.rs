//! Periodic convolution of one channel, and its derivatives.
//!
//! A field of `n` points is padded by `radius` points on each side, so that the inner loops run over
//! contiguous memory. With the padded field `p` and a kernel `w` of `2 radius + 1` weights, the layer
//! computes `out_i = sum_k w_k p_{i + k}`: the stencil is centred on point `i`.

/// Independent partial sums in [`dot`]: floating-point addition is not associative, so the compiler
/// vectorises a reduction only when the source spells the lanes out.
const LANES: usize = 8;

/// Copies `field` with its periodic images: shape `(n,)` to `(n + 2 radius,)`.
pub(super) fn pad(field: &[f64], radius: usize, padded: &mut [f64]) {
    let n = field.len();
    for (j, slot) in padded.iter_mut().enumerate() {
        *slot = field[wrap(j, radius, n)];
    }
}

/// The adjoint of [`pad`]: adds each padded entry to the point that it is an image of.
pub(super) fn fold(padded: &[f64], radius: usize, field: &mut [f64]) {
    let n = field.len();
    for (j, value) in padded.iter().enumerate() {
        field[wrap(j, radius, n)] += value;
    }
}

/// `out_i += sum_k kernel_k padded_{i + k}`.
pub(super) fn correlate(padded: &[f64], kernel: &[f64], out: &mut [f64]) {
    for (k, weight) in kernel.iter().enumerate() {
        for (out, value) in out.iter_mut().zip(&padded[k..]) {
            *out += weight * value;
        }
    }
}

/// The adjoint of [`correlate`] in the field: `padded_{i + k} += sum kernel_k out_i`.
pub(super) fn correlate_to_field(out: &[f64], kernel: &[f64], padded: &mut [f64]) {
    for (k, weight) in kernel.iter().enumerate() {
        for (value, out) in padded[k..].iter_mut().zip(out) {
            *value += weight * out;
        }
    }
}

/// The adjoint of [`correlate`] in the kernel: `kernel_k += sum_i out_i padded_{i + k}`.
pub(super) fn correlate_to_kernel(out: &[f64], padded: &[f64], kernel: &mut [f64]) {
    for (k, weight) in kernel.iter_mut().enumerate() {
        *weight += dot(out, &padded[k..k + out.len()]);
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    let (a_blocks, a_rest) = a.as_chunks::<LANES>();
    let (b_blocks, b_rest) = b.as_chunks::<LANES>();
    let mut lanes = [0.0; LANES];
    for (a, b) in a_blocks.iter().zip(b_blocks) {
        for (lane, (a, b)) in lanes.iter_mut().zip(a.iter().zip(b)) {
            *lane += a * b;
        }
    }
    let rest: f64 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    lanes.iter().sum::<f64>() + rest
}

/// The point that padded entry `j` is an image of; right even where `radius` exceeds `n`.
fn wrap(j: usize, radius: usize, n: usize) -> usize {
    (j + radius * (n - 1)) % n
}

#[cfg(test)]
mod tests {
    use super::*;

    fn draw(n: usize, rng: &mut fastrand::Rng) -> Vec<f64> {
        (0..n).map(|_| rng.f64() - 0.5).collect()
    }

    #[test]
    fn a_shifted_unit_kernel_shifts_the_field() {
        let field = [1.0, 2.0, 3.0, 4.0];
        for (kernel, expected) in
            [([0.0, 0.0, 1.0], [2.0, 3.0, 4.0, 1.0]), ([1.0, 0.0, 0.0], [4.0, 1.0, 2.0, 3.0])]
        {
            let (mut padded, mut out) = ([0.0; 6], [0.0; 4]);
            pad(&field, 1, &mut padded);
            correlate(&padded, &kernel, &mut out);
            assert_eq!(out.map(f64::to_bits), expected.map(f64::to_bits));
        }
    }

    #[test]
    fn adjoints_pass_the_dot_product_test() {
        let mut rng = fastrand::Rng::with_seed(1);
        for (n, radius) in [(13, 3), (2, 5)] {
            let (field, kernel, out) = (draw(n, &mut rng), draw(2 * radius + 1, &mut rng), draw(n, &mut rng));
            let (mut padded, mut forward) = (vec![0.0; n + 2 * radius], vec![0.0; n]);
            pad(&field, radius, &mut padded);
            correlate(&padded, &kernel, &mut forward);
            let expected = dot(&forward, &out);

            let (mut padded_back, mut field_back) = (vec![0.0; n + 2 * radius], vec![0.0; n]);
            correlate_to_field(&out, &kernel, &mut padded_back);
            fold(&padded_back, radius, &mut field_back);
            assert!((dot(&field_back, &field) - expected).abs() < 1e-14);

            let mut kernel_back = vec![0.0; kernel.len()];
            correlate_to_kernel(&out, &padded, &mut kernel_back);
            assert!((dot(&kernel_back, &kernel) - expected).abs() < 1e-14);
        }
    }
}
