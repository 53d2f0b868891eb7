//! Config: what the run was given. It becomes the W&B config, never a chart or a summary.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Map, Value};

use super::keyset::KeySet;

/// A value that can be a config entry: numbers, bools, text, paths, durations (in seconds), lists, maps, `Option`s
/// (null when `None`), and every type with `#[derive(RunConfig)]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a config value",
    label = "a config value is a number, a bool, text, a list or map of them, or a `#[derive(RunConfig)]` type",
    note = "for another type that implements `serde::Serialize`, put `#[track(serde)]` on the field"
)]
pub trait ConfigValue {
    /// The value as JSON. Of what JSON lacks, NaN becomes null and an infinity the text `Infinity` or `-Infinity`.
    fn config_value(&self) -> Value;
}

/// A struct that is the run's config. Derive it: `#[derive(RunConfig)]`.
///
/// ```
/// use ups_track::RunConfig;
/// #[derive(RunConfig)]
/// struct Hyper {
///     lr: f64,
///     epochs: u64,
///     optimizer: Optimizer,
/// }
/// #[derive(RunConfig)]
/// enum Optimizer {
///     Sgd,
///     Adam { beta: f64 },
/// }
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a run config",
    label = "expected a struct with `#[derive(RunConfig)]`, or pairs: `&[(\"lr\", lr)]`",
    note = "scores go into the summary: `summary!(..scores)` or `run.summarize(&scores)`",
    note = "what changes with a step is a metric: `metric!(step = .., ..row)` or `run.log(step, &row)`"
)]
pub trait RunConfig {
    /// The keys, as far as they are known before the program runs: what the compiler compares.
    const KEYS: KeySet = KeySet::UNKNOWN;

    /// The entries, by key.
    fn entries(&self) -> Map<String, Value>;
}

#[diagnostic::do_not_recommend]
impl<T: RunConfig + ?Sized> RunConfig for &T {
    const KEYS: KeySet = T::KEYS;
    fn entries(&self) -> Map<String, Value> {
        (**self).entries()
    }
}

impl RunConfig for Map<String, Value> {
    fn entries(&self) -> Map<String, Value> {
        self.clone()
    }
}

impl<K: AsRef<str>, V: ConfigValue> RunConfig for [(K, V)] {
    fn entries(&self) -> Map<String, Value> {
        self.iter().map(|(k, v)| (k.as_ref().to_owned(), v.config_value())).collect()
    }
}

impl<K: AsRef<str>, V: ConfigValue, const N: usize> RunConfig for [(K, V); N] {
    fn entries(&self) -> Map<String, Value> {
        self.as_slice().entries()
    }
}

impl<K: AsRef<str>, V: ConfigValue> RunConfig for Vec<(K, V)> {
    fn entries(&self) -> Map<String, Value> {
        self.as_slice().entries()
    }
}

macro_rules! config_values {
    ($($ty:ty),* $(,)?) => {$(
        impl ConfigValue for $ty {
            fn config_value(&self) -> Value {
                Value::from(*self)
            }
        }
    )*};
}

config_values!(i64, i32, i16, i8, isize, u64, u32, u16, u8, usize, bool);

/// A float as JSON, see [`ConfigValue::config_value`].
pub(crate) fn float(v: f64) -> Value {
    match v {
        f64::INFINITY => Value::from("Infinity"),
        f64::NEG_INFINITY => Value::from("-Infinity"),
        v => Value::from(v),
    }
}

macro_rules! text_values {
    ($($ty:ty: |$v:ident| $by:expr),* $(,)?) => {$(
        impl ConfigValue for $ty {
            fn config_value(&self) -> Value {
                let $v = self;
                Value::from($by)
            }
        }
    )*};
}

text_values! {
    f64: |v| float(*v),
    // The shortest text that gives this `f32` back: 0.1 rather than 0.10000000149011612.
    f32: |v| float(v.to_string().parse().unwrap_or_else(|_| f64::from(*v))),
    str: |v| v,
    String: |v| v.as_str(),
    char: |v| v.to_string(),
    Path: |v| v.to_string_lossy(),
    PathBuf: |v| v.to_string_lossy(),
    // JSON numbers end at 64 bits; beyond that the exact digits matter more than the type.
    u128: |v| v.to_string(),
    i128: |v| v.to_string(),
    Duration: |v| v.as_secs_f64(),
}

impl ConfigValue for () {
    fn config_value(&self) -> Value {
        Value::Null
    }
}

impl ConfigValue for Value {
    fn config_value(&self) -> Value {
        self.clone()
    }
}

#[diagnostic::do_not_recommend]
impl<T: ConfigValue + ?Sized> ConfigValue for &T {
    fn config_value(&self) -> Value {
        (**self).config_value()
    }
}

#[diagnostic::do_not_recommend]
impl<T: ConfigValue + ?Sized> ConfigValue for Box<T> {
    fn config_value(&self) -> Value {
        (**self).config_value()
    }
}

impl<T: ConfigValue + ToOwned + ?Sized> ConfigValue for Cow<'_, T> {
    fn config_value(&self) -> Value {
        (**self).config_value()
    }
}

impl<T: ConfigValue> ConfigValue for Option<T> {
    fn config_value(&self) -> Value {
        self.as_ref().map_or(Value::Null, ConfigValue::config_value)
    }
}

impl<T: ConfigValue> ConfigValue for [T] {
    fn config_value(&self) -> Value {
        self.iter().map(ConfigValue::config_value).collect()
    }
}

impl<T: ConfigValue, const N: usize> ConfigValue for [T; N] {
    fn config_value(&self) -> Value {
        self.as_slice().config_value()
    }
}

impl<T: ConfigValue> ConfigValue for Vec<T> {
    fn config_value(&self) -> Value {
        self.as_slice().config_value()
    }
}

macro_rules! tuple_values {
    ($($name:ident),+) => {
        impl<$($name: ConfigValue),+> ConfigValue for ($($name,)+) {
            fn config_value(&self) -> Value {
                #[expect(non_snake_case, reason = "one binding per type parameter")]
                let ($($name,)+) = self;
                Value::Array(vec![$($name.config_value()),+])
            }
        }
    };
}

tuple_values!(A);
tuple_values!(A, B);
tuple_values!(A, B, C);
tuple_values!(A, B, C, D);

impl<K: AsRef<str>, V: ConfigValue, S> ConfigValue for HashMap<K, V, S> {
    fn config_value(&self) -> Value {
        self.iter().map(|(k, v)| (k.as_ref().to_owned(), v.config_value())).collect()
    }
}

impl<K: AsRef<str>, V: ConfigValue> ConfigValue for BTreeMap<K, V> {
    fn config_value(&self) -> Value {
        self.iter().map(|(k, v)| (k.as_ref().to_owned(), v.config_value())).collect()
    }
}
