//! What a thread knows: the runs and stages it is in, and its way into each recorder.

use std::cell::RefCell;
use std::sync::Arc;

use super::at_hand::Plans;
use super::{Lane, Plan, Recorder, Stage, force};
use crate::kinds::cells::Cells;
use crate::kinds::metric::Number;

thread_local! {
    static THREAD: RefCell<Thread> = const { RefCell::new(Thread::NEW) };
}

/// Runs `f` with the thread's state; `None` when the thread is ending, or when `f` would run inside another `f`. No code of
/// the program's may run in `f`.
#[inline]
pub(crate) fn with<T>(f: impl FnOnce(&mut Thread) -> T) -> Option<T> {
    THREAD.try_with(|thread| thread.try_borrow_mut().ok().map(|mut thread| f(&mut thread))).ok().flatten()
}

/// The stage that the calling thread is in, for a recorder: its root, if in none.
pub(crate) fn stage(recorder: &Recorder) -> Arc<Stage> {
    with(|thread| thread.stage(recorder.uid).map(Arc::clone))
        .flatten()
        .unwrap_or_else(|| Arc::clone(&recorder.root))
}

/// Whether what the calling thread records explicitly belongs to no stage.
pub(crate) fn is_outside(uid: u64) -> bool {
    with(|thread| thread.is_outside(uid)).unwrap_or(false)
}

/// Tells threads apart that run at the same time.
#[inline]
pub(crate) fn token() -> usize {
    THREAD.try_with(|thread| std::ptr::from_ref(thread).addr()).unwrap_or(0)
}

#[derive(Debug)]
pub(crate) struct Thread {
    /// What the thread is in, innermost last.
    entered: Vec<Entered>,
    /// The number of the innermost run that was entered; 0 if none was.
    run: u64,
    /// The number of a run that the thread has started and that is not the global one; 0 if there is none.
    started: u64,
    /// Tells entries apart that have no span.
    next: u64,
    /// One per recorder; nearly always one.
    ways: Vec<Way>,
    /// Numbers on their way into a row.
    scratch: Vec<(u32, Number)>,
}

/// Something that a thread is in until it is left, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ticket {
    /// What a span named, by the recorder's number and the span's.
    Span(u64, u64),
    /// Everything else.
    Own(u64),
}

#[derive(Debug)]
struct Entered {
    ticket: Ticket,
    what: What,
}

/// The run that a thread has entered.
#[derive(Debug, Clone)]
pub(crate) enum Force {
    /// A run that records nothing.
    Nothing,
    Of(Arc<Recorder>),
}

impl Force {
    pub(crate) fn new(recorder: Option<&Arc<Recorder>>) -> Self {
        recorder.map_or(Self::Nothing, |recorder| Self::Of(Arc::clone(recorder)))
    }

    pub(crate) fn recorder(&self) -> Option<&Arc<Recorder>> {
        match self {
            Self::Nothing => None,
            Self::Of(recorder) => Some(recorder),
        }
    }

    /// The number of the recorder; one that no recorder has where nothing is recorded.
    fn uid(&self) -> u64 {
        self.recorder().map_or(u64::MAX, |recorder| recorder.uid)
    }
}

#[derive(Debug)]
enum What {
    Run(Force),
    /// A stage of the recorder with this number.
    Stage(u64, Arc<Stage>),
    /// Values explicitly belong to no stage.
    Outside,
}

/// A thread's way into a recorder.
#[derive(Debug)]
pub(crate) struct Way {
    /// The recorder's number.
    uid: u64,
    pub(crate) recorder: Arc<Recorder>,
    lane: Lane,
    plans: Plans,
    stages: Vec<Known>,
}

/// A stage that a thread has entered before, by the place in the program and the stage around it.
#[derive(Debug)]
struct Known {
    site: usize,
    outer: u32,
    stage: Arc<Stage>,
}

/// Stages that a thread keeps at hand.
const STAGES: usize = 16;

