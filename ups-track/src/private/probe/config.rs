//! Asks whether a config value fits a `tracing` field or has to go as JSON.

use std::ops::Deref;

use serde_json::{Map, Value};

use super::Text;
use crate::{ConfigValue, SummaryValue};

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

impl<'a, T: ConfigValue + SummaryValue + ?Sized> ConfigProbe<'a, T> {
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

impl<T: ConfigValue + SummaryValue + ?Sized> ConfigEntry for ConfigField<'_, T> {
    #[inline]
    fn in_event(&self) -> bool {
        true
    }
    #[inline]
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
