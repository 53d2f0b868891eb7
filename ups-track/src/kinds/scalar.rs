//! One plain value: what a summary value or a config entry holds.

use serde_json::Value;

use super::metric::Number;
use super::table::TableCell as _;

/// A plain value of a summary or of the config.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Scalar {
    /// A number; NaN and infinities are kept.
    Number(Number),
    /// True or false.
    Bool(bool),
    /// Text.
    Text(String),
    /// A JSON value: a list, a map or null.
    Json(Value),
}

impl Scalar {
    /// Appends the value as W&B's JSON: ordinary JSON with the bare words `NaN`, `Infinity` and `-Infinity`.
    pub(crate) fn write_json(&self, out: &mut Vec<u8>) {
        match self {
            Self::Number(number) => crate::log::encode::number(out, *number),
            Self::Bool(true) => out.extend_from_slice(b"true"),
            Self::Bool(false) => out.extend_from_slice(b"false"),
            Self::Text(text) => crate::log::encode::json_text(out, text),
            Self::Json(value) => crate::log::encode::json_value(out, value),
        }
    }

    /// The value as a cell of a table: what JSON lacks is an empty cell.
    pub(crate) fn cell(&self) -> Value {
        match self {
            Self::Number(number) => number.cell(),
            Self::Bool(v) => Value::from(*v),
            Self::Text(text) => Value::from(text.as_str()),
            Self::Json(value) => value.clone(),
        }
    }

    /// The number, if it is one.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(number.as_f64()),
            _ => None,
        }
    }
}

impl From<Number> for Scalar {
    fn from(v: Number) -> Self {
        Self::Number(v)
    }
}

impl From<f64> for Scalar {
    fn from(v: f64) -> Self {
        Self::Number(Number::F64(v))
    }
}

impl From<u64> for Scalar {
    fn from(v: u64) -> Self {
        Self::Number(Number::U64(v))
    }
}

impl From<i64> for Scalar {
    fn from(v: i64) -> Self {
        Self::Number(Number::I64(v))
    }
}

impl From<bool> for Scalar {
    fn from(v: bool) -> Self {
        Self::Bool(v)
    }
}

impl From<&str> for Scalar {
    fn from(v: &str) -> Self {
        Self::Text(v.to_owned())
    }
}

impl From<String> for Scalar {
    fn from(v: String) -> Self {
        Self::Text(v)
    }
}
