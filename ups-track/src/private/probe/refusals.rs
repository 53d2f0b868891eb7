//! The wrong kinds: where a probe ends when a value is not of the kind that a macro asks for.
//!
//! The methods are never called: their bounds do not hold, and the bound's text is the compile error. They are
//! written out, not made by a macro, because rustc shows them below that error.

#![expect(clippy::unused_self, reason = "a probe answers by the type of its value")]

use std::marker::PhantomData;
use std::ops::Deref;
use std::time::Duration;

use crate::{ConfigValue, EvalSummary, MetricValue, Metrics, RunConfig, Secret, SummaryValue};

/// A type that no value has: the only one for which the bounds of wrong kinds hold.
enum Never {}
// Counts as a use. (A private type is not listed as one that implements the traits.)
const _: Option<Never> = None;

/// Declares the traits whose text is the error for a wrong kind.
macro_rules! refusals {
    ($($(#[$text:meta])* $name:ident),* $(,)?) => {$(
                $(#[$text])*
        pub trait $name {}
        impl $name for Never {}
    )*};
}

refusals! {
    #[diagnostic::on_unimplemented(
        message = "a secret cannot be logged",
        label = "`{Self}` stays inside the program; leave it out of the call"
    )]
    SecretAsValue,
    #[diagnostic::on_unimplemented(
        message = "text cannot be a metric",
        label = "`{Self}` belongs in the config or in a table cell",
        note = "log fixed text once: `config!(name = value)`"
    )]
    TextAsMetric,
    #[diagnostic::on_unimplemented(
        message = "a bool cannot be a metric",
        label = "a fixed flag belongs in the config, an outcome in the summary",
        note = "to chart a flag over steps, write `u8::from(flag)`"
    )]
    BoolAsMetric,
    #[diagnostic::on_unimplemented(
        message = "a duration has no unit, so it cannot be a metric",
        label = "write `.as_secs_f64()` and name the unit in the key"
    )]
    DurationAsMetric,
    #[diagnostic::on_unimplemented(
        message = "a `Result` cannot be a metric",
        label = "handle the error first, for example with `?`"
    )]
    ResultAsMetric,
    #[diagnostic::on_unimplemented(
        message = "`{Self}` is a row of metrics, not one metric",
        label = "log the whole row: `metric!(step = .., ..row)`"
    )]
    RowAsMetric,
    #[diagnostic::on_unimplemented(
        message = "`{Self}` is an evaluation summary, not a time series",
        label = "return it from an `#[eval_summary]` function, or call `run.summarize(..)`"
    )]
    ScoresAsMetric,
    #[diagnostic::on_unimplemented(
        message = "`{Self}` is a run config, not a metric",
        label = "log it once: `config!(..value)`"
    )]
    ConfigAsMetric,
    #[diagnostic::on_unimplemented(
        message = "`{Self}` is a whole evaluation summary, not one summary value",
        label = "write `summary!(..scores)`, or return it from an `#[eval_summary]` function"
    )]
    ScoresAsSummaryValue,
    #[diagnostic::on_unimplemented(
        message = "`{Self}` is a row of metrics, not a summary value",
        label = "metrics change with a step: `metric!(step = .., ..row)`"
    )]
    RowAsSummaryValue,
    #[diagnostic::on_unimplemented(
        message = "`{Self}` is a run config, not a summary value",
        label = "log it once: `config!(..value)`"
    )]
    ConfigAsSummaryValue,
    #[diagnostic::on_unimplemented(
        message = "a `Result` cannot be a summary value",
        label = "handle the error first, for example with `?`"
    )]
    ResultAsSummaryValue,
    #[diagnostic::on_unimplemented(
        message = "`{Self}` is an evaluation summary, not a config value",
        label = "results are no settings: write `summary!(..scores)`, or return it from an `#[eval_summary]` function"
    )]
    ScoresAsConfig,
    #[diagnostic::on_unimplemented(
        message = "`{Self}` is a row of metrics, not a config value",
        label = "metrics change with a step: `metric!(step = .., ..row)`"
    )]
    RowAsConfig,
    #[diagnostic::on_unimplemented(
        message = "`err` needs a function that returns a `Result`, and `{Self}` is none",
        label = "return a `Result` whose error implements `Display` or `Debug`, or remove `err`"
    )]
    NoResultToReport,
}

