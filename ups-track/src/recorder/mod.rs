//! The one way in: rows in a lane per thread, everything else in one queue, a writer that empties both.
//!
//! Order: every operation has a number (its *epoch*), and every row carries the number of the last operation its
//! thread could know of. The writer puts both together, so whatever happened before something else also stands
//! before it in the log, across threads, while rows themselves never touch a shared counter.

mod at_hand;
pub(crate) mod force;
mod lane;
mod op;
mod pool;
mod row;
mod stage;
pub(crate) mod thread;

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

pub(crate) use lane::{Lane, Reader};
pub use op::Stream;
pub(crate) use op::{Definition, Op, SummaryWords};
pub(crate) use pool::Pool;
pub(crate) use row::{MAX_VALUES, Plan, RowView, Slot};
pub(crate) use stage::{Calls, Stage, StageOptions, StageStatus};

use crate::kinds::cells::Cells;
use crate::kinds::file::FilePolicy;
use crate::os;
use crate::os::fork::Born;
use lane::Pushed;
use pool::Turn;

/// An operation with its place in the order.
#[derive(Debug)]
pub(crate) struct Stamped {
    pub(crate) epoch: u64,
    /// A moment of the clock that only goes forward.
    pub(crate) time: u64,
    pub(crate) op: Op,
}

/// Whether the recorder takes data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum State {
    Open = 0,
    /// The log cannot be written: data is dropped and counted.
    Failed = 1,
    /// The run is finished: data is dropped and counted.
    Closed = 2,
}

/// Who empties the recorder: a writer thread to wake, or (in a capture) whoever needs room.
pub(crate) trait Drive: Send + Sync + std::fmt::Debug {
    /// Makes room in the lanes before long, or at once.
    fn drain_soon(&self);
}

/// What a recorder needs of the run that it belongs to.
pub(crate) trait Home: Send + Sync + std::fmt::Debug {
    /// Saves a file with the run; the error says why not.
    fn save(&self, path: &Path, policy: FilePolicy) -> Result<(), String>;
    /// Whether messages of the program are lines of the run's console.
    fn wants_console(&self) -> bool;
}

/// What is shared between those who record and the one who writes.
#[derive(Debug)]
pub(crate) struct Recorder {
    /// Tells recorders of one process apart; never 0.
    pub(crate) uid: u64,
    /// The number of the last operation.
    epoch: AtomicU64,
    ops: Mutex<Vec<Stamped>>,
    pub(crate) pool: Arc<Pool>,
    plans: Mutex<Plans>,
    pub(crate) root: Arc<Stage>,
    driver: OnceLock<Box<dyn Drive>>,
    home: OnceLock<Box<dyn Home>>,
    /// Places in the program, and what was said of them.
    said: Mutex<HashSet<(usize, String)>>,
    state: AtomicU8,
    /// Rows and operations that were dropped after the log failed or the run was finished.
    dropped: AtomicU64,
    late_said: AtomicBool,
    /// Whether what is said about a callsite is a panic there.
    strict: AtomicBool,
    /// A forked child has no writer: there the recorder is closed.
    born: Born,
}

#[derive(Debug, Default)]
struct Plans {
    by_key: HashMap<(usize, u32), Arc<Plan>>,
    by_id: Vec<Arc<Plan>>,
}

