//! Rows on their way to the writer: words in a buffer per thread.
//!
//! A row is `[plan | values << 32]`, the epoch, the time, and two words per value: its slot and type, and the value
//! itself. No allocation, no formatting: that is the writer's work.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use super::stage::Stage;
use crate::kinds::metric::Number;

/// Values that a row in a lane can have; wider rows travel as an operation.
pub(crate) const MAX_VALUES: usize = 60;

/// Words of a row before its values.
const HEAD: usize = 3;

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
    /// Whether it was said that rows come without a stage while one is open.
    said_no_stage: AtomicBool,
}

impl Plan {
    pub(crate) fn new(id: u32, stage: Arc<Stage>, slots: Vec<Option<Slot>>) -> Self {
        Self { id, stage, slots, said_no_stage: AtomicBool::new(false) }
    }

    #[inline]
    pub(crate) fn said_no_stage(&self) -> bool {
        self.said_no_stage.load(Ordering::Relaxed)
    }

    pub(crate) fn set_said_no_stage(&self) {
        self.said_no_stage.store(true, Ordering::Relaxed);
    }

    pub(crate) fn has_step(&self) -> bool {
        self.slots.contains(&Some(Slot::Step))
    }
}

const F64: u64 = 0;
const I64: u64 = 1;
const U64: u64 = 2;

/// Puts the values of a row behind its head, right where they stay.
#[derive(Debug)]
pub(crate) struct RowWriter<'lane> {
    cells: &'lane mut [[u64; 2]],
    count: usize,
    unfit: bool,
}

impl RowWriter<'_> {
    #[inline]
    fn push(&mut self, slot: usize, kind: u64, value: u64) {
        match self.cells.get_mut(self.count) {
            Some(cell) => {
                *cell = [(slot as u64) << 2 | kind, value];
                self.count += 1;
            }
            None => self.unfit = true,
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

#[inline]
fn decode(tag: u64, value: u64) -> (usize, Number) {
    let number = match tag & 3 {
        F64 => Number::F64(f64::from_bits(value)),
        I64 => Number::I64(value.cast_signed()),
        _ => Number::U64(value),
    };
    (usize::try_from(tag >> 2).unwrap_or(usize::MAX), number)
}

/// A row as the writer reads it out of a lane's words.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RowView<'a> {
    pub(crate) plan: u32,
    /// The last operation that the row's thread knew of.
    pub(crate) epoch: u64,
    /// A moment of the clock that only goes forward.
    pub(crate) time: u64,
    values: &'a [[u64; 2]],
}

impl<'a> RowView<'a> {
    /// Reads the row at the beginning of `words`; gives it and what follows.
    pub(crate) fn split(words: &'a [u64]) -> Option<(Self, &'a [u64])> {
        let [head, epoch, time, rest @ ..] = words else { return None };
        #[expect(clippy::cast_possible_truncation, reason = "two halves of a word")]
        let (plan, count) = (*head as u32, (*head >> 32) as usize);
        let (values, rest) = rest.split_at_checked(count * 2)?;
        Some((Self { plan, epoch: *epoch, time: *time, values: values.as_chunks().0 }, rest))
    }

    /// The values by slot.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, Number)> + 'a {
        self.values.iter().map(|[tag, value]| decode(*tag, *value))
    }
}

/// A buffer of rows: always whole in size, so that a row is written without growing anything. Pages that were never
/// written take no memory.
#[derive(Debug)]
pub(crate) struct Rows {
    words: Vec<u64>,
    used: usize,
}

impl Default for Rows {
    fn default() -> Self {
        Self { words: vec![0; CAPACITY], used: 0 }
    }
}

impl Rows {
    /// The words that are rows.
    pub(crate) fn words(&self) -> &[u64] {
        self.words.get(..self.used).unwrap_or_default()
    }

    pub(crate) fn clear(&mut self) {
        self.used = 0;
    }
}

