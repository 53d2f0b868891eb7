//! The `tracing` layer: spans with `stage` become stages, events with our field prefixes become data.
//!
//! It knows the recorder and nothing behind it.

pub(crate) mod carry;
pub(crate) mod direct;
mod event;
mod fields;
mod probe;
mod refuse;
mod stage;
mod thread;

use std::io::Write as _;
use std::path::Path;
use std::sync::Arc;

use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::filter::{Filtered, Targets};
use tracing_subscriber::layer::{Context, Filter, Layer as LayerTrait};
use tracing_subscriber::registry::LookupSpan;

use crate::kinds::file::FilePolicy;
use crate::recorder::{Op, Recorder, Stage, Stream};
use crate::run::{Run, global};
use event::RowVisitor;
pub(crate) use probe::{Enabled, enabled};
use refuse::Place;
use stage::{NameVisitor, StageSpan, StageSpans, StageVisitor};

/// The layer that [`layer`] gives: it carries its own filter, so other callsites cost nothing.
pub type Layer<S> = Filtered<Recording, Interested, S>;

/// A `tracing` layer that records into the global run, for anyone's subscriber stack.
///
/// If there is no global run when the first stage or value comes, one is started from the environment; it then ends
/// with the process.
///
/// ```no_run
/// use tracing_subscriber::prelude::*;
/// tracing_subscriber::registry().with(ups_track::layer()).init();
/// let _stage = tracing::info_span!("train", stage = "operator").entered();
/// tracing::info!(metric.loss = 0.5, step = 1, "epoch done");
/// ```
pub fn layer<S>() -> Layer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    build(Target::Global, None)
}

/// The layer of [`Run::layer`].
pub(crate) fn for_run<S>(run: &Run) -> Layer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    build(Target::Run(Box::new(run.clone())), None)
}

/// A layer for a recorder without a run.
#[cfg(feature = "test-util")]
pub(crate) fn for_recorder<S>(recorder: &Arc<Recorder>) -> Layer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    build(Target::Recorder(Arc::clone(recorder)), None)
}

/// The layer of [`init`](crate::init): as [`layer`], and messages also go to standard error.
pub(crate) fn with_echo<S>(echo: Targets) -> Layer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    build(Target::Global, Some(echo))
}

fn build<S>(target: Target, echo: Option<Targets>) -> Layer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let interested = Interested { global: matches!(target, Target::Global), echo: echo.is_some() };
    Recording { target, spans: StageSpans::default(), echo }.with_filter(interested)
}

/// Where a layer records.
#[derive(Debug)]
enum Target {
    Global,
    Run(Box<Run>),
    #[cfg(feature = "test-util")]
    Recorder(Arc<Recorder>),
}

/// Records stages and values. See [`layer`].
#[derive(Debug)]
pub struct Recording {
    target: Target,
    spans: StageSpans,
    /// Which messages also go to standard error.
    echo: Option<Targets>,
}

impl Recording {
    /// The number of the recorder, 0 if there is none (yet).
    #[inline]
    fn uid(&self) -> u64 {
        match &self.target {
            Target::Global => global::uid(),
            Target::Run(run) => run.recorder().map_or(0, |recorder| recorder.uid),
            #[cfg(feature = "test-util")]
            Target::Recorder(recorder) => recorder.uid,
        }
    }

    /// The recorder; the global run is started for it if there is none.
    #[cold]
    pub(crate) fn recorder(&self) -> Option<Arc<Recorder>> {
        match &self.target {
            Target::Global => global::get_or_start()?.recorder().map(Arc::clone),
            Target::Run(run) => run.recorder().map(Arc::clone),
            #[cfg(feature = "test-util")]
            Target::Recorder(recorder) => Some(Arc::clone(recorder)),
        }
    }

    /// The recorder, if there is one already.
    fn known_recorder(&self) -> Option<Arc<Recorder>> {
        let none_yet = matches!(self.target, Target::Global) && global::get().is_none();
        if none_yet { None } else { self.recorder() }
    }

    fn save(&self, path: &Path, policy: FilePolicy) -> Result<(), String> {
        let run = match &self.target {
            Target::Global => global::get(),
            Target::Run(run) => Some((**run).clone()),
            #[cfg(feature = "test-util")]
            Target::Recorder(recorder) => {
                recorder.op(Op::File { path: path.display().to_string(), policy });
                None
            }
        };
        run.map_or(Ok(()), |run| run.save_file(path, policy)).map_err(|e| e.with_cause())
    }

