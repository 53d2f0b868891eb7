//! The memory of all lanes of a recorder: who gets a segment and how large, who must wait, and what is kept for later.
//!
//! A lane begins with half a kilobyte. Whenever a segment is full, the next one is as large as what the lane has in
//! front of the writer, so that a lane grows as long as the writer does not keep up and is small again when it does. A
//! thread that is too far ahead, or one of too many, waits for the writer; nothing is dropped. Who waits is woken when
//! half of what it may have is free, under the lock under which it found that there was none, so no waking is missed.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::lane::{Lane, Reader, Segment};
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
    /// There is room for all again.
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
    /// Threads that wait because of the others.
    waiting: usize,
}

/// What the pool knows of a lane. Only looked at under the pool's lock.
#[derive(Debug, Default)]
pub(super) struct Account {
    /// Words of segments that the thread has left and the writer has not given back.
    ahead: AtomicUsize,
    /// Whether the thread waits until that is less.
    waits: AtomicBool,
    room: Condvar,
}

impl Account {
    /// Whether the lane may have another segment. Half as much is `share` 2.
    fn has_room(&self, share: usize) -> bool {
        self.ahead.load(Ordering::Relaxed) < LANE / share
    }
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
    /// Whether any lane may have another segment. Half as much is `share` 2.
    fn has_room(&self, share: usize) -> bool {
        self.ahead < ALL / share && self.new.len() < NEW / share
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
        if !inner.has_room(1) || !lane.account().has_room(1) {
            return Turn::Full;
        }
        let left = lane.len();
        let ahead = lane.account().ahead.fetch_add(left, Ordering::Relaxed) + left;
        inner.ahead += left;
        let words = ahead.clamp(SMALLEST, LARGE).max(words_of(plan.slots.len())).next_power_of_two();
        lane.turn_to(inner.segment(words));
        if left == 0 {
            inner.new.push(lane.reader());
        }
        if inner.has_room(2) && lane.account().has_room(2) { Turn::Turned } else { Turn::HalfFull }
    }

    /// Waits until the lane may have a segment, at most `patience`.
    pub(super) fn wait(&self, lane: &Lane, patience: Duration) {
        let mut inner = self.lock();
        let account = lane.account();
        if account.has_room(1) {
            inner.waiting += 1;
            let full = |inner: &mut Inner| !inner.has_room(1);
            let waited = self.room.wait_timeout_while(inner, patience, full);
            waited.unwrap_or_else(PoisonError::into_inner).0.waiting -= 1;
        } else {
            // On its own: who waits for the writer to read this lane is not woken by what it reads of others.
            account.waits.store(true, Ordering::Relaxed);
            let waited = account.room.wait_timeout_while(inner, patience, |_| !account.has_room(1));
            drop(waited.unwrap_or_else(PoisonError::into_inner));
        }
    }

    /// Takes back a segment that was read: one that the lane of `account` had left, or the last one of a lane.
    pub(super) fn give_back(&self, mut segment: Arc<Segment>, account: Option<&Account>) {
        let words = segment.len();
        let mut inner = self.lock();
        if let Some(account) = account {
            account.ahead.fetch_sub(words, Ordering::Relaxed);
            inner.ahead -= words;
            // Not for every segment: waking a thread costs more than filling one.
            if account.has_room(2) && account.waits.swap(false, Ordering::Relaxed) {
                account.room.notify_one();
            }
            if inner.waiting > 0 && inner.has_room(2) {
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
