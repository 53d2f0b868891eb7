//! The values of a row on their way into a lane: two words each, its place and type, and the value itself.

use std::sync::atomic::{AtomicU64, Ordering};

use super::metric::Number;

const F64: u64 = 0;
const I64: u64 = 1;
const U64: u64 = 2;

/// Where the values of a row go.
#[derive(Debug)]
pub(crate) struct Cells<'lane> {
    places: &'lane [[AtomicU64; 2]],
    count: usize,
    unfit: bool,
}

impl<'lane> Cells<'lane> {
    pub(crate) fn new(places: &'lane [[AtomicU64; 2]]) -> Self {
        Self { places, count: 0, unfit: false }
    }

    /// How many there are, if all fit.
    pub(crate) fn count(&self) -> Option<usize> {
        (!self.unfit).then_some(self.count)
    }

    #[inline]
    fn push(&mut self, slot: usize, kind: u64, value: u64) {
        match self.places.get(self.count) {
            Some([tag, word]) => {
                tag.store((slot as u64) << 2 | kind, Ordering::Relaxed);
                word.store(value, Ordering::Relaxed);
                self.count += 1;
            }
            None => self.unfit = true,
        }
    }

    #[inline]
    pub(crate) fn number(&mut self, slot: usize, number: Number) {
        match number {
            Number::F64(v) => self.f64(slot, v),
            Number::I64(v) => self.i64(slot, v),
            Number::U64(v) => self.u64(slot, v),
        }
    }

    #[inline]
    pub(crate) fn f64(&mut self, slot: usize, value: f64) {
        self.push(slot, F64, value.to_bits());
    }

    #[inline]
    pub(crate) fn i64(&mut self, slot: usize, value: i64) {
        self.push(slot, I64, value.cast_unsigned());
    }

    #[inline]
    pub(crate) fn u64(&mut self, slot: usize, value: u64) {
        self.push(slot, U64, value);
    }

    /// A value is no number: the row must take another way.
    #[inline]
    pub(crate) fn refuse(&mut self) {
        self.unfit = true;
    }
}

/// The place and the number that two words hold.
#[inline]
pub(crate) fn decode(tag: u64, value: u64) -> (usize, Number) {
    let number = match tag & 3 {
        F64 => Number::F64(f64::from_bits(value)),
        I64 => Number::I64(value.cast_signed()),
        _ => Number::U64(value),
    };
    (usize::try_from(tag >> 2).unwrap_or(usize::MAX), number)
}
