//! The `tracing` layer, for plain spans and events: spans with `stage` become stages, events with our field prefixes become
//! data, messages become lines of the console. What macros record does not come through here.
//!
//! It knows the recorder and nothing behind it.

mod event;
mod fields;
mod spans;

use std::io::Write as _;
use std::sync::{Arc, OnceLock};

use tracing::dispatcher::WeakDispatch;
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Dispatch, Event, Metadata, Subscriber};
use tracing_subscriber::Registry;
use tracing_subscriber::filter::{Filtered, Targets};
use tracing_subscriber::layer::{Context, Filter, Layer as LayerTrait};
use tracing_subscriber::registry::{LookupSpan, SpanData as _};

use crate::direct::refuse::Place;
use crate::direct::stages::{self, Call};
use crate::direct::{carry, site};
use crate::os::ours;
use crate::recorder::{Home, Op, Recorder, Stage, Stream, force, thread};
use event::RowVisitor;
use spans::{NameVisitor, StageSpan, StageSpans, StageVisitor};

/// The layer that [`layer`](crate::layer) gives: it carries its own filter, so other callsites cost nothing.
pub type Layer<S> = Filtered<Recording, Interested, S>;

/// A layer that records into the run in force.
pub(crate) fn in_force<S>() -> Layer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    build(Target::InForce, None)
}

/// A layer that records into one run alone; none for a run that records nothing.
pub(crate) fn for_recorder<S>(recorder: Option<&Arc<Recorder>>) -> Layer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    carry::carry_layers(layer_in);
    build(Target::One(recorder.map(Arc::clone)), None)
}

/// The layer of [`init`](crate::init): as [`in_force`], and messages also go to standard error.
pub(crate) fn with_echo<S>(echo: Targets) -> Layer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    build(Target::InForce, Some(echo))
}

fn build<S>(target: Target, echo: Option<Targets>) -> Layer<S>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    Recording { target, spans: StageSpans::default(), echo, dispatch: OnceLock::new() }
        .with_filter(Interested(()))
}

/// The layer of one run in a subscriber, if there is one.
fn layer_in(dispatch: &Dispatch) -> Option<usize> {
    let found = dispatch.downcast_ref::<Recording>()?;
    matches!(found.target, Target::One(_)).then(|| std::ptr::from_ref(found).addr())
}

/// Where a layer records.
#[derive(Debug)]
enum Target {
    /// The innermost run that the thread has entered, or the global one.
    InForce,
    One(Option<Arc<Recorder>>),
}

/// Records stages and values of plain spans and events. See [`layer`](crate::layer).
#[derive(Debug)]
pub struct Recording {
    target: Target,
    spans: StageSpans,
    /// Which messages also go to standard error.
    echo: Option<Targets>,
    /// The subscriber that this layer is in.
    dispatch: OnceLock<WeakDispatch>,
}

impl Recording {
    /// The number of the recorder, 0 if there is none (yet).
    #[inline]
    fn uid(&self, thread: &thread::Thread) -> u64 {
        match &self.target {
            Target::InForce => thread.force(),
            Target::One(recorder) => recorder.as_ref().map_or(0, |recorder| recorder.uid),
        }
    }

    /// The recorder; a run is started from the environment if there is none and one may be.
    fn recorder(&self) -> Option<Arc<Recorder>> {
        match &self.target {
            Target::InForce => force::recorder(),
            Target::One(recorder) => recorder.clone().filter(|_| !ours::is()),
        }
    }

    /// The recorder, if there is one already: a message starts no run.
    fn known_recorder(&self) -> Option<Arc<Recorder>> {
        match &self.target {
            Target::InForce => force::known(),
            Target::One(_) => self.recorder(),
        }
    }