    fn console_wanted(&self) -> bool {
        match &self.target {
            Target::Global => global::get().is_some_and(|run| run.console_wanted()),
            Target::Run(run) => run.console_wanted(),
            #[cfg(feature = "test-util")]
            Target::Recorder(_) => true,
        }
    }

    /// The stage of an event or span: that of its explicit parent, or the innermost one the thread is in.
    fn stage_of<S>(&self, parent: Parent<'_>, recorder: &Recorder, context: &Context<'_, S>) -> Arc<Stage>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let from_span = |span: Option<tracing_subscriber::registry::SpanRef<'_, S>>| {
            let mut scope = span?.scope();
            scope.find_map(|span| self.spans.get(span.id().into_u64(), |span| Arc::clone(&span.stage)))
        };
        let found = match parent {
            Parent::Root => None,
            Parent::Explicit(id) => from_span(context.span(id)),
            Parent::Current => thread::with(|thread| thread.stage(recorder.uid).map(Arc::clone)).flatten(),
        };
        found.unwrap_or_else(|| Arc::clone(&recorder.root))
    }

    /// The stage that a new span is inside of; `None` if nothing is recorded.
    fn parent_of_span<S>(&self, attributes: &Attributes<'_>, context: &Context<'_, S>) -> Option<Arc<Stage>>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        if attributes.is_contextual() {
            // As on the short way of events: what the thread knows, without asking anyone.
            let uid = self.uid();
            let known = thread::with(|thread| {
                let recorder =
                    thread.way(uid).map(|way| &way.recorder).filter(|recorder| recorder.is_open())?;
                Some(Arc::clone(thread.stage(uid).unwrap_or(&recorder.root)))
            });
            if let Some(Some(stage)) = known {
                return Some(stage);
            }
        }
        let recorder = self.recorder().filter(|recorder| recorder.is_open())?;
        thread::with(|thread| {
            if thread.way(recorder.uid).is_none() {
                thread.open_way(&recorder);
            }
        });
        let parent = Parent::of(attributes.parent(), attributes.is_contextual());
        Some(self.stage_of(parent, &recorder, context))
    }
}

/// The short way: a row of metrics whose plan this thread has at hand. True if that was all.
#[inline]
fn short_way(event: &Event<'_>, uid: u64) -> bool {
    if !event.is_contextual() {
        return false;
    }
    let callsite = std::ptr::from_ref(event.metadata()).addr();
    thread::with(|thread| {
        let stage = thread.stage(uid).map_or(0, |stage| stage.id);
        let Some(way) = thread.way(uid) else { return false };
        let Some(plan) = way.plan(callsite, stage) else { return false };
        if stage == 0 && way.recorder.root.any_open() && !plan.said_no_stage() && !thread.is_outside(uid) {
            return false;
        }
        let Some(way) = thread.way_mut(uid) else { return false };
        way.row(callsite, stage, |row| event.record(&mut RowVisitor(row)))
    })
    .unwrap_or(false)
}

/// Rows whose plan is not at hand: makes the plan, so that the next row can take the short way.
fn planned_row(event: &Event<'_>, stage: &Arc<Stage>, recorder: &Arc<Recorder>) -> bool {
    let metadata = event.metadata();
    let Some(plan) = event::plan_for(metadata, stage, recorder) else { return false };
    if event.is_contextual()
        && stage.is_root()
        && recorder.root.any_open()
        && !thread::is_outside(recorder.uid)
    {
        plan.set_said_no_stage();
        Place::of(metadata).say_no_stage(recorder);
    }
    thread::with(|thread| {
        if thread.way(recorder.uid).is_none() {
            thread.open_way(recorder);
        }
        let callsite = std::ptr::from_ref(metadata).addr();
        thread.learn(recorder.uid, callsite, Arc::clone(&plan));
        let Some(way) = thread.way_mut(recorder.uid) else { return false };
        way.row(callsite, stage.id, |row| event.record(&mut RowVisitor(row)))
    })
    .unwrap_or(false)
}

/// Whose child an event or span is.
#[derive(Debug, Clone, Copy)]
enum Parent<'a> {
    Root,
    Current,
    Explicit(&'a Id),
}

