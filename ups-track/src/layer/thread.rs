//! What a thread knows: the stages it is in, and its way into each recorder.

use std::cell::RefCell;
use std::sync::Arc;

use crate::recorder::{Lane, Plan, Recorder, Stage};

thread_local! {
    static THREAD: RefCell<Thread> = const { RefCell::new(Thread { entered: Vec::new(), ways: Vec::new() }) };
}

/// Runs `f` with the thread's state; `None` when the thread is ending, or when `f` would run inside another `f`.
#[inline]
pub(super) fn with<T>(f: impl FnOnce(&mut Thread) -> T) -> Option<T> {
    THREAD.try_with(|thread| thread.try_borrow_mut().ok().map(|mut thread| f(&mut thread))).ok().flatten()
}

/// Tells threads apart that run at the same time.
#[inline]
pub(super) fn token() -> usize {
    THREAD.try_with(|thread| std::ptr::from_ref(thread).addr()).unwrap_or(0)
}

#[derive(Debug)]
pub(super) struct Thread {
    /// The stage spans that the thread is in, innermost last.
    entered: Vec<Entered>,
    /// One per recorder; nearly always one.
    ways: Vec<Way>,
}

#[derive(Debug)]
struct Entered {
    /// The recorder's number.
    uid: u64,
    span: u64,
    stage: Arc<Stage>,
}

/// A thread's way into a recorder.
#[derive(Debug)]
pub(super) struct Way {
    pub(super) recorder: Arc<Recorder>,
    pub(super) lane: Arc<Lane>,
    plans: Box<[Option<Known>; PLANS]>,
}

/// A plan that the thread has used, by callsite and stage.
#[derive(Debug, Clone)]
struct Known {
    callsite: usize,
    stage: u32,
    plan: Arc<Plan>,
}

/// Plans that a thread keeps at hand; a power of two.
const PLANS: usize = 128;

impl Drop for Way {
    fn drop(&mut self) {
        self.lane.close();
    }
}

impl Thread {
    pub(super) fn enter(&mut self, uid: u64, span: u64, stage: Arc<Stage>) {
        self.entered.push(Entered { uid, span, stage });
    }

    pub(super) fn exit(&mut self, uid: u64, span: u64) {
        if let Some(at) = self.entered.iter().rposition(|e| e.uid == uid && e.span == span) {
            self.entered.remove(at);
        }
    }

    /// The innermost stage that the thread is in, for a recorder.
    #[inline]
    pub(super) fn stage(&self, uid: u64) -> Option<&Arc<Stage>> {
        self.entered.iter().rev().find(|e| e.uid == uid).map(|e| &e.stage)
    }

    /// The way into the recorder with this number, if the thread has been there.
    #[inline]
    pub(super) fn way(&self, uid: u64) -> Option<&Way> {
        self.ways.iter().find(|way| way.recorder.uid == uid)
    }

    /// Opens a way into a recorder, and forgets those that lead nowhere any more.
    pub(super) fn open_way(&mut self, recorder: &Arc<Recorder>) {
        self.ways.retain(|way| way.recorder.is_open() && way.recorder.uid != recorder.uid);
        self.ways.push(Way {
            lane: recorder.open_lane(),
            recorder: Arc::clone(recorder),
            plans: Box::new([const { None }; PLANS]),
        });
    }

    /// Remembers a plan.
    pub(super) fn learn(&mut self, uid: u64, callsite: usize, plan: Arc<Plan>) {
        if let Some(way) = self.ways.iter_mut().find(|way| way.recorder.uid == uid) {
            let stage = plan.stage.id;
            if let Some(place) = way.plans.get_mut(place(callsite, stage)) {
                *place = Some(Known { callsite, stage, plan });
            }
        }
    }
}

impl Way {
    /// The plan for rows of a callsite in a stage, if the thread has it at hand.
    #[inline]
    pub(super) fn plan(&self, callsite: usize, stage: u32) -> Option<&Arc<Plan>> {
        let known = self.plans.get(place(callsite, stage))?.as_ref()?;
        (known.callsite == callsite && known.stage == stage).then_some(&known.plan)
    }
}

/// Where a plan is kept. Callsites are statics of at least 16 bytes.
#[inline]
fn place(callsite: usize, stage: u32) -> usize {
    ((callsite >> 4) ^ (callsite >> 11) ^ (stage as usize).wrapping_mul(31)) % PLANS
}
