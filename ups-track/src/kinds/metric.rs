//! Metrics: numbers that change with a step. They become W&B history, that is line charts.

use std::num::{
    NonZeroI8, NonZeroI16, NonZeroI32, NonZeroI64, NonZeroU8, NonZeroU16, NonZeroU32, NonZeroU64,
    NonZeroUsize,
};

use super::cells::Cells;
use super::keyset::KeySet;

/// A number as it travels: integers stay integers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Number {
    /// A floating-point number, possibly not finite.
    F64(f64),
    /// A signed integer.
    I64(i64),
    /// An unsigned integer.
    U64(u64),
}

impl Number {
    /// The value as a float; integers beyond 2^53 are rounded.
    pub fn as_f64(self) -> f64 {
        match self {
            Self::F64(v) => v,
            Self::I64(v) => v as f64,
            Self::U64(v) => v as f64,
        }
    }

    /// Whether the value is neither NaN nor infinite.
    pub fn is_finite(self) -> bool {
        match self {
            Self::F64(v) => v.is_finite(),
            Self::I64(_) | Self::U64(_) => true,
        }
    }
}

impl From<f64> for Number {
    fn from(v: f64) -> Self {
        Self::F64(v)
    }
}

impl From<i64> for Number {
    fn from(v: i64) -> Self {
        Self::I64(v)
    }
}

impl From<u64> for Number {
    fn from(v: u64) -> Self {
        Self::U64(v)
    }
}

mod sealed {
    pub trait Sealed {}
    impl Sealed for f64 {}
    impl Sealed for i64 {}
    impl Sealed for u64 {}
    impl<T: Sealed> Sealed for Option<T> {}
}

/// The forms in which a metric travels through a `tracing` field: `f64`, `i64`, `u64`, or an `Option` of one.
pub trait MetricField: sealed::Sealed + tracing::field::Value + Copy {
    /// The number, or `None` when the value is absent.
    fn number(self) -> Option<Number>;
}

impl MetricField for f64 {
    fn number(self) -> Option<Number> {
        Some(Number::F64(self))
    }
}

impl MetricField for i64 {
    fn number(self) -> Option<Number> {
        Some(Number::I64(self))
    }
}

impl MetricField for u64 {
    fn number(self) -> Option<Number> {
        Some(Number::U64(self))
    }
}

impl<T: MetricField> MetricField for Option<T> {
    fn number(self) -> Option<Number> {
        self.and_then(MetricField::number)
    }
}

/// A value that can be a metric: every integer and float type, references and `Option`s of them, and your own
/// newtypes.
///
/// Text, bools and literals are not: what never changes is config, what is one final value is a summary.
///
/// ```
/// use ups_track::MetricValue;
/// struct Joules(f64);
/// impl MetricValue for Joules {
///     type Field = f64;
///     fn field(&self) -> f64 {
///         self.0
///     }
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a metric value",
    label = "expected a number that changes with the step, or the step itself",
    note = "what never changes is config: `config!(..)`; one final value is a summary: `summary!(..)`",
    note = "for a newtype, implement `MetricValue`"
)]
pub trait MetricValue {
    /// How the number travels: `f64`, `i64`, `u64`, or an `Option` of one (absent when `None`).
    type Field: MetricField;

    /// The number.
    fn field(&self) -> Self::Field;
}

macro_rules! metric_values {
    ($($from:ty => $to:ty),* $(,)?) => {$(
        impl MetricValue for $from {
            type Field = $to;
            #[inline]
            fn field(&self) -> $to {
                <$to>::from(*self)
            }
        }
    )*};
}

metric_values! {
    f64 => f64, f32 => f64,
    i64 => i64, i32 => i64, i16 => i64, i8 => i64,
    u64 => u64, u32 => u64, u16 => u64, u8 => u64,
    NonZeroU64 => u64,
}

macro_rules! metric_values_by {
    ($($from:ty => $to:ty: |$v:ident| $by:expr),* $(,)?) => {$(
        impl MetricValue for $from {
            type Field = $to;
            #[inline]
            fn field(&self) -> $to {
                let $v = *self;
                $by
            }
        }
    )*};
}

