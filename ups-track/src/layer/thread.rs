//! What a thread knows: the stages it is in, and its way into each recorder.

use std::cell::RefCell;
use std::sync::Arc;

use crate::recorder::{Lane, Plan, Recorder, RowWriter, Stage};

thread_local! {
    static THREAD: RefCell<Thread> = const { RefCell::new(Thread { entered: Vec::new(), ways: Vec::new() }) };
}

/// Runs `f` with the thread's state; `None` when the thread is ending, or when `f` would run inside another `f`.
#[inline]
pub(super) fn with<T>(f: impl FnOnce(&mut Thread) -> T) -> Option<T> {
    THREAD.try_with(|thread| thread.try_borrow_mut().ok().map(|mut thread| f(&mut thread))).ok().flatten()
}

/// Whether what the calling thread records explicitly belongs to no stage.
pub(super) fn is_outside(uid: u64) -> bool {
    with(|thread| thread.is_outside(uid)).unwrap_or(false)
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
    /// The recorder's number; [`ANY`] for what holds for all.
    uid: u64,
    /// The span; 0 for a stage that was carried here.
    span: u64,
    /// The stage; none where values explicitly belong to none.
    stage: Option<Arc<Stage>>,
}

/// Every recorder.
const ANY: u64 = 0;

/// A thread's way into a recorder.
#[derive(Debug)]
pub(super) struct Way {
    pub(super) recorder: Arc<Recorder>,
    lane: Lane,
    plans: Plans,
}

/// A plan that the thread has used, by callsite and stage.
#[derive(Debug, Clone)]
struct Known {
    callsite: usize,
    stage: u32,
    plan: Arc<Plan>,
}

impl Known {
    fn is(&self, callsite: usize, stage: u32) -> bool {
        self.callsite == callsite && self.stage == stage
    }
}

/// The plans that a thread has at hand, each in the one place that is its own. Most threads have few callsites, so the
/// table begins without places and doubles when two plans want the same one.
#[derive(Debug, Default)]
struct Plans {
    places: Vec<Option<Known>>,
}

/// Places of the first table and of the largest; powers of two.
const FEWEST: usize = 4;
const MOST: usize = 128;

impl Plans {
    /// Where a plan is kept. Callsites are statics of at least 16 bytes.
    #[inline]
    fn place(&self, callsite: usize, stage: u32) -> usize {
        let mixed = (callsite >> 4) ^ (callsite >> 11) ^ (stage as usize).wrapping_mul(31);
        // Of an empty table none.
        mixed & self.places.len().wrapping_sub(1)
    }

    #[inline]
    fn get(&self, callsite: usize, stage: u32) -> Option<&Arc<Plan>> {
        let known = self.places.get(self.place(callsite, stage))?.as_ref()?;
        known.is(callsite, stage).then_some(&known.plan)
    }

    fn learn(&mut self, known: Known) {
        loop {
            let at = self.place(known.callsite, known.stage);
            let is_largest = self.places.len() >= MOST;
            let is_free = |place: &Option<Known>| {
                place.as_ref().is_none_or(|other| other.is(known.callsite, known.stage))
            };
            match self.places.get_mut(at) {
                Some(place) if is_largest || is_free(place) => return *place = Some(known),
                _ => self.grow(),
            }
        }
    }

    fn grow(&mut self) {
        let places = (self.places.len() * 2).max(FEWEST);
        for known in std::mem::replace(&mut self.places, vec![None; places]).into_iter().flatten() {
            // Whoever had a place of its own has one in a larger table.
            let at = self.place(known.callsite, known.stage);
            if let Some(place) = self.places.get_mut(at) {
                *place = Some(known);
            }
        }
    }
}

impl Thread {
    pub(super) fn enter(&mut self, uid: u64, span: u64, stage: Arc<Stage>) {
        self.entered.push(Entered { uid, span, stage: Some(stage) });
    }

    /// Begins what [`leave`](Self::leave) ends: the thread is in a carried stage, or (without one) in none at all.
    pub(super) fn arrive(&mut self, stage: Option<(u64, Arc<Stage>)>) {
        let (uid, stage) = stage.map_or((ANY, None), |(uid, stage)| (uid, Some(stage)));
        self.entered.push(Entered { uid, span: 0, stage });
    }