impl<'a> Parent<'a> {
    fn of(explicit: Option<&'a Id>, contextual: bool) -> Self {
        match explicit {
            Some(parent) => Self::Explicit(parent),
            None if contextual => Self::Current,
            None => Self::Root,
        }
    }
}

impl<S> LayerTrait<S> for Recording
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(parent) = self.parent_of_span(attributes, &context) else { return };
        let mut found = None;
        attributes.record(&mut NameVisitor(Some(|name: &str| {
            let options = || {
                let mut fields = StageVisitor::default();
                attributes.record(&mut fields);
                fields.options()
            };
            found = Some(parent.child(name, options));
        })));
        let Some((stage, new)) = found else { return };
        if new && let Some(recorder) = self.recorder() {
            recorder.op(Op::StageOpened(Arc::clone(&stage)));
        }
        self.spans.insert(id.into_u64(), StageSpan::new(self.uid(), stage));
    }

    fn on_enter(&self, id: &Id, _: Context<'_, S>) {
        let id = id.into_u64();
        let entered = self.spans.get(id, |span| {
            let moved = span.enter();
            (span.uid, Arc::clone(&span.stage), moved)
        });
        if let Some((uid, stage, moved)) = entered {
            if moved && let Some(recorder) = self.recorder() {
                // A task that goes on here: its rows come after those that it logged elsewhere.
                recorder.advance();
            }
            thread::with(|thread| thread.enter(uid, id, stage));
        }
    }

    fn on_exit(&self, id: &Id, _: Context<'_, S>) {
        let id = id.into_u64();
        let uid = self.spans.get(id, |span| {
            span.leave();
            span.uid
        });
        if let Some(uid) = uid {
            thread::with(|thread| thread.exit(uid, id));
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, _: Context<'_, S>) {
        let mut fields = StageVisitor::default();
        values.record(&mut fields);
        if let Some(status) = fields.status {
            self.spans.get(id.into_u64(), |span| span.set_status(&status));
        }
    }

    fn on_close(&self, id: Id, _: Context<'_, S>) {
        if let Some(closed) = self.spans.remove(id.into_u64()) {
            closed.close();
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let uid = self.uid();
        if uid != 0 && short_way(event, uid) {
            return;
        }
        let metadata = event.metadata();
        let Some(recorder) = self.recorder() else {
            if let Some(line) = self.echo_line(event) {
                self.echo(metadata, &line);
            }
            return;
        };
        let parent = Parent::of(event.parent(), event.is_contextual());
        let stage = self.stage_of(parent, &recorder, &context);
        if planned_row(event, &stage, &recorder) {
            return;
        }
        let line = event::record(event, &stage, &recorder, &mut |path, policy| self.save(path, policy));
        if let Some(mut line) = line {
            self.echo(metadata, &line);
            if is_console_level(metadata) && self.console_wanted() {
                line.push('\n');
                recorder.op(Op::Console { stream: Stream::Stderr, text: line });
            }
        }
    }
}

impl Recording {
    /// The console line of an event when nothing is recorded.
    fn echo_line(&self, event: &Event<'_>) -> Option<String> {
        self.echo.as_ref()?;
        let nowhere = Recorder::new();
        event::record(event, &nowhere.root, &nowhere, &mut |_, _| Ok(()))
    }

    fn echo(&self, metadata: &Metadata<'_>, line: &str) {
        if self.echo.as_ref().is_some_and(|echo| echo.would_enable(metadata.target(), metadata.level())) {
            drop(writeln!(std::io::stderr(), "{line}"));
        }
    }
}

/// Which messages are console output.
fn is_console_level(metadata: &Metadata<'_>) -> bool {
    *metadata.level() <= LevelFilter::INFO
}

/// The layer's own filter: interest only in events with our fields or a message, and in spans that name a stage.
#[derive(Debug)]
pub struct Interested {
    global: bool,
    echo: bool,
}

impl Interested {
    fn wants(&self, metadata: &Metadata<'_>) -> bool {
        if metadata.target() == probe::TARGET {
            probe::seen();
            return true;
        }
        if self.global && !self.echo && global::is_disabled() {
            return false;
        }
        if metadata.is_span() {
            return fields::is_stage(metadata);
        }
        fields::has_data(metadata) || (is_console_level(metadata) && fields::has_message(metadata))
    }
}

impl<S> Filter<S> for Interested {
    fn enabled(&self, metadata: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        self.wants(metadata)
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.wants(metadata) { Interest::always() } else { Interest::never() }
    }
}
