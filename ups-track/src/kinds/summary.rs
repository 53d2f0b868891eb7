//! Summaries: one final value of the run per key. They become W&B summary values, never a chart.

use std::borrow::Cow;

use super::keyset::KeySet;
use super::metric::{MetricField, MetricValue};
use super::scalar::Scalar;

/// The forms in which a summary value travels through a `tracing` field: a number, a bool, text, or an `Option` of
/// one.
pub trait SummaryField: tracing::field::Value {
    /// The value, or `None` when it is absent.
    fn scalar(&self) -> Option<Scalar>;
}

impl SummaryField for f64 {
    fn scalar(&self) -> Option<Scalar> {
        self.number().map(Scalar::Number)
    }
}

impl SummaryField for i64 {
    fn scalar(&self) -> Option<Scalar> {
        self.number().map(Scalar::Number)
    }
}

impl SummaryField for u64 {
    fn scalar(&self) -> Option<Scalar> {
        self.number().map(Scalar::Number)
    }
}

impl SummaryField for bool {
    fn scalar(&self) -> Option<Scalar> {
        Some(Scalar::Bool(*self))
    }
}

impl SummaryField for &str {
    fn scalar(&self) -> Option<Scalar> {
        Some(Scalar::Text((*self).to_owned()))
    }
}

impl<T: SummaryField> SummaryField for Option<T> {
    fn scalar(&self) -> Option<Scalar> {
        self.as_ref().and_then(SummaryField::scalar)
    }
}

/// A value that can be a summary value: a number, a bool or text, and references and `Option`s of them.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a summary value",
    label = "a summary value is a number, a bool or text",
    note = "a struct of scores derives `EvalSummary` and is returned from an `#[eval_summary]` function"
)]
pub trait SummaryValue {
    /// How the value travels: `f64`, `i64`, `u64`, `bool`, `&str`, or an `Option` of one (absent when `None`).
    type Field<'a>: SummaryField
    where
        Self: 'a;

    /// The value.
    fn field(&self) -> Self::Field<'_>;
}

macro_rules! number_summaries {
    ($($ty:ty),* $(,)?) => {$(
        impl SummaryValue for $ty {
            type Field<'a> = <$ty as MetricValue>::Field;
            #[inline]
            fn field(&self) -> Self::Field<'_> {
                MetricValue::field(self)
            }
        }
    )*};
}

number_summaries!(f64, f32, i64, i32, i16, i8, isize, i128, u64, u32, u16, u8, usize, u128);

impl SummaryValue for bool {
    type Field<'a> = bool;
    fn field(&self) -> bool {
        *self
    }
}

impl SummaryValue for str {
    type Field<'a> = &'a str;
    fn field(&self) -> &str {
        self
    }
}

impl SummaryValue for String {
    type Field<'a> = &'a str;
    fn field(&self) -> &str {
        self
    }
}

impl SummaryValue for Cow<'_, str> {
    type Field<'a>
        = &'a str
    where
        Self: 'a;
    fn field(&self) -> &str {
        self
    }
}

#[diagnostic::do_not_recommend]
impl<T: SummaryValue + ?Sized> SummaryValue for &T {
    type Field<'a>
        = T::Field<'a>
    where
        Self: 'a;
    fn field(&self) -> Self::Field<'_> {
        (**self).field()
    }
}

#[diagnostic::do_not_recommend]
impl<T: SummaryValue> SummaryValue for Option<T> {
    type Field<'a>
        = Option<T::Field<'a>>
    where
        Self: 'a;
    fn field(&self) -> Self::Field<'_> {
        self.as_ref().map(SummaryValue::field)
    }
}

/// Which direction of a number is better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Goal {
    /// Smaller is better.
    Min,
    /// Larger is better.
    Max,
}

