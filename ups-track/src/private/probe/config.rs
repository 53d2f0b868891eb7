//! Asks whether a config value fits a `tracing` field or has to go as JSON.

use std::ops::Deref;

use serde_json::{Map, Value};

use super::Text;
use crate::ConfigValue;

/// A config value: scalars go as fields of the event, lists and maps as JSON.
pub struct ConfigProbe<'a, T: ?Sized>(AsJson<'a, T>);

pub struct AsJson<'a, T: ?Sized>(&'a T, Text<T>);

impl<'a, T: ?Sized> ConfigProbe<'a, T> {
    #[inline]
    pub const fn new(value: &'a T) -> Self {
        Self(AsJson(value, Text::NEW))
    }
}

impl<'a, T: ?Sized> Deref for ConfigProbe<'a, T> {
    type Target = AsJson<'a, T>;
    #[inline]
    fn deref(&self) -> &AsJson<'a, T> {
        &self.0
    }
}

impl<T: ?Sized> Deref for AsJson<'_, T> {
    type Target = Text<T>;
    #[inline]
    fn deref(&self) -> &Text<T> {
        &self.1
    }
}

impl<'a, T: ConfigScalar + ?Sized> ConfigProbe<'a, T> {
    /// The way of a scalar: as a field of the event.
    #[inline]
    pub fn config(&self) -> ConfigField<'a, T> {
        ConfigField(self.0.0)
    }
}

impl<'a, T: ConfigValue + ?Sized> AsJson<'a, T> {
    /// The way of everything else: as JSON.
    #[inline]
    pub fn config(&self) -> ConfigJson<'a, T> {
        ConfigJson(self.0)
    }
}

/// A config value that fits a `tracing` field. In both ways it has to be the same value.
pub trait ConfigScalar: ConfigValue {
    /// The field; none for null and for numbers that are not finite, which only JSON can tell.
    fn field(&self) -> Option<impl tracing::field::Value>;
}

macro_rules! config_scalars {
    ($($ty:ty: |$v:ident| $field:expr),* $(,)?) => {$(
        impl ConfigScalar for $ty {
            fn field(&self) -> Option<impl tracing::field::Value> {
                let $v = self;
                $field
            }
        }
    )*};
}

config_scalars! {
    bool: |v| Some(*v),
    i8: |v| Some(*v), i16: |v| Some(*v), i32: |v| Some(*v), i64: |v| Some(*v), isize: |v| Some(*v),
    u8: |v| Some(*v), u16: |v| Some(*v), u32: |v| Some(*v), u64: |v| Some(*v), usize: |v| Some(*v),
    f32: |v| v.config_value().as_f64(),
    f64: |v| v.is_finite().then_some(*v),
    str: |v| Some(v),
    String: |v| Some(v.as_str()),
}

impl<T: ConfigScalar + ?Sized> ConfigScalar for &T {
    fn field(&self) -> Option<impl tracing::field::Value> {
        (**self).field()
    }
}

impl<T: ConfigScalar> ConfigScalar for Option<T> {
    fn field(&self) -> Option<impl tracing::field::Value> {
        self.as_ref().and_then(ConfigScalar::field)
    }
}

/// A config entry on its way: in the event's field, or as JSON beside the event.
pub trait ConfigEntry {
    /// Whether the event carries the value.
    fn in_event(&self) -> bool;
    /// What the event's field holds.
    fn field(&self) -> impl tracing::field::Value;
    /// Adds the value to the entries that no event carries.
    fn insert(&self, key: &str, entries: &mut Map<String, Value>);
    /// The same, unless the event carries the value.
    #[inline]
    fn collect(&self, key: &str, entries: &mut Map<String, Value>) {
        if !self.in_event() {
            self.insert(key, entries);
        }
    }
}

pub struct ConfigField<'a, T: ?Sized>(&'a T);

impl<T: ConfigScalar + ?Sized> ConfigEntry for ConfigField<'_, T> {
    fn in_event(&self) -> bool {
        self.0.field().is_some()
    }
    fn field(&self) -> impl tracing::field::Value {
        self.0.field()
    }
    fn insert(&self, key: &str, entries: &mut Map<String, Value>) {
        entries.insert(key.to_owned(), self.0.config_value());
    }
}

pub struct ConfigJson<'a, T: ?Sized>(&'a T);

impl<T: ConfigValue + ?Sized> ConfigEntry for ConfigJson<'_, T> {
    #[inline]
    fn in_event(&self) -> bool {
        false
    }
    #[inline]
    fn field(&self) -> impl tracing::field::Value {
        tracing::field::Empty
    }
    fn insert(&self, key: &str, entries: &mut Map<String, Value>) {
        entries.insert(key.to_owned(), self.0.config_value());
    }
}

/// A wrong kind was found, and rustc is already reporting it.
impl ConfigEntry for f64 {
    #[inline]
    fn in_event(&self) -> bool {
        false
    }
    fn field(&self) -> impl tracing::field::Value {
        tracing::field::Empty
    }
    fn insert(&self, _: &str, _: &mut Map<String, Value>) {}
}
