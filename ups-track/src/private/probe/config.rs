//! Asks whether a value can be a config entry.

use std::ops::Deref;

use serde_json::Value;

use super::Text;
use crate::ConfigValue;

/// A config value.
pub struct ConfigProbe<'a, T: ?Sized>(&'a T, Text<T>);

impl<'a, T: ?Sized> ConfigProbe<'a, T> {
    #[inline]
    pub const fn new(value: &'a T) -> Self {
        Self(value, Text::NEW)
    }
}

impl<T: ?Sized> Deref for ConfigProbe<'_, T> {
    type Target = Text<T>;
    #[inline]
    fn deref(&self) -> &Text<T> {
        &self.1
    }
}

impl<'a, T: ConfigValue + ?Sized> ConfigProbe<'a, T> {
    /// The value on its way.
    #[inline]
    pub fn config(&self) -> ConfigEntry<'a, T> {
        ConfigEntry(self.0)
    }
}

/// A config value on its way; it becomes JSON where something records.
pub struct ConfigEntry<'a, T: ?Sized>(&'a T);

/// What a probe gives.
pub trait Entry {
    fn json(&self) -> Value;
}

impl<T: ConfigValue + ?Sized> Entry for ConfigEntry<'_, T> {
    fn json(&self) -> Value {
        self.0.config_value()
    }
}

/// A wrong kind was found, and rustc is already reporting it.
impl Entry for f64 {
    fn json(&self) -> Value {
        Value::Null
    }
}
