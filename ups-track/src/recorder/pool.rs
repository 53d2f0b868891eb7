//! The memory of all lanes of a recorder: who gets a segment and how large, who must wait, and what is kept for later.
//!
//! A lane begins with half a kilobyte. Whenever a segment is full, the next one is as large as what the lane has in
//! front of the writer, so that a lane grows as long as the writer does not keep up and is small again when it does. A
//! thread that is too far ahead, or one of too many, waits for the writer; nothing is dropped.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::lane::{Lane, Reader, Segment, Shared};
use super::row::{Plan, words_of};

/// Words of the smallest segment, and of the largest that is opened without need.
const SMALLEST: usize = 64;
const LARGE: usize = 2048;

/// Words of the largest segment there is: one row of so many values.
pub(super) const LARGEST: usize = 16 * 1024;

/// Sizes of segments: powers of two.
const SIZES: usize = (LARGEST / SMALLEST).ilog2() as usize + 1;

/// Words of full segments by which a lane is ahead of the writer before its thread waits: 256 KiB.
const LANE: usize = 32 * 1024;

/// The same for all lanes of a recorder together: 8 MiB.
const ALL: usize = 1024 * 1024;

/// Lanes that the writer does not know yet, before the next one waits.
const NEW: usize = 4096;

/// Words of segments that are kept for later: 1 MiB.
const FREE: usize = 128 * 1024;

/// See the module docs.
#[derive(Debug)]
pub(crate) struct Pool {
    inner: Mutex<Inner>,
    /// There is room again.
    room: Condvar,
    /// The segment of lanes that have none.
    none: Arc<Segment>,
}

#[derive(Debug, Default)]
struct Inner {
    /// By size.
    free: [Vec<Arc<Segment>>; SIZES],
    free_words: usize,
    /// Words of full segments of all lanes.
    ahead: usize,
    /// Lanes that the writer does not know yet.
    new: Vec<Reader>,
    /// Threads that wait for room.
    waiting: usize,
}

/// What became of the wish for a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    Turned,
    /// The lane has one; it is time that the writer comes.
    HalfFull,
    /// The writer must come first.
    Full,
}

impl Default for Pool {
    fn default() -> Self {
        Self { inner: Mutex::default(), room: Condvar::new(), none: Arc::new(Segment::new(0)) }
    }
}

impl Inner {
    /// Whether the lane may have another segment. Half as much is `share` 2.
    fn has_room(&self, lane: &Shared, share: usize) -> bool {
        lane.ahead.load(Ordering::Relaxed) < LANE / share
            && self.ahead < ALL / share
            && self.new.len() < NEW / share
    }

    fn segment(&mut self, words: usize) -> Arc<Segment> {
        let free = self.free.get_mut(size_of(words)).and_then(Vec::pop);
        let Some(segment) = free else { return Arc::new(Segment::new(words)) };
        self.free_words -= words;
        segment
    }
}

/// The place of a size.
fn size_of(words: usize) -> usize {
    (words / SMALLEST).checked_ilog2().unwrap_or(0) as usize
}

impl Pool {
    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What stands for a segment where there is none.
    pub(super) fn no_segment(&self) -> Arc<Segment> {
        Arc::clone(&self.none)
    }

    /// Gives the lane a segment with room for a row of the plan.
    pub(super) fn turn(&self, lane: &mut Lane, plan: &Plan) -> Turn {
        let mut inner = self.lock();
        if !inner.has_room(lane.shared(), 1) {
            return Turn::Full;
        }
        let left = lane.len();
        let ahead = lane.shared().ahead.fetch_add(left, Ordering::Relaxed) + left;
        inner.ahead += left;
        let words = ahead.clamp(SMALLEST, LARGE).max(words_of(plan.slots.len())).next_power_of_two();
        lane.turn_to(inner.segment(words));
        if left == 0 {
            inner.new.push(lane.reader());
        }
        if inner.has_room(lane.shared(), 2) { Turn::Turned } else { Turn::HalfFull }
    }

    /// Waits until the lane may have a segment, at most `patience`.
    pub(super) fn wait(&self, lane: &Lane, patience: Duration) {
        let mut inner = self.lock();
        inner.waiting += 1;
        let full = |inner: &mut Inner| !inner.has_room(lane.shared(), 1);
        let (mut inner, _) =
            self.room.wait_timeout_while(inner, patience, full).unwrap_or_else(PoisonError::into_inner);
        inner.waiting -= 1;
    }

    /// Takes back a segment that was read: one that `lane` had left, or the last one of a lane.
    pub(super) fn give_back(&self, mut segment: Arc<Segment>, lane: Option<&Shared>) {
        let words = segment.len();
        let mut inner = self.lock();
        if let Some(lane) = lane {
            lane.ahead.fetch_sub(words, Ordering::Relaxed);
            inner.ahead -= words;
            // Not for every segment: waking a thread costs more than filling one.
            if inner.waiting > 0 && inner.has_room(lane, 2) {
                self.room.notify_all();
            }
        }
        let keep = inner.free_words + words <= FREE;
        if let (true, Some(unused)) = (keep, Arc::get_mut(&mut segment)) {
            unused.clear();
            inner.free_words += words;
            if let Some(free) = inner.free.get_mut(size_of(words)) {
                free.push(segment);
            }
        }
    }

    /// The lanes that the writer does not know yet.
    pub(crate) fn take_new(&self, into: &mut Vec<Reader>) {
        into.append(&mut self.lock().new);
    }

    /// The writer has read what there was.
    pub(crate) fn round_is_over(&self) {
        if self.lock().waiting > 0 {
            self.room.notify_all();
        }
    }

    #[cfg(test)]
    pub(super) fn free_words(&self) -> usize {
        self.lock().free_words
    }
}