    /// Ends what [`arrive`](Self::arrive) has begun last.
    pub(super) fn leave(&mut self) {
        if let Some(at) = self.entered.iter().rposition(|e| e.span == 0) {
            self.entered.remove(at);
        }
    }

    pub(super) fn exit(&mut self, uid: u64, span: u64) {
        if let Some(at) = self.entered.iter().rposition(|e| e.uid == uid && e.span == span) {
            self.entered.remove(at);
        }
    }

    /// The innermost stage that the thread is in, for a recorder.
    #[inline]
    pub(super) fn stage(&self, uid: u64) -> Option<&Arc<Stage>> {
        self.innermost(uid)?.stage.as_ref()
    }

    #[inline]
    fn innermost(&self, uid: u64) -> Option<&Entered> {
        self.entered.iter().rev().find(|e| e.uid == uid || e.uid == ANY)
    }

    /// Whether what the thread records explicitly belongs to no stage.
    pub(super) fn is_outside(&self, uid: u64) -> bool {
        self.innermost(uid).is_some_and(|e| e.stage.is_none())
    }

    /// The way into the recorder with this number, if the thread has been there.
    #[inline]
    pub(super) fn way(&self, uid: u64) -> Option<&Way> {
        self.ways.iter().find(|way| way.recorder.uid == uid)
    }

    /// The same, to record.
    #[inline]
    pub(super) fn way_mut(&mut self, uid: u64) -> Option<&mut Way> {
        self.ways.iter_mut().find(|way| way.recorder.uid == uid)
    }

    /// Opens a way into a recorder, and forgets those that lead nowhere any more.
    pub(super) fn open_way(&mut self, recorder: &Arc<Recorder>) {
        self.ways.retain(|way| way.recorder.is_open() && way.recorder.uid != recorder.uid);
        self.ways.push(Way {
            lane: recorder.open_lane(),
            recorder: Arc::clone(recorder),
            plans: Plans::default(),
        });
    }

    /// Remembers a plan.
    pub(super) fn learn(&mut self, uid: u64, callsite: usize, plan: Arc<Plan>) {
        if let Some(way) = self.ways.iter_mut().find(|way| way.recorder.uid == uid) {
            let stage = plan.stage.id;
            way.plans.learn(Known { callsite, stage, plan });
        }
    }
}

impl Way {
    /// The plan for rows of a callsite in a stage, if the thread has it at hand.
    #[inline]
    pub(super) fn plan(&self, callsite: usize, stage: u32) -> Option<&Arc<Plan>> {
        self.plans.get(callsite, stage)
    }

    /// Records a row of a callsite in a stage whose plan the thread has at hand; see [`Recorder::row`].
    #[inline]
    pub(super) fn row(&mut self, callsite: usize, stage: u32, fill: impl Fn(&mut RowWriter<'_>)) -> bool {
        let plan = self.plans.get(callsite, stage);
        plan.is_some_and(|plan| self.recorder.row(&mut self.lane, plan, fill))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::{Known, MOST, Plan, Plans};
    use crate::recorder::Stage;

    #[test]
    fn plans_stay_at_hand_while_there_is_room() {
        let stage = Stage::root("");
        let mut plans = Plans::default();
        let callsite = |number: usize| 0x5000_0000 + number * 16;
        for number in 0..MOST {
            assert!(plans.get(callsite(number), 0).is_none());
            let plan =
                Arc::new(Plan::new(u32::try_from(number).unwrap_or(0), Arc::clone(&stage), Vec::new()));
            plans.learn(Known { callsite: callsite(number), stage: 0, plan });
            assert!(plans.places.len() <= (4 * number).clamp(4, MOST), "{number}: {}", plans.places.len());
            for known in 0..=number {
                assert_eq!(plans.get(callsite(known), 0).map(|plan| plan.id as usize), Some(known));
            }
        }
        let plan = Arc::new(Plan::new(999, stage, Vec::new()));
        plans.learn(Known { callsite: callsite(MOST), stage: 7, plan });
        assert_eq!(plans.get(callsite(MOST), 7).map(|plan| plan.id), Some(999));
        assert_eq!(plans.places.len(), MOST);
    }
}
