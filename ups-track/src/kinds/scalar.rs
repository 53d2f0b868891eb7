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
