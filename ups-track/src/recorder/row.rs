//! Rows on their way to the writer, as words.
//!
//! A row is `[plan | values << 32]`, the epoch, the time, and two words per value: its slot and type, and the value
//! itself. No allocation, no formatting: that is the writer's work.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::pool::LARGEST;
use super::stage::Stage;
use crate::kinds::cells::{Cells, decode};
use crate::kinds::metric::Number;

/// Values that a row in a lane can have; wider rows travel as an operation.
pub(crate) const MAX_VALUES: usize = (LARGEST - HEAD) / 2;

/// Words of a row before its values.
const HEAD: usize = 3;

/// Words of a row with so many values.
#[inline]
pub(super) fn words_of(values: usize) -> usize {
    HEAD + 2 * values.min(MAX_VALUES)
}

/// What a field of a row is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Slot {
    /// A metric, by its full key.
    Metric(String),
    /// The step.
    Step,
}

impl Slot {
    /// The key of a metric.
    pub(crate) fn key(&self) -> Option<&str> {
        match self {
            Self::Metric(key) => Some(key),
            Self::Step => None,
        }
    }
}

/// How the rows of one callsite in one stage are laid out. Made once, then only its number travels.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) id: u32,
    pub(crate) stage: Arc<Stage>,
    /// What each field is, by the position of the field in the callsite.
    pub(crate) slots: Vec<Option<Slot>>,
    /// The keys as the program gave them, by slot, where only running shows them.
    given: Vec<String>,
    /// Whether it was said that rows come without a stage while one is open.
    said_no_stage: AtomicBool,
}

impl Plan {
    pub(crate) fn new(id: u32, stage: Arc<Stage>, slots: Vec<Option<Slot>>, given: Vec<String>) -> Self {
        Self { id, stage, slots, given, said_no_stage: AtomicBool::new(false) }
    }

    /// The slot of a key that was given at run time, looked for from a slot on: keys mostly come in the same order.
    #[inline]
    pub(crate) fn slot_of(&self, key: &str, from: usize) -> Option<usize> {
        if self.given.get(from).is_some_and(|given| given == key) {
            return Some(from);
        }
        (from + 1..self.given.len()).find(|slot| self.given.get(*slot).is_some_and(|given| given == key))
    }

    /// The key of a slot as the program gave it.
    pub(crate) fn given(&self, slot: usize) -> &str {
        self.given.get(slot).map_or("", String::as_str)
    }

    /// Whether these are the keys that the program gave.
    pub(crate) fn is_given<'k>(&self, keys: impl ExactSizeIterator<Item = &'k str>) -> bool {
        self.given.len() == keys.len() && self.given.iter().zip(keys).all(|(given, key)| given == key)
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

/// Puts the values of a row behind its head, right where they stay.
#[derive(Debug)]
pub(crate) struct RowWriter<'lane> {
    head: &'lane [AtomicU64; HEAD],
    cells: Cells<'lane>,
}

impl<'lane> RowWriter<'lane> {
    /// A row in these words.
    #[inline]
    pub(super) fn over(words: &'lane [AtomicU64]) -> Option<Self> {
        let (head, values) = words.split_first_chunk()?;
        Some(Self { head, cells: Cells::new(values.as_chunks().0) })
    }

    /// Writes the row; gives its length in words, or nothing if `fill` finds that it does not fit.
    #[inline]
    pub(super) fn write(
        mut self,
        plan: u32,
        epoch: u64,
        time: u64,
        fill: impl FnOnce(&mut Cells<'lane>),
    ) -> Option<usize> {
        fill(&mut self.cells);
        let count = self.cells.count()?;
        let [head, epoch_word, time_word] = self.head;
        head.store(u64::from(plan) | (count as u64) << 32, Ordering::Relaxed);
        epoch_word.store(epoch, Ordering::Relaxed);
        time_word.store(time, Ordering::Relaxed);
        Some(HEAD + 2 * count)
    }
}

/// A row as the writer reads it out of a lane's words.
#[derive(Debug, Clone, Copy)]
pub(crate) struct RowView<'a> {
    pub(crate) plan: u32,
    /// The last operation that the row's thread knew of.
    pub(crate) epoch: u64,
    /// A moment of the clock that only goes forward.
    pub(crate) time: u64,
    values: &'a [[AtomicU64; 2]],
}

impl<'a> RowView<'a> {
    /// The row at the beginning of `words`.
    #[inline]
    pub(super) fn first(words: &'a [AtomicU64]) -> Option<Self> {
        let ([head, epoch, time], rest) = words.split_first_chunk::<HEAD>()?;
        let head = head.load(Ordering::Relaxed);
        #[expect(clippy::cast_possible_truncation, reason = "two halves of a word")]
        let (plan, count) = (head as u32, (head >> 32) as usize);
        let values = rest.as_chunks().0.get(..count)?;
        Some(Self { plan, epoch: epoch.load(Ordering::Relaxed), time: time.load(Ordering::Relaxed), values })
    }

    /// Words of the row.
    #[inline]
    pub(crate) fn length(&self) -> usize {
        words_of(self.values.len())
    }

    /// The values by slot.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, Number)> + 'a {
        self.values
            .iter()
            .map(|[tag, value]| decode(tag.load(Ordering::Relaxed), value.load(Ordering::Relaxed)))
    }
}