/// One thread's buffer of rows. The thread appends, the writer swaps the whole buffer away.
#[derive(Debug, Default)]
pub(crate) struct Lane {
    rows: Mutex<Rows>,
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
    /// A value is no number, or there are too many: nothing was stored.
    Unfit,
}

impl Lane {
    /// Appends a row of at most `width` values, which `fill` gives. The lock is only ever held for a few words or a swap.
    #[inline]
    pub(crate) fn push(
        &self,
        plan: u32,
        width: usize,
        epoch: u64,
        time: u64,
        fill: impl FnOnce(&mut RowWriter<'_>),
    ) -> Pushed {
        let mut rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        let before = rows.used;
        let room = before..before + HEAD + 2 * width.min(MAX_VALUES);
        let Some([head, epoch_word, time_word, cells @ ..]) = rows.words.get_mut(room) else {
            return Pushed::Full;
        };
        let mut row = RowWriter { cells: cells.as_chunks_mut().0, count: 0, unfit: false };
        fill(&mut row);
        let RowWriter { count, unfit, .. } = row;
        if unfit {
            return Pushed::Unfit;
        }
        *head = u64::from(plan) | (count as u64) << 32;
        *epoch_word = epoch;
        *time_word = time;
        let after = before + HEAD + 2 * count;
        rows.used = after;
        if before < CAPACITY / 2 && after >= CAPACITY / 2 { Pushed::HalfFull } else { Pushed::Stored }
    }

    /// Waits until the writer has emptied the lane, at most `patience`.
    pub(crate) fn wait(&self, patience: Duration) {
        let rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        if rows.used > CAPACITY / 2 {
            drop(self.emptied.wait_timeout(rows, patience).unwrap_or_else(PoisonError::into_inner));
        }
    }

    /// Takes all rows, leaving `spare` (which must be empty) in their place.
    pub(crate) fn take(&self, spare: &mut Rows) {
        let mut rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        let was_waited_for = rows.used > CAPACITY / 2;
        if rows.used > 0 {
            std::mem::swap(&mut *rows, spare);
        }
        drop(rows);
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
        self.rows.lock().unwrap_or_else(PoisonError::into_inner).used == 0
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
                (any::<u32>(), any::<u64>(), any::<u64>(), prop::collection::vec((0_usize..200, any::<u64>(), 0_u8..4), 0..70)),
                0..50,
            )
        ) {
            let lane = Lane::default();
            let mut want = Vec::new();
            for (plan, epoch, time, values) in &rows {
                let pushed = lane.push(*plan, values.len(), *epoch, *time, |row| {
                    for (slot, bits, kind) in values {
                        match kind {
                            0 => row.f64(*slot, f64::from_bits(*bits)),
                            1 => row.i64(*slot, bits.cast_signed()),
                            2 => row.u64(*slot, *bits),
                            _ if bits % 16 == 0 => row.refuse(),
                            _ => {}
                        }
                    }
                });
                let unfit = values.iter().any(|(_, bits, kind)| *kind == 3 && bits % 16 == 0);
                let numbers: Vec<_> = values.iter().filter(|v| v.2 < 3).map(|(slot, bits, kind)| {
                    decode((*slot as u64) << 2 | u64::from(*kind), *bits)
                }).collect();
                prop_assert_eq!(pushed == Pushed::Unfit, unfit || numbers.len() > MAX_VALUES);
                if pushed != Pushed::Unfit {
                    want.push((*plan, *epoch, *time, format!("{numbers:?}")));
                }
            }
            let mut taken = Rows::default();
            lane.take(&mut taken);
            let mut rest = taken.words();
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
        let mut half = 0;
        loop {
            match lane.push(0, 1, 0, 0, |row| row.f64(0, 1.0)) {
                Pushed::Stored => {}
                Pushed::HalfFull => half += 1,
                Pushed::Full => break,
                Pushed::Unfit => unreachable!("one number fits"),
            }
        }
        assert_eq!(half, 1);
        lane.take(&mut Rows::default());
        assert_eq!(lane.push(0, 1, 0, 0, |row| row.f64(0, 1.0)), Pushed::Stored);
    }
}