impl Thread {
    const NEW: Self =
        Self { entered: Vec::new(), run: 0, started: 0, next: 0, ways: Vec::new(), scratch: Vec::new() };

    fn push(&mut self, what: What) -> Ticket {
        self.next += 1;
        let ticket = Ticket::Own(self.next);
        self.entered.push(Entered { ticket, what });
        ticket
    }

    /// From now on this run is the one in force.
    pub(crate) fn enter_run(&mut self, run: Force) -> Ticket {
        self.run = run.uid();
        self.push(What::Run(run))
    }

    pub(crate) fn enter_stage(&mut self, uid: u64, stage: Arc<Stage>) -> Ticket {
        self.push(What::Stage(uid, stage))
    }

    pub(crate) fn enter_span(&mut self, uid: u64, span: u64, stage: Arc<Stage>) {
        self.entered.push(Entered { ticket: Ticket::Span(uid, span), what: What::Stage(uid, stage) });
    }

    /// Values belong to no stage until this is left.
    pub(crate) fn enter_outside(&mut self) -> Ticket {
        self.push(What::Outside)
    }

    /// Leaves what was entered, in whatever order.
    pub(crate) fn leave(&mut self, ticket: Ticket) {
        let Some(at) = self.entered.iter().rposition(|entered| entered.ticket == ticket) else { return };
        let left = self.entered.remove(at);
        if matches!(left.what, What::Run(_)) {
            self.run = self.entered_run().map_or(0, Force::uid);
        }
    }

    /// The innermost run that the thread has entered.
    pub(crate) fn entered_run(&self) -> Option<&Force> {
        self.entered.iter().rev().find_map(|entered| match &entered.what {
            What::Run(run) => Some(run),
            _ => None,
        })
    }

    /// The number of the recorder that is in force; 0 if there is none.
    #[inline]
    pub(crate) fn force(&self) -> u64 {
        if self.run == 0 { force::global_uid() } else { self.run }
    }

    #[inline]
    fn innermost(&self, uid: u64) -> Option<&What> {
        let of_this = |what: &What| match what {
            What::Stage(of, _) => *of == uid,
            What::Outside => true,
            What::Run(_) => false,
        };
        self.entered.iter().rev().map(|entered| &entered.what).find(|what| of_this(what))
    }

    /// The innermost stage that the thread is in, for a recorder.
    #[inline]
    pub(crate) fn stage(&self, uid: u64) -> Option<&Arc<Stage>> {
        match self.innermost(uid)? {
            What::Stage(_, stage) => Some(stage),
            _ => None,
        }
    }

    /// Whether what the thread records explicitly belongs to no stage.
    pub(crate) fn is_outside(&self, uid: u64) -> bool {
        matches!(self.innermost(uid), Some(What::Outside))
    }

    /// The way into the recorder with this number, if the thread has been there.
    #[inline]
    pub(crate) fn way(&self, uid: u64) -> Option<&Way> {
        self.ways.iter().find(|way| way.uid == uid)
    }

    /// The same, to record.
    #[inline]
    fn way_mut(&mut self, uid: u64) -> Option<&mut Way> {
        self.ways.iter_mut().find(|way| way.uid == uid)
    }

