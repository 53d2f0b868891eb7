//! What the macros ask the type checker: is this value a metric, text, a struct of scores, a `Result`?
//!
//! A probe is a chain of structs that dereference to one another. Method lookup takes the first struct whose bounds
//! hold for the value's type, so each struct answers for one kind of value. A wrong kind ends at a method whose own
//! bound can never hold, and the text of that bound's trait is the compile error that the user sees.

mod config;
mod end;
mod help;
mod keys;
mod refusals;
mod rows;

use std::ops::Deref;

use crate::{MetricValue, SummaryValue};

pub use config::{ConfigEntry, ConfigProbe, Entry};
pub use end::{EndProbe, call, edge};
pub use help::{
    Nested, assert_goal, file_path, goals, goals_below, key, merge, metric, metrics, nested, scores, seconds,
    serialize, settings, shapes, summary, title,
};
pub use keys::{Of, Unknown};
pub use refusals::Text;
pub use rows::{Before, assert_no_step, own_step, row};

/// Implemented by every derive of a data kind, so that a type which derives two kinds does not compile.
pub trait OneKindPerType {}

/// Asks whether a value is a metric or a summary value, and which kind it is otherwise.
pub struct Probe<'a, T: ?Sized> {
    value: &'a T,
    wrong: Text<T>,
}

impl<'a, T: ?Sized> Probe<'a, T> {
    #[inline]
    pub const fn new(value: &'a T) -> Self {
        Self { value, wrong: Text::NEW }
    }
}

impl<T: ?Sized> Deref for Probe<'_, T> {
    type Target = Text<T>;
    #[inline]
    fn deref(&self) -> &Text<T> {
        &self.wrong
    }
}

impl<T: MetricValue + ?Sized> Probe<'_, T> {
    /// The number as a `tracing` field.
    #[inline]
    pub fn metric(&self) -> T::Field {
        self.value.field()
    }
}

impl<'a, T: SummaryValue + ?Sized> Probe<'a, T> {
    /// The value as a `tracing` field.
    #[inline]
    pub fn summary(&self) -> T::Field<'a> {
        self.value.field()
    }
}
