//! The one way in: rows in a buffer per thread, everything else in one queue, a writer that empties both.
//!
//! Order: every operation has a number (its *epoch*), and every row carries the number of the last operation its
//! thread could know of. The writer puts both together, so whatever happened before something else also stands
//! before it in the log, across threads, while rows themselves never touch a shared counter.

mod op;
mod row;
mod stage;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

pub use op::Stream;
pub(crate) use op::{Definition, Op, SummaryWords};
pub(crate) use row::{Lane, MAX_VALUES, Plan, Pushed, RowView, RowWriter, Rows, Slot};
pub(crate) use stage::{Calls, Stage, StageOptions, StageStatus};

use crate::os;
use crate::os::fork::Born;

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

/// What is shared between those who record and the one who writes.
#[derive(Debug)]
pub(crate) struct Recorder {
    /// Tells recorders of one process apart; never 0.
    pub(crate) uid: u64,
    /// The number of the last operation.
    epoch: AtomicU64,
    ops: Mutex<Vec<Stamped>>,
    lanes: Mutex<Vec<Arc<Lane>>>,
    plans: Mutex<Plans>,
    pub(crate) root: Arc<Stage>,
    driver: OnceLock<Box<dyn Drive>>,
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
    pub(crate) fn new() -> Arc<Self> {
        Self::labelled("")
    }

    /// A recorder whose keys have this label in front, if any.
    pub(crate) fn labelled(label: &str) -> Arc<Self> {
        Arc::new(Self {
            uid: NEXT_UID.fetch_add(1, Ordering::Relaxed),
            epoch: AtomicU64::new(0),
            ops: Mutex::default(),
            lanes: Mutex::default(),
            plans: Mutex::default(),
            root: Stage::root(label),
            driver: OnceLock::new(),
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

    /// A buffer for the calling thread.
    pub(crate) fn open_lane(&self) -> Arc<Lane> {
        let lane = Arc::new(Lane::default());
        // Whoever had a lock when this process was forked never gives it back.
        if !self.is_forked() {
            lock(&self.lanes).push(Arc::clone(&lane));
        }
        lane
    }

    /// The plan for rows of `callsite` in `stage`; made by `slots` when it is the first.
    pub(crate) fn plan(
        &self,
        callsite: usize,
        stage: &Arc<Stage>,
        slots: impl FnOnce() -> Vec<Option<Slot>>,
    ) -> Arc<Plan> {
        if self.is_forked() {
            return Arc::new(Plan::new(u32::MAX, Arc::clone(stage), slots()));
        }
        let mut plans = lock(&self.plans);
        let Plans { by_key, by_id } = &mut *plans;
        let plan = by_key.entry((callsite, stage.id)).or_insert_with(|| {
            let id = u32::try_from(by_id.len()).unwrap_or(u32::MAX);
            let plan = Arc::new(Plan::new(id, Arc::clone(stage), slots()));
            by_id.push(Arc::clone(&plan));
            plan
        });
        Arc::clone(plan)
    }

    /// The plans from `known` on, for the writer to learn.
    pub(crate) fn plans_from(&self, known: usize) -> Vec<Arc<Plan>> {
        lock(&self.plans).by_id.get(known..).unwrap_or_default().to_vec()
    }

    /// Records a row of a plan, whose values `fill` gives; false if they do not fit a lane. Waits while the lane is
    /// full; drops only when the log has failed or the run is over.
    #[inline]
    pub(crate) fn row(&self, lane: &Lane, plan: &Plan, fill: impl Fn(&mut RowWriter<'_>)) -> bool {
        if !self.is_open() {
            self.drop_late(1);
            return true;
        }
        let epoch = self.epoch.load(Ordering::Acquire);
        match lane.push(plan.id, plan.slots.len(), epoch, os::coarse_nanos(), &fill) {
            Pushed::Stored => true,
            Pushed::HalfFull => {
                self.wake();
                true
            }
            Pushed::Unfit => false,
            Pushed::Full => self.row_when_there_is_room(lane, plan, &fill),
        }
    }

    #[cold]
    fn row_when_there_is_room(&self, lane: &Lane, plan: &Plan, fill: &dyn Fn(&mut RowWriter<'_>)) -> bool {
        loop {
            self.wake();
            lane.wait(Duration::from_millis(20));
            if !self.is_open() {
                self.drop_late(1);
                return true;
            }
            let epoch = self.epoch.load(Ordering::Acquire);
            match lane.push(plan.id, plan.slots.len(), epoch, os::coarse_nanos(), fill) {
                Pushed::Full => {}
                pushed => return pushed != Pushed::Unfit,
            }
        }
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

    /// All lanes; those whose thread has ended are forgotten once they are empty.
    pub(crate) fn lanes(&self, into: &mut Vec<Arc<Lane>>) {
        into.clear();
        let mut lanes = lock(&self.lanes);
        lanes.retain(|lane| !lane.is_closed() || !lane.is_empty());
        into.extend(lanes.iter().map(Arc::clone));
    }
}
