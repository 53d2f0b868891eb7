//! Beam search over rollouts.

/// A sequence of fields and what it earned.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Rollout {
    /// The fields after each jump; the initial one is not among them.
    pub fields: Vec<Vec<f64>>,
    /// The mean of what the jumps earned; the lowest of all where that is no number.
    pub reward: f64,
}

/// How wide and how far to search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beam {
    /// Rollouts that are kept after each jump (at least 1).
    pub width: usize,
    /// Jumps of a rollout.
    pub jumps: usize,
}

impl Beam {
    /// Lets every rollout go on in each way that `propose` knows, and keeps those that earned most; `earns` gets the
    /// field before a jump, the one after it, and the number of the jump from 0.
    pub fn search(
        self,
        initial: &[f64],
        mut propose: impl FnMut(&[f64]) -> Vec<Vec<f64>>,
        earns: impl Fn(&[f64], &[f64], usize) -> f64,
    ) -> Rollout {
        let mut beams = vec![Rollout::default()];
        for jump in 0..self.jumps {
            let mut next = Vec::new();
            for rollout in &beams {
                let before = rollout.fields.last().map_or(initial, Vec::as_slice);
                for after in propose(before) {
                    let reward = rollout.reward + number(earns(before, &after, jump)) / self.jumps as f64;
                    next.push(rollout.extended(after, reward));
                }
            }
            // A stable sort: among equals, the one proposed first.
            next.sort_by(|a, b| b.reward.total_cmp(&a.reward));
            next.truncate(self.width.max(1));
            beams = next;
        }
        beams.into_iter().next().unwrap_or_default()
    }
}

impl Rollout {
    fn extended(&self, field: Vec<f64>, reward: f64) -> Self {
        let fields = self.fields.iter().cloned().chain([field]).collect();
        Self { fields, reward }
    }
}

/// The rollout where there is one way to go on: a search without a choice.
pub fn plain(
    initial: &[f64],
    jumps: usize,
    predict: impl Fn(&[f64]) -> Vec<f64>,
    earns: impl Fn(&[f64], &[f64], usize) -> f64,
) -> Rollout {
    Beam { width: 1, jumps }.search(initial, |field| vec![predict(field)], earns)
}

/// A rollout that blew up must not win.
fn number(reward: f64) -> f64 {
    if reward.is_nan() { f64::NEG_INFINITY } else { reward }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goes on to `x + 1` or `x * 3`.
    fn propose(field: &[f64]) -> Vec<Vec<f64>> {
        vec![vec![field[0] + 1.0], vec![field[0] * 3.0]]
    }

    /// Far from 10 at the end is bad, and until then small is good.
    fn earns(_: &[f64], after: &[f64], jump: usize) -> f64 {
        if jump < 2 { -after[0] } else { -10.0 * (after[0] - 10.0).abs() }
    }

    fn last(rollout: &Rollout) -> f64 {
        rollout.fields[2][0]
    }

    #[test]
    fn a_wide_beam_finds_what_a_narrow_one_misses() {
        let search = |width| Beam { width, jumps: 3 }.search(&[1.0], propose, earns);
        let (narrow, wide) = (search(1), search(4));
        // One beam takes the small steps 2, 3 and then 9; the best is 2, 3, 9 or 3, 9, 10 at (-3 - 9 - 0) / 3.
        assert!((last(&narrow) - 9.0).abs() < 1e-12 && (narrow.reward + 5.0).abs() < 1e-12, "{narrow:?}");
        assert!((last(&wide) - 10.0).abs() < 1e-12 && (wide.reward + 4.0).abs() < 1e-12, "{wide:?}");
    }

    #[test]
    fn without_a_choice_it_is_the_plain_rollout() {
        let double = |field: &[f64]| vec![2.0 * field[0]];
        let searched = Beam { width: 1, jumps: 3 }.search(&[1.0], |field| vec![double(field)], earns);
        assert_eq!(searched, plain(&[1.0], 3, double, earns));
        assert_eq!(searched.fields, [[2.0], [4.0], [8.0]]);
    }

    #[test]
    fn what_is_no_number_never_wins() {
        let propose = |_: &[f64]| vec![vec![f64::NAN], vec![1.0]];
        let rollout = Beam { width: 1, jumps: 2 }.search(&[0.0], propose, |_, after, _| -after[0]);
        assert_eq!(rollout.fields, [[1.0], [1.0]]);
        let lost = plain(&[0.0], 1, |_| vec![f64::NAN], |_, after, _| after[0]);
        assert!(lost.reward.is_infinite());
    }
}