metric_values_by! {
    usize => u64: |v| v as u64,
    isize => i64: |v| v as i64,
    // JSON has no 128-bit integers and W&B keeps what exceeds 64 bits as a float.
    u128 => f64: |v| v as f64,
    i128 => f64: |v| v as f64,
    NonZeroI64 => i64: |v| v.get(),
    NonZeroI32 => i64: |v| i64::from(v.get()),
    NonZeroI16 => i64: |v| i64::from(v.get()),
    NonZeroI8 => i64: |v| i64::from(v.get()),
    NonZeroU32 => u64: |v| u64::from(v.get()),
    NonZeroU16 => u64: |v| u64::from(v.get()),
    NonZeroU8 => u64: |v| u64::from(v.get()),
    NonZeroUsize => u64: |v| v.get() as u64,
}

#[diagnostic::do_not_recommend]
impl<T: MetricValue + ?Sized> MetricValue for &T {
    type Field = T::Field;
    #[inline]
    fn field(&self) -> T::Field {
        (**self).field()
    }
}

#[diagnostic::do_not_recommend]
impl<T: MetricValue + ?Sized> MetricValue for &mut T {
    type Field = T::Field;
    #[inline]
    fn field(&self) -> T::Field {
        (**self).field()
    }
}

#[diagnostic::do_not_recommend]
impl<T: MetricValue> MetricValue for Option<T> {
    type Field = Option<T::Field>;
    #[inline]
    fn field(&self) -> Option<T::Field> {
        self.as_ref().map(MetricValue::field)
    }
}

/// A row of metrics. Derive it: `#[derive(Metrics)]` on a struct whose fields are numbers.
///
/// Slices, arrays and `Vec`s of `(key, number)` pairs are rows too, for keys that are known only at run time.
///
/// ```
/// use ups_track::Metrics;
/// #[derive(Metrics)]
/// struct Losses {
///     data: f64,
///     physics: f64,
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a row of metrics",
    label = "expected a struct with `#[derive(Metrics)]`, or pairs: `&[(\"loss\", loss)]`",
    note = "scores go into the summary: `summary!(..scores)` or `run.summarize(&scores)`",
    note = "settings go into the config: `config!(..settings)` or `run.update_config(&settings)`"
)]
pub trait Metrics {
    /// The keys, as far as they are known before the program runs: what the compiler compares.
    const KEYS: KeySet = KeySet::UNKNOWN;

    /// Whether the row has a step of its own, see [`SteppedMetrics`].
    const HAS_STEP: bool = false;

    /// Calls `each` with every key and number of the row, in the order of the fields.
    fn visit_metrics(&self, each: &mut dyn FnMut(&str, Number));

    /// Tells the keys of all rows of this type, if they are the same for all: then [`numbers`](Self::numbers) gives the
    /// values in this order, and no key is looked at for a row. Derives have it.
    #[doc(hidden)]
    const SHAPE: Option<Shape> = None;

    #[doc(hidden)]
    fn numbers(&self, out: &mut Numbers<'_, '_>) {
        let _ = out;
    }
}

/// Takes keys one by one.
#[doc(hidden)]
pub type EachKey<'a> = &'a mut dyn FnMut(&str);

/// The keys of all rows of a type.
#[doc(hidden)]
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// Shows the keys in their order.
    pub keys: fn(EachKey<'_>),
    /// How many there are.
    pub len: usize,
}

/// The values of a row on their way to their places.
#[doc(hidden)]
#[derive(Debug)]
pub struct Numbers<'a, 'lane> {
    next: usize,
    cells: &'a mut Cells<'lane>,
}

impl<'a, 'lane> Numbers<'a, 'lane> {
    pub(crate) fn new(cells: &'a mut Cells<'lane>) -> Self {
        Self { next: 0, cells }
    }

    /// The next value, if it is there.
    #[inline]
    pub fn push(&mut self, number: Option<Number>) {
        if let Some(number) = number {
            self.cells.number(self.next, number);
        }
        self.next += 1;
    }

    /// Further values that are not there.
    #[inline]
    pub fn skip(&mut self, count: usize) {
        self.next += count;
    }
}