/// Declares the chain behind the probes: one struct per wrong kind, from the most telling text to the general one.
macro_rules! chain {
    ($name:ident => $next:ident $(, $rest:ident)*) => {
        pub struct $name<T: ?Sized>($next<T>);
        impl<T: ?Sized> $name<T> {
            pub(super) const NEW: Self = Self($next::NEW);
        }
        impl<T: ?Sized> Deref for $name<T> {
            type Target = $next<T>;
            #[inline]
            fn deref(&self) -> &$next<T> {
                &self.0
            }
        }
        chain!($next => $($rest),*);
    };
    ($name:ident =>) => {
        pub struct $name<T: ?Sized>(PhantomData<T>);
        impl<T: ?Sized> $name<T> {
            pub(super) const NEW: Self = Self(PhantomData);
        }
    };
}

chain!(Text => Hidden, Flag, Time, Row, Scores, Config, Fallible, Other);

pub trait IsBool {}
impl IsBool for bool {}
impl IsBool for &bool {}
impl IsBool for Option<bool> {}

pub trait IsSecret {}
impl<T> IsSecret for Secret<T> {}
impl<T> IsSecret for &Secret<T> {}
impl<T> IsSecret for Option<Secret<T>> {}

pub trait IsDuration {}
impl IsDuration for Duration {}
impl IsDuration for &Duration {}

pub trait IsResult {}
impl<T, E> IsResult for Result<T, E> {}
impl<T, E> IsResult for &Result<T, E> {}

impl<T: AsRef<str> + ?Sized> Text<T> {
    pub fn metric(&self) -> f64
    where
        T: TextAsMetric,
    {
        f64::NAN
    }
}

impl<T: IsSecret + ?Sized> Hidden<T> {
    pub fn metric(&self) -> f64
    where
        T: SecretAsValue,
    {
        f64::NAN
    }
}

impl<T: IsBool + ?Sized> Flag<T> {
    pub fn metric(&self) -> f64
    where
        T: BoolAsMetric,
    {
        f64::NAN
    }
}

impl<T: IsDuration + ?Sized> Time<T> {
    pub fn metric(&self) -> f64
    where
        T: DurationAsMetric,
    {
        f64::NAN
    }
}

impl<T: Metrics + ?Sized> Row<T> {
    pub fn metric(&self) -> f64
    where
        T: RowAsMetric,
    {
        f64::NAN
    }
}

impl<T: EvalSummary + ?Sized> Scores<T> {
    pub fn metric(&self) -> f64
    where
        T: ScoresAsMetric,
    {
        f64::NAN
    }
}

impl<T: RunConfig + ?Sized> Config<T> {
    pub fn metric(&self) -> f64
    where
        T: ConfigAsMetric,
    {
        f64::NAN
    }
}

impl<T: IsResult + ?Sized> Fallible<T> {
    pub fn metric(&self) -> f64
    where
        T: ResultAsMetric,
    {
        f64::NAN
    }
}

impl<T: ?Sized> Other<T> {
    pub fn metric(&self) -> f64
    where
        T: MetricValue,
    {
        f64::NAN
    }
}

impl<T: IsSecret + ?Sized> Hidden<T> {
    pub fn summary(&self) -> f64
    where
        T: SecretAsValue,
    {
        f64::NAN
    }
}

impl<T: Metrics + ?Sized> Row<T> {
    pub fn summary(&self) -> f64
    where
        T: RowAsSummaryValue,
    {
        f64::NAN
    }
}

impl<T: EvalSummary + ?Sized> Scores<T> {
    pub fn summary(&self) -> f64
    where
        T: ScoresAsSummaryValue,
    {
        f64::NAN
    }
}

impl<T: RunConfig + ?Sized> Config<T> {
    pub fn summary(&self) -> f64
    where
        T: ConfigAsSummaryValue,
    {
        f64::NAN
    }
}

impl<T: IsResult + ?Sized> Fallible<T> {
    pub fn summary(&self) -> f64
    where
        T: ResultAsSummaryValue,
    {
        f64::NAN
    }
}

impl<T: ?Sized> Other<T> {
    pub fn summary(&self) -> f64
    where
        T: SummaryValue,
    {
        f64::NAN
    }
}

impl<T: IsSecret + ?Sized> Hidden<T> {
    pub fn config(&self) -> f64
    where
        T: SecretAsValue,
    {
        f64::NAN
    }
}

impl<T: Metrics + ?Sized> Row<T> {
    pub fn config(&self) -> f64
    where
        T: RowAsConfig,
    {
        f64::NAN
    }
}

impl<T: EvalSummary + ?Sized> Scores<T> {
    pub fn config(&self) -> f64
    where
        T: ScoresAsConfig,
    {
        f64::NAN
    }
}

impl<T: ?Sized> Other<T> {
    pub fn config(&self) -> f64
    where
        T: ConfigValue,
    {
        f64::NAN
    }
}
