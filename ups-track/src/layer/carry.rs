//! Carrying stages to other threads and tasks, which do not inherit spans.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;
use tracing::Dispatch;
use tracing::dispatcher::{get_default, with_default};

use super::{Recording, thread};
use crate::recorder::{Recorder, Stage};

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
    /// The subscriber, where it is not that of every thread.
    dispatch: Option<Dispatch>,
    recorder: Option<Arc<Recorder>>,
    /// The stage by the number of its recorder; none where values explicitly belong to none.
    stage: Option<(u64, Arc<Stage>)>,
    outside: bool,
}

impl StageContext {
    /// The stage that the calling thread is in, if any.
    pub fn current() -> Self {
        get_default(|dispatch| {
            let recorder = dispatch.downcast_ref::<Recording>().and_then(Recording::known_recorder);
            let stage = recorder.as_ref().and_then(|recorder| {
                // What was recorded here so far stands before what the other thread records.
                recorder.advance();
                let stage = thread::with(|thread| thread.stage(recorder.uid).map(Arc::clone)).flatten()?;
                Some((recorder.uid, stage))
            });
            let outside =
                stage.is_none() && recorder.as_ref().is_some_and(|recorder| thread::is_outside(recorder.uid));
            Self { dispatch: recorder.is_some().then(|| dispatch.clone()), recorder, stage, outside }
        })
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
        Self { outside: true, ..Self::current() }.without_stage()
    }

    fn without_stage(mut self) -> Self {
        self.stage = None;
        self
    }

    /// Runs `code` in this stage, on whatever thread.
    pub fn in_scope<R>(&self, code: impl FnOnce() -> R) -> R {
        let run = || {
            let _arrived = Arrived::new(self);
            code()
        };
        match &self.dispatch {
            // Setting the subscriber of a thread slows every thread down: only where there is another one.
            Some(dispatch) if !is_current(dispatch) => with_default(dispatch, run),
            _ => run(),
        }
    }
}

/// Whether the calling thread records where `dispatch` records.
fn is_current(dispatch: &Dispatch) -> bool {
    let layer = |dispatch: &Dispatch| dispatch.downcast_ref::<Recording>().map(std::ptr::from_ref);
    get_default(|current| layer(current) == layer(dispatch))
}

/// While it lives, the thread is in a carried stage.
struct Arrived<'a> {
    context: &'a StageContext,
    entered: bool,
}

impl<'a> Arrived<'a> {
    fn new(context: &'a StageContext) -> Self {
        let entered = context.outside || context.stage.is_some();
        if entered {
            thread::with(|thread| thread.arrive(context.stage.clone()));
        }
        Self { context, entered }
    }
}

impl Drop for Arrived<'_> {
    fn drop(&mut self) {
        if self.entered {
            thread::with(thread::Thread::leave);
        }
        // What was recorded in here stands before what whoever waits for it records next.
        if let Some(recorder) = &self.context.recorder {
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
        InStage { future: self, context }
    }
}

impl<F: Future> CarryStage for F {}

pin_project! {
    /// A future in a stage, see [`CarryStage`].
    #[derive(Debug)]
    #[must_use = "futures do nothing unless they are polled"]
    pub struct InStage<F> {
        #[pin]
        future: F,
        context: StageContext,
    }
}

impl<F: Future> Future for InStage<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        this.context.in_scope(|| this.future.poll(task))
    }
}