/// A row of metrics with a step of its own: a struct with `#[derive(Metrics)]` and a field with `#[track(step)]`.
///
/// ```
/// use ups_track::{Metrics, metric};
/// #[derive(Metrics)]
/// struct Epoch {
///     #[track(step)]
///     number: u64,
///     loss: f64,
/// }
/// # let captured = ups_track::testing::capture(|| {
/// let epoch = Epoch { number: 3, loss: 0.5 };
/// metric!(..epoch);
/// # });
/// # assert_eq!(captured.rows[0].get("step"), Some(3.0));
/// ```
#[diagnostic::on_unimplemented(
    message = "this row of metrics has no step: `{Self}` has no field that is one",
    label = "give the step, as in `metric!(step = .., ..row)`, or mark a field of the struct with `#[track(step)]`"
)]
pub trait SteppedMetrics: Metrics {
    /// The step.
    fn step(&self) -> Option<Number>;
}

#[diagnostic::do_not_recommend]
impl<T: SteppedMetrics + ?Sized> SteppedMetrics for &T {
    fn step(&self) -> Option<Number> {
        (**self).step()
    }
}

#[diagnostic::do_not_recommend]
impl<T: SteppedMetrics> SteppedMetrics for Option<T> {
    fn step(&self) -> Option<Number> {
        self.as_ref().and_then(SteppedMetrics::step)
    }
}

#[diagnostic::do_not_recommend]
impl<T: Metrics + ?Sized> Metrics for &T {
    const KEYS: KeySet = T::KEYS;
    const HAS_STEP: bool = T::HAS_STEP;
    fn visit_metrics(&self, each: &mut dyn FnMut(&str, Number)) {
        (**self).visit_metrics(each);
    }
    const SHAPE: Option<Shape> = T::SHAPE;
    fn numbers(&self, out: &mut Numbers<'_, '_>) {
        (**self).numbers(out);
    }
}

#[diagnostic::do_not_recommend]
impl<T: Metrics> Metrics for Option<T> {
    const KEYS: KeySet = T::KEYS;
    const HAS_STEP: bool = T::HAS_STEP;
    fn visit_metrics(&self, each: &mut dyn FnMut(&str, Number)) {
        if let Some(row) = self {
            row.visit_metrics(each);
        }
    }
    const SHAPE: Option<Shape> = T::SHAPE;
    fn numbers(&self, out: &mut Numbers<'_, '_>) {
        match (self, T::SHAPE) {
            (Some(row), _) => row.numbers(out),
            (None, Some(shape)) => out.skip(shape.len),
            (None, None) => {}
        }
    }
}

impl<K: AsRef<str>, V: MetricValue> Metrics for [(K, V)] {
    fn visit_metrics(&self, each: &mut dyn FnMut(&str, Number)) {
        for (key, value) in self {
            if let Some(number) = value.field().number() {
                each(key.as_ref(), number);
            }
        }
    }
}

impl<K: AsRef<str>, V: MetricValue, const N: usize> Metrics for [(K, V); N] {
    fn visit_metrics(&self, each: &mut dyn FnMut(&str, Number)) {
        self.as_slice().visit_metrics(each);
    }
}

impl<K: AsRef<str>, V: MetricValue> Metrics for Vec<(K, V)> {
    fn visit_metrics(&self, each: &mut dyn FnMut(&str, Number)) {
        self.as_slice().visit_metrics(each);
    }
}

#[cfg(test)]
mod tests {
    use super::{MetricField, MetricValue, Metrics, Number};

    #[test]
    fn integers_stay_integers_and_none_is_absent() {
        assert_eq!(u64::MAX.field().number(), Some(Number::U64(u64::MAX)));
        assert_eq!(i64::MIN.field().number(), Some(Number::I64(i64::MIN)));
        assert_eq!((&&3_u8).field().number(), Some(Number::U64(3)));
        assert_eq!(Some(1.5_f32).field().number(), Some(Number::F64(1.5)));
        assert_eq!(None::<f64>.field().number(), None);
    }

    #[test]
    fn pairs_are_a_row() {
        let mut seen = Vec::new();
        [("a", Some(1.0)), ("b", None)].visit_metrics(&mut |k, n| seen.push((k.to_owned(), n)));
        assert_eq!(seen, [("a".to_owned(), Number::F64(1.0))]);
    }
}
