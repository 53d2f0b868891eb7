//! Secrets: values that a program needs and that no run may show.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer};

/// A value that cannot be logged: it is no metric, no summary value and no config value, and its `Debug` form does not
/// show it.
///
/// A `#[derive(RunConfig)]` struct leaves such a field out. It can be deserialised, for settings that are read from a file,
/// but not serialised.
///
/// ```
/// use ups_track::{RunConfig, Secret};
/// #[derive(RunConfig)]
/// struct Settings {
///     bucket: String,
///     api_key: Secret<String>,
/// }
/// let settings = Settings { bucket: "data".into(), api_key: Secret::new("k-123".to_owned()) };
/// assert_eq!(settings.entries().len(), 1);
/// assert_eq!(format!("{:?}", settings.api_key), "Secret(..)");
/// assert_eq!(settings.api_key.expose(), "k-123");
/// ```
///
/// ```compile_fail
/// # use ups_track::{Secret, config};
/// let key = Secret::new("k-123");
/// config!(key); // a secret cannot be logged
/// ```
#[derive(Clone, Default)]
pub struct Secret<T>(T);

impl<T> Secret<T> {
    /// Wraps a value.
    pub const fn new(value: T) -> Self {
        Self(value)
    }

    /// The value, for the one place that needs it.
    pub const fn expose(&self) -> &T {
        &self.0
    }

    /// The value itself.
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> fmt::Debug for Secret<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

impl<T> From<T> for Secret<T> {
    fn from(value: T) -> Self {
        Self(value)
    }
}

impl<T: FromStr> FromStr for Secret<T> {
    type Err = T::Err;
    fn from_str(text: &str) -> Result<Self, T::Err> {
        text.parse().map(Self)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Secret<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        T::deserialize(deserializer).map(Self)
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::Secret;

    #[test]
    fn it_can_be_read_but_not_seen() {
        let read: Secret<String> = serde_json::from_str("\"k\"").unwrap();
        assert_eq!(read.expose(), "k");
        let parsed: Secret<u16> = "7".parse().unwrap();
        assert_eq!(parsed.into_inner(), 7);
        assert_eq!(format!("{:?} {:#?}", read, Secret::from(8)), "Secret(..) Secret(..)");
    }
}
