//! Whether a value of a variable is of the type that was declared for it.

use serde_json::Value;

/// Whether a value is of a type in GraphQL's notation.
pub(super) fn is_of(value: &Value, kind: &str) -> bool {
    if let Some(kind) = kind.strip_suffix('!') {
        return !value.is_null() && is_of(value, kind);
    }
    if value.is_null() {
        return true;
    }
    if let Some(element) = kind.strip_prefix('[').and_then(|kind| kind.strip_suffix(']')) {
        return value.as_array().is_some_and(|list| list.iter().all(|value| is_of(value, element)));
    }
    match kind {
        "String" | "ID" | "JSONString" => value.is_string(),
        "Int" => value.as_i64().is_some_and(|number| i32::try_from(number).is_ok()),
        "Int64" | "Duration" => value.is_i64() || value.is_u64(),
        "Float" => value.is_number(),
        "Boolean" => value.is_boolean(),
        // An enumeration, or an input object.
        _ => value.is_string() || value.is_object(),
    }
}
