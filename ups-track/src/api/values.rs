//! Values of a run, as they are and as types of the program.

use std::ops::Deref;

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::error::{Error, Result, shown};
use super::lenient;

/// Keys that an error names, where one was not found.
const NAMED: usize = 12;

/// The values of a config, a summary or a row of the history: a JSON object, and what reads types from it.
///
/// JSON has no `NaN` and no infinities; W&B's clients write them all the same. They stand here as the texts `"NaN"`,
/// `"Infinity"` and `"-Infinity"`, and where a number is asked for they are one.
///
/// ```
/// use ups_track::api::Values;
///
/// #[derive(serde::Deserialize)]
/// struct Hyper {
///     lr: f64,
///     epochs: u32,
/// }
///
/// let config: Values = serde_json::from_str(r#"{"lr": "Infinity", "epochs": 3.0, "opt": {"name": "adam"}}"#)?;
/// assert_eq!(config.value::<f64>("lr")?, f64::INFINITY);
/// assert_eq!(config.value::<String>("opt.name")?, "adam");
/// let hyper: Hyper = config.to()?;
/// assert!(hyper.lr.is_infinite() && hyper.epochs == 3);
/// assert_eq!(config["epochs"], 3.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default, serde::Serialize, serde::Deserialize)]
#[serde(transparent)]
pub struct Values {
    map: Map<String, Value>,
    #[serde(skip)]
    what: Option<std::sync::Arc<str>>,
}

impl Values {
    pub(super) fn new(what: &str, map: Map<String, Value>) -> Self {
        Self { map, what: Some(what.into()) }
    }

    /// The value of a key, as a type of the program. Where there is no such key, a dot leads into a nested object.
    ///
    /// # Errors
    ///
    /// If there is no such value, or it is of another type.
    pub fn value<T: DeserializeOwned>(&self, key: &str) -> Result<T> {
        let Some(value) = self.find(key) else {
            return Err(self.lacks(key, self.others()));
        };
        let other = |e: serde_json::Error| shown(&format!("is another type: {value} ({e})"));
        lenient::typed(value).map_err(|e| self.lacks(key, other(e)))
    }

    /// As [`value`](Self::value); none if there is no such value, or it is `null`.
    ///
    /// # Errors
    ///
    /// If it is of another type.
    pub fn value_if_any<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>> {
        match self.find(key) {
            None | Some(Value::Null) => Ok(None),
            Some(_) => self.value(key).map(Some),
        }
    }

    /// All values, as a struct of the program.
    ///
    /// # Errors
    ///
    /// If a value is missing or of another type.
    pub fn to<T: DeserializeOwned>(&self) -> Result<T> {
        let reason = |e: serde_json::Error| format!("cannot be made of it: {}", shown(&e.to_string()));
        lenient::typed_object(&self.map).map_err(|e| self.lacks(std::any::type_name::<T>(), reason(e)))
    }

    /// The values as they are.
    pub fn into_map(self) -> Map<String, Value> {
        self.map
    }

    fn find(&self, key: &str) -> Option<&Value> {
        if let Some(value) = self.map.get(key) {
            return Some(value);
        }
        // A key may have a dot itself, at any place.
        key.match_indices('.').find_map(|(at, _)| inside(&self.map, key, at))
    }

    fn others(&self) -> String {
        let mut keys: Vec<String> = self.map.keys().take(NAMED).map(|key| shown(key)).collect();
        if self.map.len() > NAMED {
            keys.push("…".to_owned());
        }
        if keys.is_empty() {
            "is not there, nor is anything else".to_owned()
        } else {
            format!("is not there; there are {}", keys.join(", "))
        }
    }

    fn lacks(&self, key: &str, reason: String) -> Error {
        let what = self.what.as_deref().unwrap_or("the object").to_owned();
        Error::Value { what, key: shown(key), reason }
    }
}

/// Where they come from does not matter.
impl PartialEq for Values {
    fn eq(&self, other: &Self) -> bool {
        self.map == other.map
    }
}

/// The value at `key`, of which the part before `at` is a key of this object.
fn inside<'a>(map: &'a Map<String, Value>, key: &str, at: usize) -> Option<&'a Value> {
    let (first, rest) = (key.get(..at)?, key.get(at + 1..)?);
    let map = map.get(first)?.as_object()?;
    map.get(rest).or_else(|| rest.match_indices('.').find_map(|(at, _)| inside(map, rest, at)))
}

impl Deref for Values {
    type Target = Map<String, Value>;

    fn deref(&self) -> &Map<String, Value> {
        &self.map
    }
}

impl IntoIterator for Values {
    type Item = (String, Value);
    type IntoIter = serde_json::map::IntoIter;

    fn into_iter(self) -> Self::IntoIter {
        self.map.into_iter()
    }
}

impl<'a> IntoIterator for &'a Values {
    type Item = (&'a String, &'a Value);
    type IntoIter = serde_json::map::Iter<'a>;

    fn into_iter(self) -> Self::IntoIter {
        self.map.iter()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use serde_json::json;

    fn values(value: &Value) -> Values {
        Values::new("the config of run `e/p/r`", value.as_object().unwrap().clone())
    }

    #[test]
    fn keys_with_dots_and_nested_keys() {
        let values = values(&json!({"a.b": 1, "a": {"b": 2, "c.d": {"e": 3}}, "x": {"y": {"z": 4}}}));
        for (key, want) in [("a.b", 1), ("a.c.d.e", 3), ("x.y.z", 4)] {
            assert_eq!(values.value::<i32>(key).unwrap(), want, "{key}");
        }
        for absent in ["", ".", "a.", "a.x", "x.y.z.q", "x..y", "ü.ü"] {
            assert!(values.value::<Value>(absent).is_err(), "{absent}");
        }
    }

    #[test]
    fn an_error_names_what_is_there() {
        let values = values(&json!({"lr": "fast\u{1b}[2J", "epochs": 3}));
        let said = values.value::<f64>("learning_rate").unwrap_err().to_string();
        assert_eq!(said, "the config of run `e/p/r`: `learning_rate` is not there; there are epochs, lr");
        let said = values.to::<std::collections::BTreeMap<String, f64>>().unwrap_err().to_string();
        assert!(said.contains("cannot be made of it") && said.contains("fast"), "{said}");
        let said = values.value::<f64>("lr").unwrap_err().to_string();
        assert!(said.contains("fast") && said.contains("another type") && !said.contains('\u{1b}'), "{said}");
        assert_eq!(values.value_if_any::<f64>("x").unwrap(), None);
        assert!(values.value_if_any::<f64>("lr").is_err());
    }
}
