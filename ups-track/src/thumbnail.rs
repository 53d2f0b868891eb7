//! A series of any length in few enough values for a sparkline.

/// Columns of a thumbnail.
const COLUMNS: usize = 48;

/// A history in at most [`COLUMNS`] values: every n-th one, where n doubles whenever they are full.
#[derive(Debug)]
pub(crate) struct Thumbnail {
    values: Vec<f64>,
    /// Values per column.
    stride: u64,
    seen: u64,
}

impl Default for Thumbnail {
    fn default() -> Self {
        Self { values: Vec::new(), stride: 1, seen: 0 }
    }
}

impl Thumbnail {
    #[inline]
    pub(crate) fn push(&mut self, value: f64) {
        // The stride is a power of two.
        if self.seen & (self.stride - 1) == 0 {
            self.keep(value);
        }
        self.seen += 1;
    }

    fn keep(&mut self, value: f64) {
        if self.values.len() == COLUMNS {
            let mut even = false;
            self.values.retain(|_| {
                even = !even;
                even
            });
            self.stride *= 2;
        }
        self.values.push(value);
    }

    /// The values that were kept, in order.
    pub(crate) fn values(&self) -> &[f64] {
        &self.values
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thumbnail_stays_small_and_evenly_spaced() {
        let mut thumbnail = Thumbnail::default();
        for i in 0..1000_u32 {
            thumbnail.push(f64::from(i));
        }
        let values = thumbnail.values();
        assert!(values.len() <= COLUMNS && values.len() > COLUMNS / 2 - 1);
        let steps: Vec<_> = values.windows(2).map(|w| w.iter().rev().copied().reduce(|b, a| b - a)).collect();
        assert!(steps.windows(2).all(|w| w.first() == w.last()), "{values:?}");
    }
}