    /// The stage of an event or span: that of its explicit parent, or the innermost one the thread is in.
    fn stage_of<S>(&self, parent: Parent<'_>, recorder: &Recorder, context: &Context<'_, S>) -> Arc<Stage>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let stage_at = |id: &Id| {
            let of = |span: &mut StageSpan| (span.uid == recorder.uid).then(|| Arc::clone(span.call.stage()));
            self.spans.get(id.into_u64(), of).flatten()
        };
        match parent {
            Parent::Root => Arc::clone(&recorder.root),
            Parent::Explicit(id) => {
                let seen = || context.span(id)?.scope().find_map(|span| stage_at(&span.id()));
                self.around(id, stage_at).or_else(seen).unwrap_or_else(|| Arc::clone(&recorder.root))
            }
            Parent::Current => thread::stage(recorder),
        }
    }

    /// What `find` finds at a span or one around it. Our filter hides spans that are no stages from our own context, so the
    /// registry is asked.
    fn around<T>(&self, id: &Id, find: impl Fn(&Id) -> Option<T>) -> Option<T> {
        let dispatch = self.dispatch.get()?.upgrade()?;
        let registry = dispatch.downcast_ref::<Registry>()?;
        let mut id = id.clone();
        loop {
            if let Some(found) = find(&id) {
                return Some(found);
            }
            id = registry.span_data(&id)?.parent()?.clone();
        }
    }

    /// A stage that was opened before, inside the one that the thread is in.
    fn known_stage(&self, name: &str) -> Option<StageSpan> {
        thread::with(|thread| {
            let uid = self.uid(thread);
            let recorder = thread.way(uid).map(|way| &way.recorder).filter(|recorder| recorder.is_open())?;
            let stage = thread.stage(uid).unwrap_or(&recorder.root).opened(name)?;
            Some(StageSpan { uid, call: Call::new(stage) })
        })
        .flatten()
    }

    /// Makes a span a stage, if its name may be one.
    fn open<S>(
        &self,
        id: &Id,
        fields: &StageVisitor,
        parent: Parent<'_>,
        place: Place,
        context: &Context<'_, S>,
    ) -> bool
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        let Some(name) = &fields.name else { return false };
        let Some(recorder) = self.recorder().filter(|recorder| recorder.is_open()) else { return false };
        let Some(name) = place.stage_name(&recorder, name) else { return false };
        let outer = self.stage_of(parent, &recorder, context);
        let stage = stages::open(&recorder, &outer, &name, fields.options());
        thread::with(|thread| {
            thread.way_into(&recorder);
        });
        self.spans.insert(id.into_u64(), StageSpan { uid: recorder.uid, call: Call::new(stage) });
        true
    }

    /// The thread goes into a span, if that is a stage.
    fn enter(&self, id: u64) {
        let entered = self.spans.get(id, |span| {
            let moved = span.call.enter();
            (span.uid, Arc::clone(span.call.stage()), moved)
        });
        let Some((uid, stage, moved)) = entered else { return };
        if moved && let Some(recorder) = self.known_recorder().filter(|recorder| recorder.uid == uid) {
            // A task that goes on here: its rows come after those that it logged elsewhere.
            recorder.advance();
        }
        thread::with(|thread| thread.enter_span(uid, id, stage));
    }

    /// The short way: a row of metrics whose plan this thread has at hand. True if that was all.
    #[inline]
    fn short_way(&self, event: &Event<'_>) -> bool {
        if !event.is_contextual() {
            return false;
        }
        let site = std::ptr::from_ref(event.metadata()).addr();
        thread::with(|thread| {
            // The values of such a plan are numbers, so that no code of the program's runs in here.
            thread.row(self.uid(thread), site, |row| event.record(&mut RowVisitor(row)))
        })
        .unwrap_or(false)
    }
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
    fn on_register_dispatch(&self, subscriber: &Dispatch) {
        // The first one is that of this layer.
        drop(self.dispatch.set(subscriber.downgrade()));
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut known = None;
        if attributes.is_contextual() {
            attributes.record(&mut NameVisitor(Some(|name: &str| known = self.known_stage(name))));
        }
        if let Some(span) = known {
            return self.spans.insert(id.into_u64(), span);
        }
        // The program's own `Debug` may run here: no lock is held.
        let mut fields = StageVisitor::default();
        attributes.record(&mut fields);
        let parent = Parent::of(attributes.parent(), attributes.is_contextual());
        self.open(id, &fields, parent, Place::of(attributes.metadata()), &context);
    }

    fn on_enter(&self, id: &Id, _: Context<'_, S>) {
        self.enter(id.into_u64());
    }

    fn on_exit(&self, id: &Id, _: Context<'_, S>) {
        let id = id.into_u64();
        let uid = self.spans.get(id, |span| {
            span.call.leave();
            span.uid
        });
        if let Some(uid) = uid {
            thread::with(|thread| thread.leave(thread::Ticket::Span(uid, id)));
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        let mut fields = StageVisitor::default();
        values.record(&mut fields);
        let number = id.into_u64();
        let is_stage = self.spans.get(number, |_| ()).is_some();
        if !is_stage && let Some(span) = context.span(id) {
            // The name was `Empty` so far.
            let parent = span.parent().map(|parent| parent.id());
            let parent = parent.as_ref().map_or(Parent::Root, Parent::Explicit);
            let is_inside = context.current_span().id().is_some_and(|current| {
                context.span(current).is_some_and(|span| span.scope().any(|outer| outer.id() == *id))
            });
            if self.open(id, &fields, parent, Place::of(span.metadata()), &context) && is_inside {
                self.enter(number);
            }
        }
        if let Some(status) = fields.status() {
            self.spans.get(number, |span| span.call.set_status(status));
        }
    }

    fn on_close(&self, id: Id, _: Context<'_, S>) {
        if let Some(closed) = self.spans.remove(id.into_u64()) {
            closed.call.close();
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        if self.short_way(event) {
            return;
        }
        let metadata = event.metadata();
        let has_data = fields::has_data(metadata);
        let recorder = if has_data { self.recorder() } else { self.known_recorder() };
        let Some(recorder) = recorder else {
            if self.echoes(metadata)
                && let Some(line) = event::line(event)
            {
                echo(&line);
            }
            return;
        };
        let parent = Parent::of(event.parent(), event.is_contextual());
        let stage = self.stage_of(parent, &recorder, &context);
        if has_data && event::planned(event, &stage, &recorder) {
            return;
        }
        let line = event::record(event, &stage, &recorder);
        if let Some(mut line) = line {
            if self.echoes(metadata) {
                echo(&line);
            }
            if is_console_level(metadata) && recorder.home().is_some_and(Home::wants_console) {
                line.push('\n');
                recorder.op(Op::Console { stream: Stream::Stderr, text: line });
            }
        }
    }
}

impl Recording {
    /// Whether an event's message also goes to standard error.
    fn echoes(&self, metadata: &Metadata<'_>) -> bool {
        self.echo.as_ref().is_some_and(|echo| echo.would_enable(metadata.target(), metadata.level()))
    }
}

fn echo(line: &str) {
    drop(writeln!(std::io::stderr(), "{line}"));
}

/// Which messages are console output.
fn is_console_level(metadata: &Metadata<'_>) -> bool {
    *metadata.level() <= LevelFilter::INFO
}

/// The layer's own filter: interest only in events with our fields or a message, and in spans that name a stage.
#[derive(Debug)]
pub struct Interested(());

impl Interested {
    fn wants(metadata: &Metadata<'_>) -> bool {
        // What a macro tells other layers, it has recorded itself.
        if metadata.target().starts_with(site::TARGETS) {
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
        Self::wants(metadata)
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        if Self::wants(metadata) { Interest::always() } else { Interest::never() }
    }
}
