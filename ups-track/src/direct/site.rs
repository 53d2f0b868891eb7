//! A macro call in the program: its keys, and the event that it emits for other layers of `tracing` if one asks for it.

use std::fmt;

use tracing::callsite::{DefaultCallsite, Identifier};
use tracing::field::{DisplayValue, Field, FieldSet, Value, display};
use tracing::level_filters::{LevelFilter, STATIC_MAX_LEVEL};
use tracing::metadata::Kind;
use tracing::subscriber::NoSubscriber;
use tracing::{Event, Level, Metadata, dispatcher};

use super::refuse::Place;
use crate::kinds::metric::Number;
use crate::kinds::scalar::Scalar;

/// The targets of our events and spans; our own layer passes them by, since a macro has recorded already.
pub(crate) const TARGETS: &str = "ups_track::";

/// Values that an event carries; further ones are left out.
const MOST_FIELDS: usize = 64;

/// What a macro call with known keys is: a static of the program.
///
/// The names are those of the event's fields: `metric.loss`, `step`.
pub struct Site {
    callsite: DefaultCallsite,
    metadata: Metadata<'static>,
    names: &'static [&'static str],
}

impl fmt::Debug for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Site").field("names", &self.names).finish_non_exhaustive()
    }
}

impl Site {
    /// A site; `this` is the static that holds it.
    pub const fn new(
        this: &'static Self,
        target: &'static str,
        names: &'static [&'static str],
        (file, line, module): (&'static str, u32, &'static str),
    ) -> Self {
        Self {
            callsite: DefaultCallsite::new(&this.metadata),
            metadata: Metadata::new(
                target,
                target,
                Level::TRACE,
                Some(file),
                Some(line),
                Some(module),
                FieldSet::new(names, Identifier(&this.callsite)),
                Kind::EVENT,
            ),
            names,
        }
    }

    /// Tells sites apart.
    #[inline]
    pub(super) fn id(&'static self) -> usize {
        std::ptr::from_ref(self).addr()
    }

    pub(super) fn place(&'static self) -> Place {
        Place {
            id: self.id(),
            file: self.metadata.file().unwrap_or("unknown file"),
            line: self.metadata.line().unwrap_or(0),
        }
    }

    /// The keys, without the kind in front of them.
    pub(super) fn keys(&self) -> impl Iterator<Item = &'static str> + use<> {
        let key = |name: &&'static str| match name.split_once('.') {
            Some((_, key)) => key,
            None => name,
        };
        self.names.iter().map(key)
    }

    /// The event for other layers, if one of them asks for it.
    #[inline]
    pub(super) fn emit<'v>(&'static self, values: impl FnOnce() -> Vec<Option<Seen<'v>>>) {
        if is_traced() && self.is_heard() {
            self.dispatch(&values());
        }
    }

    /// Whether some subscriber has wanted such events: a load.
    #[inline]
    pub(crate) fn may_be_heard(&'static self) -> bool {
        !self.callsite.interest().is_never()
    }

    /// Whether the subscriber of this thread wants them. The interest of one that is gone stays until there is a new one.
    fn is_heard(&'static self) -> bool {
        let is_always = self.callsite.interest().is_always();
        self.may_be_heard()
            && dispatcher::get_default(|current| {
                !current.is::<NoSubscriber>() && (is_always || current.enabled(&self.metadata))
            })
    }

    fn dispatch(&'static self, values: &[Option<Seen<'_>>]) {
        let fields = self.metadata.fields();
        let names: Vec<Field> = fields.iter().collect();
        let Some(first) = names.first() else { return };
        let cells: [(&Field, Option<&dyn Value>); MOST_FIELDS] =
            std::array::from_fn(|at| match (names.get(at), values.get(at)) {
                (Some(name), Some(value)) => (name, value.as_ref().map(Seen::value)),
                _ => (first, None),
            });
        Event::dispatch(&self.metadata, &fields.value_set(&cells));
    }
}

/// Whether anybody could ask for events of level TRACE: the one check that a call pays for other layers.
#[inline]
pub(crate) fn is_traced() -> bool {
    STATIC_MAX_LEVEL >= LevelFilter::TRACE && LevelFilter::current() >= LevelFilter::TRACE
}

/// A value as other layers see it.
#[derive(Debug)]
pub(super) enum Seen<'v> {
    F64(f64),
    I64(i64),
    U64(u64),
    Bool(bool),
    Text(&'v str),
    Json(DisplayValue<&'v serde_json::Value>),
}

impl Seen<'_> {
    fn value(&self) -> &dyn Value {
        match self {
            Self::F64(v) => v,
            Self::I64(v) => v,
            Self::U64(v) => v,
            Self::Bool(v) => v,
            Self::Text(v) => v,
            Self::Json(v) => v,
        }
    }
}

impl From<Number> for Seen<'_> {
    fn from(number: Number) -> Self {
        match number {
            Number::F64(v) => Self::F64(v),
            Number::I64(v) => Self::I64(v),
            Number::U64(v) => Self::U64(v),
        }
    }
}

impl<'v> From<&'v Scalar> for Seen<'v> {
    fn from(scalar: &'v Scalar) -> Self {
        match scalar {
            Scalar::Number(number) => Self::from(*number),
            Scalar::Bool(v) => Self::Bool(*v),
            Scalar::Text(text) => Self::Text(text),
            Scalar::Json(value) => Self::from(value),
        }
    }
}

impl<'v> From<&'v serde_json::Value> for Seen<'v> {
    fn from(value: &'v serde_json::Value) -> Self {
        match value {
            serde_json::Value::Bool(v) => Self::Bool(*v),
            serde_json::Value::String(text) => Self::Text(text),
            serde_json::Value::Number(number) => match (number.as_u64(), number.as_i64()) {
                (Some(v), _) => Self::U64(v),
                (_, Some(v)) => Self::I64(v),
                _ => Self::F64(number.as_f64().unwrap_or(f64::NAN)),
            },
            other => Self::Json(display(other)),
        }
    }
}
