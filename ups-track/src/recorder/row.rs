//! Rows on their way to the writer: words in a buffer per thread.
//!
//! A row is `[plan | values << 32]`, the epoch, the time, one byte per value that tells its slot and type (eight to a
//! word), and one word per value. No allocation, no formatting: that is the writer's work.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use super::stage::Stage;
use crate::kinds::metric::Number;

/// Values that a row in a lane can have; wider rows travel as an operation.
pub(crate) const MAX_VALUES: usize = 60;

/// Words of a row before its tags.
const HEAD: usize = 3;

/// Words of the widest row.
const MAX_WORDS: usize = HEAD + MAX_VALUES.div_ceil(8) + MAX_VALUES;

/// Words that a lane holds before its thread waits: 256 KiB.
const CAPACITY: usize = 32 * 1024;

/// What a field of a row is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Slot {
    /// A metric, by its full key.
    Metric(String),
    /// The step.
    Step,
}

/// How the rows of one callsite in one stage are laid out. Made once, then only its number travels.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) id: u32,
    pub(crate) stage: Arc<Stage>,
    /// What each field is, by the position of the field in the callsite.
    pub(crate) slots: Vec<Option<Slot>>,
}

impl Plan {
    pub(crate) fn has_step(&self) -> bool {
        self.slots.contains(&Some(Slot::Step))
    }
}

/// A row that is being put together on the stack.
#[derive(Debug)]
pub(crate) struct RowBuffer {
    /// Whole words of tags, so that the last ones are copied too.
    tags: [u8; MAX_VALUES.next_multiple_of(8)],
    values: [u64; MAX_VALUES],
    count: usize,
    /// Whether a value did not fit; the row must take another way.
    overflow: bool,
}

const F64: u8 = 0;
const I64: u8 = 1;
const U64: u8 = 2;

impl RowBuffer {
    #[inline]
    pub(crate) fn new() -> Self {
        Self { tags: [0; _], values: [0; MAX_VALUES], count: 0, overflow: false }
    }

    #[inline]
    fn push(&mut self, slot: usize, kind: u8, value: u64) {
        match (self.tags.get_mut(self.count), self.values.get_mut(self.count)) {
            (Some(tag), Some(place)) if slot < MAX_VALUES => {
                #[expect(clippy::cast_possible_truncation, reason = "a slot is less than 60")]
                let slot = slot as u8;
                *tag = slot << 2 | kind;
                *place = value;
                self.count += 1;
            }
            _ => self.overflow = true,
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

    pub(crate) fn overflowed(&self) -> bool {
        self.overflow
    }

    /// The values so far, by slot.
    #[cfg(test)]
    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, Number)> {
        self.tags.iter().zip(&self.values).take(self.count).map(|(tag, value)| decode(*tag, *value))
    }

    /// Lays the row out in words and hands them to `take`.
    #[inline]
    fn words<T>(&self, plan: u32, epoch: u64, time: u64, take: impl FnOnce(&[u64]) -> T) -> T {
        let mut words = [0_u64; MAX_WORDS];
        let [head, epoch_word, time_word, rest @ ..] = &mut words;
        *head = u64::from(plan) | (self.count as u64) << 32;
        *epoch_word = epoch;
        *time_word = time;
        let tag_words = self.count.div_ceil(8);
        for (word, tags) in rest.iter_mut().zip(self.tags.as_chunks::<8>().0).take(tag_words) {
            *word = u64::from_le_bytes(*tags);
        }
        if let Some(place) = rest.get_mut(tag_words..tag_words + self.count) {
            place.copy_from_slice(self.values.get(..self.count).unwrap_or_default());
        }
        take(words.get(..HEAD + tag_words + self.count).unwrap_or_default())
    }
}

#[inline]
fn decode(tag: u8, value: u64) -> (usize, Number) {
    let number = match tag & 3 {
        F64 => Number::F64(f64::from_bits(value)),
        I64 => Number::I64(value.cast_signed()),
        _ => Number::U64(value),
    };
    (usize::from(tag >> 2), number)
}

/// A row as the writer reads it out of a lane's words.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RowView<'a> {
    pub(crate) plan: u32,
    /// The last operation that the row's thread knew of.
    pub(crate) epoch: u64,
    /// Nanoseconds since 1970.
    pub(crate) time: u64,
    tags: &'a [u64],
    values: &'a [u64],
}

