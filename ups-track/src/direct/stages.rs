//! Stages by attribute: entered on the thread, and a span for others.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use pin_project_lite::pin_project;
use tracing::Span;
use tracing::span::EnteredSpan;

use crate::ledger::parse_goals;
use crate::recorder::thread::{self, Force, Stay};
use crate::recorder::{Op, Recorder, Stage, StageOptions, StageStatus, force};

/// What `#[track_stage]` says: a static of the program.
#[derive(Debug)]
pub struct StageSite {
    name: &'static str,
    best: &'static str,
    summary: &'static str,
    step: Option<&'static str>,
}

impl StageSite {
    /// The macro has checked all of it.
    pub const fn new(
        name: &'static str,
        best: &'static str,
        summary: &'static str,
        step: Option<&'static str>,
    ) -> Self {
        Self { name, best, summary, step }
    }

    fn options(&self) -> StageOptions {
        let rule = |part: &str| part.split_once('=').map(|(key, words)| (key.to_owned(), words.to_owned()));
        StageOptions {
            step: self.step.map(str::to_owned),
            best: parse_goals(self.best).unwrap_or_default(),
            summary: self.summary.split(',').filter_map(rule).collect(),
        }
    }

    /// The stage inside the one that the thread is in, for the run in force; none if there is no run.
    fn find(&'static self) -> Option<(Arc<Recorder>, Arc<Stage>)> {
        let site = std::ptr::from_ref(self).addr();
        let known = thread::with(|thread| {
            let uid = thread.force();
            let outer = thread.stage(uid).map_or(0, |stage| stage.id);
            let way = thread.way(uid)?;
            let stage = way.stage(site, outer)?;
            way.recorder.is_open().then(|| (Arc::clone(&way.recorder), Arc::clone(stage)))
        });
        known.flatten().or_else(|| self.make(site))
    }

    #[cold]
    fn make(&'static self, site: usize) -> Option<(Arc<Recorder>, Arc<Stage>)> {
        let recorder = force::recorder().filter(|recorder| recorder.is_open())?;
        let outer = thread::stage(&recorder);
        let stage = open(&recorder, &outer, self.name, self.options());
        thread::with(|thread| {
            thread.way_into(&recorder).learn_stage(site, outer.id, Arc::clone(&stage));
        });
        Some((recorder, stage))
    }
}

/// The stage of this name inside another; the first call of a path decides its options.
pub(crate) fn open(recorder: &Recorder, outer: &Arc<Stage>, name: &str, options: StageOptions) -> Arc<Stage> {
    let (stage, new) = Stage::open(outer, name, options);
    if new {
        recorder.op(Op::StageOpened(Arc::clone(&stage)));
    }
    stage
}

/// A call of a stage.
#[derive(Debug)]
pub(crate) struct Call {
    stage: Arc<Stage>,
    entered: Option<Instant>,
    left: Option<Instant>,
    /// Whether the thread was unwinding already: then the panic is not this stage's.
    in_panic: bool,
    status: StageStatus,
    /// The thread that was in it last.
    thread: usize,
}

impl Call {
    pub(crate) fn new(stage: Arc<Stage>) -> Self {
        Self {
            stage,
            entered: None,
            left: None,
            in_panic: false,
            status: StageStatus::Ok,
            thread: thread::token(),
        }
    }

    pub(crate) fn stage(&self) -> &Arc<Stage> {
        &self.stage
    }

    /// A thread goes into the stage; true if another one was in it before.
    pub(crate) fn enter(&mut self) -> bool {
        if self.entered.is_none() {
            self.entered = Some(Instant::now());
            self.stage.began();
            self.in_panic = std::thread::panicking();
        }
        std::mem::replace(&mut self.thread, thread::token()) != self.thread
    }

    pub(crate) fn leave(&mut self) {
        self.left = Some(Instant::now());
        if !self.in_panic && std::thread::panicking() {
            self.status = StageStatus::Panic;
        }
    }

    /// How it ended. A panic that unwinds through a future also drops it; the panic is what happened.
    pub(crate) fn set_status(&mut self, status: StageStatus) {
        if self.status != StageStatus::Panic {
            self.status = status;
        }
    }

    /// The call is over: its wall time is that between the first time it was entered and the last time it was left.
    pub(crate) fn close(self) {
        let Some(entered) = self.entered else { return };
        let wall = self.left.map_or(Duration::ZERO, |left| left.saturating_duration_since(entered));
        self.stage.ended(wall, self.status);
    }
}

/// A synchronous stage: in it until this is dropped.
#[derive(Debug)]
pub struct StageGuard {
    call: Option<(Call, Stay)>,
    span: EnteredSpan,
}