/// The scores of an evaluation. Derive it: `#[derive(EvalSummary)]` on a struct of numbers, bools and text.
///
/// Return it from an `#[eval_summary]` function, or hand it to [`Run::summarize`](crate::Run::summarize).
///
/// ```
/// use ups_track::EvalSummary;
/// #[derive(EvalSummary)]
/// struct Scores {
///     #[track(goal = "min")]
///     nrmse: f64,
///     samples: u64,
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not an evaluation summary",
    label = "expected a struct with `#[derive(EvalSummary)]`, or pairs: `&[(\"nrmse\", nrmse)]`",
    note = "what changes with a step is a metric: `metric!(step = .., ..row)` or `run.log(step, &row)`",
    note = "settings go into the config: `config!(..settings)` or `run.update_config(&settings)`"
)]
pub trait EvalSummary {
    /// The keys, as far as they are known before the program runs: what the compiler compares.
    const KEYS: KeySet = KeySet::UNKNOWN;

    /// The goals of the values that have one, by key.
    const GOALS: &'static [(&'static str, Goal)] = &[];

    /// Calls `each` with every key and value, in the order of the fields.
    fn visit_summary(&self, each: &mut dyn FnMut(&str, Scalar));

    /// Calls `each` with the keys that have a goal, those of the structs inside under their prefixes.
    #[doc(hidden)]
    fn visit_goals(each: &mut dyn FnMut(&str, Goal)) {
        for (key, goal) in Self::GOALS {
            each(key, *goal);
        }
    }
}

#[diagnostic::do_not_recommend]
impl<T: EvalSummary + ?Sized> EvalSummary for &T {
    const KEYS: KeySet = T::KEYS;
    const GOALS: &'static [(&'static str, Goal)] = T::GOALS;
    fn visit_summary(&self, each: &mut dyn FnMut(&str, Scalar)) {
        (**self).visit_summary(each);
    }
    fn visit_goals(each: &mut dyn FnMut(&str, Goal)) {
        T::visit_goals(each);
    }
}

impl<K: AsRef<str>, V: SummaryValue> EvalSummary for [(K, V)] {
    fn visit_summary(&self, each: &mut dyn FnMut(&str, Scalar)) {
        for (key, value) in self {
            if let Some(scalar) = value.field().scalar() {
                each(key.as_ref(), scalar);
            }
        }
    }
}

impl<K: AsRef<str>, V: SummaryValue, const N: usize> EvalSummary for [(K, V); N] {
    fn visit_summary(&self, each: &mut dyn FnMut(&str, Scalar)) {
        self.as_slice().visit_summary(each);
    }
}

impl<K: AsRef<str>, V: SummaryValue> EvalSummary for Vec<(K, V)> {
    fn visit_summary(&self, each: &mut dyn FnMut(&str, Scalar)) {
        self.as_slice().visit_summary(each);
    }
}

/// What an `#[eval_summary]` function may return: an [`EvalSummary`], or a `Result` or `Option` of one.
#[diagnostic::on_unimplemented(
    message = "`#[eval_summary]` cannot take a summary from `{Self}`",
    label = "expected a type with `#[derive(EvalSummary)]`, or `Result`/`Option` of one"
)]
pub trait SummaryOutput {
    /// The struct of scores.
    type Summary: EvalSummary;

    /// The scores, or `None` when there are none (`Err`, `None`).
    fn summary(&self) -> Option<&Self::Summary>;
}

impl<T: EvalSummary> SummaryOutput for T {
    type Summary = T;
    fn summary(&self) -> Option<&T> {
        Some(self)
    }
}

#[diagnostic::do_not_recommend]
impl<T: EvalSummary, E> SummaryOutput for Result<T, E> {
    type Summary = T;
    fn summary(&self) -> Option<&T> {
        self.as_ref().ok()
    }
}

#[diagnostic::do_not_recommend]
impl<T: EvalSummary> SummaryOutput for Option<T> {
    type Summary = T;
    fn summary(&self) -> Option<&T> {
        self.as_ref()
    }
}
