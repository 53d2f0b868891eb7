//! A thread's way to the writer: a chain of segments that the thread fills and the writer reads. A row takes no lock.
//!
//! The thread writes a segment once from its beginning to its end, then links the next one and never looks back. Why
//! that needs no more than it has:
//!
//! - Words are stored *relaxed*, then `used` is stored with *release*. The writer loads `used` with *acquire* and reads
//!   only words below it, so it sees them whole; and nobody stores there again, as the thread stores behind `used` only.
//! - `next` is set (with *release*, by `OnceLock`) after the last store of its segment's `used`, and looked at (with
//!   *acquire*) before `used` is loaded. Who sees a next segment therefore sees all of this one; who sees none may miss
//!   what comes just then, which is there the next time.
//! - Before all of that the writer took the operations. A row that precedes one of them was stored before the queue's
//!   lock was taken for it, hence before the writer's lock of the queue, hence before its load of `used`: which thus
//!   finds the row.
//! - `ended` is stored with *release* after the last row and loaded with *acquire* before the chain is walked: an ended
//!   lane has no more rows than the walk has found.
//! - A segment is used anew only when its last holder gives it back (`Arc::get_mut` proves that). The thread lets go of
//!   a segment before it is seen as ended, or else under the lock of the pool, under which segments are given back.
//!
//! Segments are opened, linked and given back under that one lock: once in some kilobytes of rows, see [`Pool`].

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

use super::pool::{Account, Pool};
use super::row::{RowView, RowWriter, words_of};
use crate::kinds::cells::Cells;

/// A piece of a lane.
#[derive(Debug)]
pub(super) struct Segment {
    words: Box<[AtomicU64]>,
    /// Words that are rows.
    used: AtomicUsize,
    next: OnceLock<Arc<Segment>>,
}

impl Segment {
    pub(super) fn new(words: usize) -> Self {
        let words = (0..words).map(|_| AtomicU64::new(0)).collect();
        Self { words, used: AtomicUsize::new(0), next: OnceLock::new() }
    }

    /// Words that it has room for.
    pub(super) fn len(&self) -> usize {
        self.words.len()
    }

    /// Makes it as new; the words stay, nobody reads them.
    pub(super) fn clear(&mut self) {
        *self.used.get_mut() = 0;
        drop(self.next.take());
    }
}

/// What both ends of a lane share besides its segments.
#[derive(Debug, Default)]
pub(super) struct Shared {
    /// What the pool knows of it.
    pub(super) account: Account,
    /// Nothing comes any more.
    ended: AtomicBool,
}

/// What became of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Pushed {
    /// It is in the lane.
    Stored,
    /// It needs another segment.
    Full,
    /// A value is no number, or there are too many: nothing was stored.
    Unfit,
}

/// The thread's end of a lane. It takes no memory before its first row.
#[derive(Debug)]
pub(crate) struct Lane {
    /// Where rows go; without words before the first one.
    segment: Arc<Segment>,
    /// Words of the segment that are rows, as the segment says.
    used: usize,
    shared: Arc<Shared>,
    pool: Arc<Pool>,
}

impl Lane {
    pub(super) fn new(pool: &Arc<Pool>) -> Self {
        Self { segment: pool.no_segment(), used: 0, shared: Arc::default(), pool: Arc::clone(pool) }
    }

    /// Appends a row of at most `width` values, which `fill` gives, if the segment has room for it.
    #[inline]
    pub(super) fn push(
        &mut self,
        plan: u32,
        width: usize,
        epoch: u64,
        time: u64,
        fill: impl FnOnce(&mut Cells<'_>),
    ) -> Pushed {
        let room = self.used..self.used + words_of(width);
        let Some(row) = self.segment.words.get(room).and_then(RowWriter::over) else {
            return Pushed::Full;
        };
        let Some(length) = row.write(plan, epoch, time, fill) else { return Pushed::Unfit };
        self.used += length;
        self.segment.used.store(self.used, Ordering::Release);
        Pushed::Stored
    }

    /// What the pool knows of it.
    pub(super) fn account(&self) -> &Account {
        &self.shared.account
    }

    /// Words of the segment; 0 before the first one.
    pub(super) fn len(&self) -> usize {
        self.segment.len()
    }

    /// Goes on with `segment`. Called under the pool's lock.
    pub(super) fn turn_to(&mut self, segment: Arc<Segment>) {
        if self.len() > 0 {
            // Set only here, once for every segment that is left.
            drop(self.segment.next.set(Arc::clone(&segment)));
        }
        self.segment = segment;
        self.used = 0;
    }

    /// The writer's end, made for the first segment.
    pub(super) fn reader(&self) -> Reader {
        let (front, shared) = (Arc::clone(&self.segment), Arc::clone(&self.shared));
        Reader { front, shared, read: 0, limit: 0, more: 0, end: 0, ended: false }
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        // Atomics only: in a forked child nobody unlocks what another thread had locked.
        self.segment = self.pool.no_segment();
        self.shared.ended.store(true, Ordering::Release);
    }
}

/// The writer's end of a lane: reads in rounds, each up to what was there when it began.
#[derive(Debug)]
pub(crate) struct Reader {
    /// The segment that is being read.
    front: Arc<Segment>,
    shared: Arc<Shared>,
    /// Words of the front that were read.
    read: usize,
    /// Words of the front that belong to this round.
    limit: usize,
    /// Segments behind the front that belong to this round.
    more: usize,
    /// Words of the last of them that do.
    end: usize,
    /// Whether nothing comes after this round.
    ended: bool,
}

impl Reader {
    /// Begins a round: what is in the lane now belongs to it.
    pub(crate) fn look(&mut self, pool: &Pool) {
        self.ended = self.shared.ended.load(Ordering::Acquire);
        let mut last = &self.front;
        self.more = 0;
        while let Some(next) = last.next.get() {
            last = next;
            self.more += 1;
        }
        self.end = last.used.load(Ordering::Acquire);
        self.set_limit();
        self.advance(0, pool);
    }

    fn set_limit(&mut self) {
        self.limit = if self.more == 0 { self.end } else { self.front.used.load(Ordering::Acquire) };
    }

    /// The next row of the round.
    #[inline]
    pub(crate) fn head(&self) -> Option<RowView<'_>> {
        RowView::first(self.front.words.get(self.read..self.limit)?)
    }

    /// Goes on by the `length` of the head.
    #[inline]
    pub(crate) fn advance(&mut self, length: usize, pool: &Pool) {
        self.read += length;
        while self.read >= self.limit && self.more > 0 {
            let Some(next) = self.front.next.get().map(Arc::clone) else { return };
            let front = std::mem::replace(&mut self.front, next);
            pool.give_back(front, Some(&self.shared.account));
            self.read = 0;
            self.more -= 1;
            self.set_limit();
        }
    }

    /// Whether the thread has ended and everything was read.
    pub(crate) fn is_over(&self) -> bool {
        self.ended && self.more == 0 && self.read >= self.limit
    }

    /// Gives back the segment of a lane that is over.
    pub(crate) fn close(&mut self, pool: &Pool) {
        let front = std::mem::replace(&mut self.front, pool.no_segment());
        pool.give_back(front, None);
        (self.read, self.limit) = (0, 0);
    }
}