impl StageGuard {
    /// Enters the stage, and its span for others.
    pub fn enter(site: &'static StageSite, span: Span) -> Self {
        let call = site.find().map(|(recorder, stage)| {
            let mut call = Call::new(Arc::clone(&stage));
            call.enter();
            (call, Stay::enter(|thread| thread.enter_stage(recorder.uid, stage)))
        });
        Self { call, span: span.entered() }
    }

    /// The function has returned.
    #[inline]
    pub fn done(&mut self, is_err: bool) {
        if is_err {
            self.span.record("stage.status", StageStatus::Error.as_str());
            if let Some((call, _)) = &mut self.call {
                call.set_status(StageStatus::Error);
            }
        }
    }
}

impl Drop for StageGuard {
    fn drop(&mut self) {
        if let Some((mut call, stay)) = self.call.take() {
            drop(stay);
            call.leave();
            call.close();
        }
    }
}

/// How the work of an asynchronous stage ended: what the work tells the stage around it.
#[derive(Debug, Clone, Default)]
pub struct Outcome(Arc<(AtomicBool, AtomicU8)>);

impl Outcome {
    /// The future has its result.
    pub fn done(&self, is_err: bool) {
        let status = if is_err { StageStatus::Error } else { StageStatus::Ok };
        self.0.1.store(status as u8, Ordering::Relaxed);
        self.0.0.store(true, Ordering::Release);
    }

    fn status(&self) -> StageStatus {
        match (self.0.0.load(Ordering::Acquire), self.0.1.load(Ordering::Relaxed)) {
            (false, _) => StageStatus::Cancelled,
            (true, 0) => StageStatus::Ok,
            (true, _) => StageStatus::Error,
        }
    }
}

pin_project! {
    /// An asynchronous stage: in it whenever it is polled, and while what it holds is dropped.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless they are polled"]
    pub struct StageFuture<F> {
        // None once it is over: its locals are dropped inside the stage.
        #[pin]
        work: Option<F>,
        span: Span,
        site: &'static StageSite,
        outcome: Outcome,
        call: Option<(Arc<Recorder>, Call)>,
        begun: bool,
    }

    impl<F> PinnedDrop for StageFuture<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if this.work.is_some() && *this.begun {
                in_stage(this.span, this.call, || this.work.set(None));
            }
            over(this.span, this.call, this.outcome.status());
        }
    }
}

impl<F: Future> StageFuture<F> {
    /// `work` gets what it tells its outcome to.
    pub fn new(site: &'static StageSite, span: Span, work: impl FnOnce(Outcome) -> F) -> Self {
        let outcome = Outcome::default();
        let work = Some(work(outcome.clone()));
        Self { work, span, site, outcome, call: None, begun: false }
    }
}

impl<F: Future> Future for StageFuture<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let mut this = self.project();
        if !std::mem::replace(this.begun, true) {
            *this.call = this.site.find().map(|(recorder, stage)| (recorder, Call::new(stage)));
        }
        let polled = in_stage(this.span, this.call, || {
            let polled = this.work.as_mut().as_pin_mut().map(|work| work.poll(context));
            if matches!(polled, Some(Poll::Ready(_))) {
                this.work.set(None);
            }
            polled
        });
        match polled {
            Some(Poll::Ready(out)) => {
                over(this.span, this.call, this.outcome.status());
                Poll::Ready(out)
            }
            // As other futures that were polled after their end: nothing comes any more.
            Some(Poll::Pending) | None => Poll::Pending,
        }
    }
}

/// Runs `code` in the stage of a call.
fn in_stage<R>(span: &Span, call: &mut Option<(Arc<Recorder>, Call)>, code: impl FnOnce() -> R) -> R {
    struct Leaving<'a>(&'a mut Call);
    impl Drop for Leaving<'_> {
        fn drop(&mut self) {
            self.0.leave();
        }
    }
    let _span = span.enter();
    let Some((recorder, call)) = call else { return code() };
    if call.enter() {
        // A task that goes on here: its rows come after those that it recorded elsewhere.
        recorder.advance();
    }
    let _run = Stay::enter(|thread| thread.enter_run(Force::Of(Arc::clone(recorder))));
    let _stage = Stay::enter(|thread| thread.enter_stage(recorder.uid, Arc::clone(call.stage())));
    let _leaving = Leaving(call);
    code()
}

fn over(span: &Span, call: &mut Option<(Arc<Recorder>, Call)>, status: StageStatus) {
    if let Some((_, mut call)) = call.take() {
        if status != StageStatus::Ok {
            span.record("stage.status", status.as_str());
        }
        call.set_status(status);
        call.close();
    }
}