static NEXT_UID: AtomicU64 = AtomicU64::new(1);

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Recorder {
    #[cfg(any(test, feature = "test-util"))]
    pub(crate) fn new() -> Arc<Self> {
        Self::labelled("")
    }

    /// A recorder whose keys have this label in front, if any.
    pub(crate) fn labelled(label: &str) -> Arc<Self> {
        force::made();
        Arc::new(Self {
            uid: NEXT_UID.fetch_add(1, Ordering::Relaxed),
            epoch: AtomicU64::new(0),
            ops: Mutex::default(),
            pool: Arc::default(),
            plans: Mutex::default(),
            root: Stage::root(label),
            driver: OnceLock::new(),
            home: OnceLock::new(),
            said: Mutex::default(),
            state: AtomicU8::new(State::Open as u8),
            dropped: AtomicU64::new(0),
            late_said: AtomicBool::new(false),
            strict: AtomicBool::new(false),
            born: Born::here(),
        })
    }

    pub(crate) fn set_driver(&self, driver: Box<dyn Drive>) {
        // Set once, right after `new`.
        drop(self.driver.set(driver));
    }

    pub(crate) fn set_home(&self, home: Box<dyn Home>) {
        // Set once, when the run is there.
        drop(self.home.set(home));
    }

    pub(crate) fn home(&self) -> Option<&dyn Home> {
        self.home.get().map(Box::as_ref)
    }

    /// Whether this is said for the first time of a place. What a program may make up without end is not remembered
    /// without end: after many things, nothing is new any more.
    pub(crate) fn is_first(&self, place: usize, subject: &str) -> bool {
        const MANY: usize = 4096;
        if self.is_forked() {
            return false;
        }
        let mut said = lock(&self.said);
        said.len() < MANY && said.insert((place, subject.to_owned()))
    }

    pub(crate) fn set_strict(&self, strict: bool) {
        self.strict.store(strict, Ordering::Relaxed);
    }

    pub(crate) fn is_strict(&self) -> bool {
        self.strict.load(Ordering::Relaxed)
    }

    pub(crate) fn wake(&self) {
        if let Some(driver) = self.driver.get() {
            driver.drain_soon();
        }
    }

    pub(crate) fn state(&self) -> State {
        if self.is_forked() {
            return State::Closed;
        }
        match self.state.load(Ordering::Acquire) {
            0 => State::Open,
            1 => State::Failed,
            _ => State::Closed,
        }
    }

    pub(crate) fn set_state(&self, state: State) {
        self.state.store(state as u8, Ordering::Release);
    }

    pub(crate) fn is_open(&self) -> bool {
        self.state.load(Ordering::Relaxed) == State::Open as u8 && self.born.is_here()
    }

    /// Whether this is the copy of the recorder in a forked child.
    pub(crate) fn is_forked(&self) -> bool {
        !self.born.is_here()
    }

    pub(crate) fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Counts data that cannot be recorded any more, and says so the first time it comes after the end.
    #[cold]
    pub(crate) fn drop_late(&self, count: u64) {
        self.dropped.fetch_add(count, Ordering::Relaxed);
        if self.state() == State::Closed && !self.late_said.swap(true, Ordering::Relaxed) {
            crate::say::warning(if self.is_forked() {
                "this process was forked from one that records, and has no log: what it records is lost; start a run here, or children with `exec`"
            } else {
                "the run is finished; what is recorded after that is lost (finish it later)"
            });
        }
    }

    /// A lane for the calling thread.
    pub(crate) fn open_lane(&self) -> Lane {
        Lane::new(&self.pool)
    }

    /// The plan for rows of a site in a stage, if there is one.
    pub(crate) fn known_plan(&self, site: usize, stage: &Stage) -> Option<Arc<Plan>> {
        if self.is_forked() {
            return None;
        }
        lock(&self.plans).by_key.get(&(site, stage.id)).map(Arc::clone)
    }

    /// Adds a plan for rows of a site in a stage, unless another thread was faster; none if there are too many.
    pub(crate) fn add_plan(
        &self,
        site: usize,
        stage: &Arc<Stage>,
        slots: Vec<Option<Slot>>,
        given: Vec<String>,
    ) -> Option<Arc<Plan>> {
        // Keys that are made up at run time must not fill the memory.
        const MOST_MADE_UP: usize = 4096;
        if self.is_forked() {
            return None;
        }
        let mut plans = lock(&self.plans);
        let Plans { by_key, by_id } = &mut *plans;
        if let Some(plan) = by_key.get(&(site, stage.id)) {
            return Some(Arc::clone(plan));
        }
        if !given.is_empty() && by_id.len() >= MOST_MADE_UP {
            return None;
        }
        let id = u32::try_from(by_id.len()).ok()?;
        let plan = Arc::new(Plan::new(id, Arc::clone(stage), slots, given));
        by_id.push(Arc::clone(&plan));
        by_key.insert((site, stage.id), Arc::clone(&plan));
        Some(plan)
    }

    /// The plans from `known` on, for the writer to learn.
    pub(crate) fn plans_from(&self, known: usize) -> Vec<Arc<Plan>> {
        lock(&self.plans).by_id.get(known..).unwrap_or_default().to_vec()
    }

    /// Records a row of a plan, whose values `fill` gives; false if they do not fit a lane. Waits while the lane is
    /// full; drops only when the log has failed or the run is over.
    #[inline]
    pub(crate) fn row(&self, lane: &mut Lane, plan: &Plan, fill: impl Fn(&mut Cells<'_>)) -> bool {
        if !self.is_open() {
            self.drop_late(1);
            return true;
        }
        match self.push(lane, plan, &fill) {
            Pushed::Full => self.row_in_next_segment(lane, plan, &fill),
            pushed => pushed == Pushed::Stored,
        }
    }

    #[inline]
    fn push(&self, lane: &mut Lane, plan: &Plan, fill: impl FnOnce(&mut Cells<'_>)) -> Pushed {
        let epoch = self.epoch.load(Ordering::Acquire);
        lane.push(plan.id, plan.slots.len(), epoch, os::coarse_nanos(), fill)
    }

    #[cold]
    fn row_in_next_segment(&self, lane: &mut Lane, plan: &Plan, fill: &dyn Fn(&mut Cells<'_>)) -> bool {
        let mut turn = self.pool.turn(lane, plan);
        while turn == Turn::Full {
            self.wake();
            self.pool.wait(lane, Duration::from_millis(20));
            if !self.is_open() {
                self.drop_late(1);
                return true;
            }
            turn = self.pool.turn(lane, plan);
        }
        let pushed = self.push(lane, plan, fill);
        if turn == Turn::HalfFull {
            self.wake();
        }
        pushed == Pushed::Stored
    }

    /// Records anything else.
    pub(crate) fn op(&self, op: Op) {
        // Long texts must not pile up without bound while the writer sleeps.
        const MANY: usize = 1024;
        if !self.is_open() {
            let counts = matches!(
                op,
                Op::Row { .. } | Op::Summary { .. } | Op::Config(_) | Op::Table { .. } | Op::Alert(_)
            );
            if counts {
                self.drop_late(1);
            }
            return;
        }
        let time = os::coarse_nanos();
        let waiting = {
            let mut ops = lock(&self.ops);
            // Under the lock, so that the queue is in the order of the numbers and complete up to the last one.
            let epoch = self.epoch.fetch_add(1, Ordering::AcqRel) + 1;
            ops.push(Stamped { epoch, time, op });
            ops.len()
        };
        if waiting.is_multiple_of(MANY) {
            self.wake();
            if waiting >= 16 * MANY {
                self.wait_for_ops(8 * MANY);
            }
        }
    }

    #[cold]
    fn wait_for_ops(&self, enough: usize) {
        while self.is_open() && lock(&self.ops).len() > enough {
            self.wake();
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// What is recorded from now on comes after what was recorded before, whichever threads do it.
    pub(crate) fn advance(&self) {
        self.epoch.fetch_add(1, Ordering::AcqRel);
    }

    /// Takes all operations so far, and tells the number of the last one.
    pub(crate) fn take_ops(&self, into: &mut Vec<Stamped>) -> u64 {
        let mut ops = lock(&self.ops);
        std::mem::swap(&mut *ops, into);
        self.epoch.load(Ordering::Acquire)
    }
}

#[cfg(test)]
mod tests;
