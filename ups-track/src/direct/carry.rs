//! Carrying stages to other threads and tasks, which do not inherit spans.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use pin_project_lite::pin_project;
use tracing::Dispatch;
use tracing::dispatcher::{get_default, with_default};

use crate::recorder::thread::{self, Force, Stay};
use crate::recorder::{Stage, force};

/// The stage that a thread is in, for code that runs on another thread or as another task.
///
/// A thread or task that is spawned inside a stage is in none: `metric!` there records without the stage's name. For a
/// closure that runs once there is [`carry`], for a future [`CarryStage`]; this is for everything else.
///
/// ```
/// use ups_track::{StageContext, metric, track_stage};
///
/// #[track_stage("operator")]
/// fn train(shards: &[f64]) {
///     let stage = StageContext::current();
///     std::thread::scope(|scope| {
///         for loss in shards {
///             let stage = &stage;
///             scope.spawn(move || stage.in_scope(|| metric!(step = 1, loss)));
///         }
///     });
/// }
/// # let captured = ups_track::testing::capture(|| train(&[0.5, 0.25]));
/// # assert_eq!(captured.metric("operator/loss").len(), 2);
/// ```
///
/// With rayon: `shards.par_iter().for_each(|shard| stage.in_scope(|| work(shard)))`.
#[derive(Debug, Clone)]
pub struct StageContext {
    /// The run that the thread has entered, or that its stage belongs to; none where it is the global one anyway.
    run: Option<Force>,
    stage: Where,
    /// The subscriber, where the thread has one of its own: for what plain events record.
    dispatch: Option<Dispatch>,
}

#[derive(Debug, Clone)]
enum Where {
    /// In whatever stage the code is where it runs.
    There,
    Stage(Arc<Stage>),
    /// Values explicitly belong to no stage.
    Outside,
}

impl StageContext {
    /// The stage that the calling thread is in, if any, and the run that it has entered.
    pub fn current() -> Self {
        let in_force = force::known();
        if let Some(recorder) = &in_force {
            // What was recorded here so far stands before what the other thread records.
            recorder.advance();
        }
        let stage = in_force.as_ref().map_or(Where::There, |recorder| {
            thread::with(|thread| match thread.stage(recorder.uid) {
                Some(stage) => Where::Stage(Arc::clone(stage)),
                None if thread.is_outside(recorder.uid) => Where::Outside,
                None => Where::There,
            })
            .unwrap_or(Where::There)
        });
        let entered = thread::with(|thread| thread.entered_run().cloned()).flatten();
        let of_stage = || matches!(stage, Where::Stage(_)).then(|| Force::new(in_force.as_ref()));
        let run = entered.or_else(of_stage);
        Self { run, stage, dispatch: get_default(|dispatch| layer_in(dispatch).map(|_| dispatch.clone())) }
    }

    /// No stage at all, explicitly: for what belongs to the whole run, such as a thread that watches the machine while
    /// stages come and go.
    ///
    /// ```
    /// # use ups_track::{StageContext, metric};
    /// # let temperature = 60.0;
    /// StageContext::outside().in_scope(|| metric!(step = 1, temperature));
    /// ```
    pub fn outside() -> Self {
        Self { stage: Where::Outside, ..Self::current() }
    }

    /// Runs `code` in this stage, on whatever thread.
    pub fn in_scope<R>(&self, code: impl FnOnce() -> R) -> R {
        let run = || {
            let _arrived = Arrived::new(self);
            code()
        };
        match &self.dispatch {
            Some(dispatch) if !is_current(dispatch) => with_default(dispatch, run),
            _ => run(),
        }
    }
}

/// Tells the layer of one run in a subscriber from others; set by the layer, which this module does not know.
static LAYER_IN: OnceLock<fn(&Dispatch) -> Option<usize>> = OnceLock::new();

/// There are layers that record into one run alone. A thread's own subscriber with such a layer is carried, too.
pub(crate) fn carry_layers(layer_in: fn(&Dispatch) -> Option<usize>) {
    // One function is as good as the other.
    let _ = LAYER_IN.set(layer_in);
}

fn layer_in(dispatch: &Dispatch) -> Option<usize> {
    LAYER_IN.get().and_then(|layer_in| layer_in(dispatch))
}

/// Whether the calling thread has this subscriber. Setting one slows every thread down.
fn is_current(dispatch: &Dispatch) -> bool {
    get_default(|current| layer_in(current) == layer_in(dispatch))
}

/// While it lives, the thread is in a carried stage.
struct Arrived {
    // Left in this order.
    _stage: Option<Stay>,
    _run: Option<Stay>,
}

impl Arrived {
    fn new(context: &StageContext) -> Self {
        let run = context.run.as_ref();
        let entered = run.map(|run| Stay::enter(|thread| thread.enter_run(run.clone())));
        let stage = match (&context.stage, run.and_then(Force::recorder)) {
            (Where::Stage(stage), Some(run)) => {
                Some(Stay::enter(|thread| thread.enter_stage(run.uid, Arc::clone(stage))))
            }
            (Where::Outside, _) => Some(Stay::enter(thread::Thread::enter_outside)),
            _ => None,
        };
        Self { _stage: stage, _run: entered }
    }
}

impl Drop for Arrived {
    fn drop(&mut self) {
        // What was recorded in here stands before what whoever waits for it records next.
        if let Some(recorder) = force::known() {
            recorder.advance();
        }
    }
}

/// Takes the current stage along into a closure that runs on another thread.
///
/// ```
/// use ups_track::{carry, metric, track_stage};
///
/// #[track_stage("operator")]
/// fn train(loss: f64) {
///     let worker = std::thread::spawn(carry(move || metric!(step = 1, loss)));
///     worker.join().unwrap();
/// }
/// # let captured = ups_track::testing::capture(|| train(0.5));
/// # assert_eq!(captured.metric("operator/loss"), [0.5]);
/// ```
pub fn carry<R>(code: impl FnOnce() -> R) -> impl FnOnce() -> R {
    let context = StageContext::current();
    move || context.in_scope(code)
}

/// Takes the current stage along into a future that runs as a task of its own.
///
/// ```
/// use ups_track::{CarryStage, metric, track_stage};
///
/// #[track_stage("operator")]
/// async fn train(loss: f64) {
///     let task = tokio::spawn(async move { metric!(step = 1, loss) }.in_current_stage());
///     task.await.unwrap();
/// }
/// # let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
/// # let captured = ups_track::testing::capture(|| runtime.block_on(train(0.5)));
/// # assert_eq!(captured.metric("operator/loss"), [0.5]);
/// ```
pub trait CarryStage: Future + Sized {
    /// The future, in the stage that this call is in.
    fn in_current_stage(self) -> InStage<Self> {
        self.in_stage(StageContext::current())
    }

    /// The future, in a stage.
    fn in_stage(self, context: StageContext) -> InStage<Self> {
        InStage { future: Some(self), context }
    }
}

impl<F: Future> CarryStage for F {}

pin_project! {
    /// A future in a stage, see [`CarryStage`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless they are polled"]
    pub struct InStage<F> {
        // None once it is being dropped: its locals are dropped inside the stage, too.
        #[pin]
        future: Option<F>,
        context: StageContext,
    }

    impl<F> PinnedDrop for InStage<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            this.context.in_scope(|| this.future.set(None));
        }
    }
}

impl<F: Future> Future for InStage<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        match this.future.as_pin_mut() {
            Some(future) => this.context.in_scope(|| future.poll(task)),
            None => Poll::Pending,
        }
    }
}