    /// Records a row of a site by the plan that the thread has at hand. False if there is none, or it has to be told that the
    /// row is in no stage.
    #[inline]
    pub(crate) fn row(&mut self, uid: u64, site: usize, fill: impl Fn(&mut Cells<'_>)) -> bool {
        let (stage, is_outside) = match self.innermost(uid) {
            Some(What::Stage(_, stage)) => (stage.id, false),
            what => (0, what.is_some()),
        };
        let Some(way) = self.way_mut(uid) else { return false };
        let Some(plan) = way.plans.get(site, stage) else { return false };
        if stage == 0 && !is_outside && way.recorder.root.any_open() && !plan.said_no_stage() {
            return false;
        }
        way.recorder.row(&mut way.lane, plan, fill)
    }

    /// What is kept under one site is kept under another as well.
    pub(crate) fn learn_again(&mut self, uid: Option<u64>, site: usize, other: usize) {
        let uid = uid.unwrap_or_else(|| self.force());
        let stage = self.stage(uid).map_or(0, |stage| stage.id);
        if let Some(way) = self.way_mut(uid)
            && let Some(plan) = way.plan(site, stage).map(Arc::clone)
        {
            way.learn(other, plan);
        }
    }

    /// The way into a recorder; those that lead nowhere any more are forgotten when a new one is opened.
    pub(crate) fn way_into(&mut self, recorder: &Arc<Recorder>) -> &mut Way {
        let known = self.ways.iter().position(|way| way.uid == recorder.uid);
        let at = known.unwrap_or_else(|| {
            self.ways.retain(|way| way.recorder.is_open());
            self.ways.push(Way {
                uid: recorder.uid,
                lane: recorder.open_lane(),
                recorder: Arc::clone(recorder),
                plans: Plans::default(),
                stages: Vec::new(),
            });
            self.ways.len() - 1
        });
        #[expect(clippy::indexing_slicing, reason = "found or pushed above")]
        &mut self.ways[at]
    }

    /// The thread has started a run that is not the global one. What it records next takes the long way, where it is told
    /// if that goes elsewhere.
    pub(crate) fn has_started(&mut self, uid: u64) {
        self.started = uid;
        self.ways.clear();
    }

    /// Whether the thread has started a run that is neither global nor this one.
    pub(crate) fn started_beside(&self, uid: u64) -> bool {
        self.started != 0 && self.started != uid
    }

    /// An empty list of numbers; [`give_back`](Self::give_back) spares the next one its allocation.
    #[inline]
    pub(crate) fn take_scratch(&mut self) -> Vec<(u32, Number)> {
        std::mem::take(&mut self.scratch)
    }

    #[inline]
    pub(crate) fn give_back(&mut self, mut scratch: Vec<(u32, Number)>) {
        scratch.clear();
        self.scratch = scratch;
    }
}

impl Way {
    /// The plan for rows of a site in a stage, if the thread has it at hand.
    #[inline]
    pub(crate) fn plan(&self, site: usize, stage: u32) -> Option<&Arc<Plan>> {
        self.plans.get(site, stage)
    }

    /// Keeps a plan at hand.
    pub(crate) fn learn(&mut self, site: usize, plan: Arc<Plan>) {
        self.plans.learn(site, plan);
    }

    /// Records a row by any plan.
    pub(crate) fn row_by(&mut self, plan: &Plan, fill: impl Fn(&mut Cells<'_>)) -> bool {
        self.recorder.row(&mut self.lane, plan, fill)
    }

    /// The stage that a site makes inside another, if the thread has it at hand.
    #[inline]
    pub(crate) fn stage(&self, site: usize, outer: u32) -> Option<&Arc<Stage>> {
        let known = self.stages.iter().find(|known| known.site == site && known.outer == outer)?;
        Some(&known.stage)
    }

    /// Keeps a stage at hand.
    pub(crate) fn learn_stage(&mut self, site: usize, outer: u32, stage: Arc<Stage>) {
        if self.stages.len() == STAGES {
            self.stages.remove(0);
        }
        self.stages.push(Known { site, outer, stage });
    }
}

/// The calling thread is in something until this is dropped; it stays with the thread.
#[derive(Debug)]
pub(crate) struct Stay {
    ticket: Option<Ticket>,
    /// What a thread is in is left on that thread.
    _not_send: std::marker::PhantomData<*const ()>,
}

impl Stay {
    pub(crate) fn enter(how: impl FnOnce(&mut Thread) -> Ticket) -> Self {
        Self { ticket: with(how), _not_send: std::marker::PhantomData }
    }
}

impl Drop for Stay {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket {
            with(|thread| thread.leave(ticket));
        }
    }
}