impl<'a> RowView<'a> {
    /// Reads the row at the beginning of `words`; gives it and what follows.
    pub(crate) fn split(words: &'a [u64]) -> Option<(Self, &'a [u64])> {
        let [head, epoch, time, rest @ ..] = words else { return None };
        #[expect(clippy::cast_possible_truncation, reason = "two halves of a word")]
        let (plan, count) = (*head as u32, (*head >> 32) as usize);
        let (tags, rest) = rest.split_at_checked(count.div_ceil(8))?;
        let (values, rest) = rest.split_at_checked(count)?;
        Some((Self { plan, epoch: *epoch, time: *time, tags, values }, rest))
    }

    /// The values by slot.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, Number)> + 'a {
        let tags = self.tags.iter().flat_map(|word| word.to_le_bytes());
        tags.zip(self.values).map(|(tag, value)| decode(tag, *value))
    }
}

/// One thread's buffer of rows. The thread appends, the writer swaps the whole buffer away.
#[derive(Debug, Default)]
pub(crate) struct Lane {
    words: Mutex<Vec<u64>>,
    emptied: Condvar,
    closed: AtomicBool,
}

/// What became of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pushed {
    /// It is in the lane.
    Stored,
    /// It is in the lane, which has just become half full.
    HalfFull,
    /// The lane is full.
    Full,
}

impl Lane {
    /// Appends a row. The lock is only ever held for a copy of a few words or a swap.
    #[inline]
    pub(crate) fn push(&self, row: &RowBuffer, plan: u32, epoch: u64, time: u64) -> Pushed {
        row.words(plan, epoch, time, |row| {
            let mut words = self.words.lock().unwrap_or_else(PoisonError::into_inner);
            let before = words.len();
            if before + row.len() > CAPACITY {
                return Pushed::Full;
            }
            words.extend_from_slice(row);
            if before < CAPACITY / 2 && words.len() >= CAPACITY / 2 { Pushed::HalfFull } else { Pushed::Stored }
        })
    }

    /// Waits until the writer has emptied the lane, at most `patience`.
    pub(crate) fn wait(&self, patience: Duration) {
        let words = self.words.lock().unwrap_or_else(PoisonError::into_inner);
        if words.len() > CAPACITY / 2 {
            drop(self.emptied.wait_timeout(words, patience).unwrap_or_else(PoisonError::into_inner));
        }
    }

    /// Takes all words, leaving `spare` (which must be empty) in their place.
    pub(crate) fn take(&self, spare: &mut Vec<u64>) {
        let mut words = self.words.lock().unwrap_or_else(PoisonError::into_inner);
        let was_waited_for = words.len() > CAPACITY / 2;
        std::mem::swap(&mut *words, spare);
        drop(words);
        if was_waited_for {
            self.emptied.notify_all();
        }
    }

    /// The thread has ended: nothing comes any more.
    pub(crate) fn close(&self) {
        self.closed.store(true, Ordering::Release);
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.words.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn rows_come_out_as_they_went_in(
            rows in prop::collection::vec(
                (any::<u32>(), any::<u64>(), any::<u64>(), prop::collection::vec((0_usize..60, any::<u64>(), 0_u8..3), 0..60)),
                0..50,
            )
        ) {
            let lane = Lane::default();
            let mut want = Vec::new();
            for (plan, epoch, time, values) in &rows {
                let mut row = RowBuffer::new();
                for (slot, bits, kind) in values {
                    match kind {
                        0 => row.f64(*slot, f64::from_bits(*bits)),
                        1 => row.i64(*slot, bits.cast_signed()),
                        _ => row.u64(*slot, *bits),
                    }
                }
                prop_assert!(!row.overflowed());
                let values: Vec<_> = row.iter().collect();
                if lane.push(&row, *plan, *epoch, *time) != Pushed::Full {
                    want.push((*plan, *epoch, *time, format!("{values:?}")));
                }
            }
            let mut words = Vec::new();
            lane.take(&mut words);
            let mut rest = words.as_slice();
            let mut got = Vec::new();
            while let Some((row, after)) = RowView::split(rest) {
                got.push((row.plan, row.epoch, row.time, format!("{:?}", row.iter().collect::<Vec<_>>())));
                rest = after;
            }
            prop_assert!(rest.is_empty());
            prop_assert_eq!(got, want);
        }
    }

    #[test]
    fn a_full_lane_says_so() {
        let lane = Lane::default();
        let mut row = RowBuffer::new();
        row.f64(0, 1.0);
        let mut half = 0;
        loop {
            match lane.push(&row, 0, 0, 0) {
                Pushed::Stored => {}
                Pushed::HalfFull => half += 1,
                Pushed::Full => break,
            }
        }
        assert_eq!(half, 1);
        lane.take(&mut Vec::new());
        assert_eq!(lane.push(&row, 0, 0, 0), Pushed::Stored);
    }
}
