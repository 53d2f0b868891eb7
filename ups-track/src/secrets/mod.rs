//! Secrets are replaced before they are written: one rule for all places from which text leaves into a log.
//!
//! By name: a value under a name such as `password`, `api_key` or `token` ([`names`]). By itself: credentials in
//! addresses, what follows such a name in text, PEM blocks, and keys of a known shape ([`text`](mod@text), [`shapes`]).
//! `tests/corpus/secrets.txt` says what is caught and what must pass.

mod names;
mod shapes;
mod text;

use std::borrow::Cow;

use serde_json::Value;

use crate::kinds::scalar::Scalar;
use names::Sign;
pub(crate) use text::clean;

/// What stands in place of a secret.
pub(crate) const HIDDEN: &str = "[hidden by ups-track]";

/// Whether values under this name are secrets.
pub(crate) fn is_secret_name(name: &str) -> bool {
    names::sign(name).is_some()
}

/// Replaces the secrets in a text.
pub(crate) fn clean_text(text: &mut String) {
    if let Cow::Owned(clean) = clean(text) {
        *text = clean;
    }
}

/// A value of a plain event as its console line shows it. Outside of config and summary a name such as `token` is a word
/// like others.
pub(crate) fn shown(field: &str, value: String) -> String {
    let is_kept = field.starts_with("config.") || field.starts_with("summary.");
    match names::sign(field) {
        Some(Sign::Sure) => HIDDEN.to_owned(),
        Some(Sign::Likely) if is_kept && value.parse::<f64>().is_err() => HIDDEN.to_owned(),
        _ => value,
    }
}

/// Replaces the secrets in a config value.
pub(crate) fn scrub(name: &str, value: &mut Value) {
    match (names::sign(name), value) {
        (_, Value::Null | Value::Bool(_)) => {}
        (Some(Sign::Sure), value) => hide(value),
        (Some(Sign::Likely), value @ Value::String(_)) => *value = Value::from(HIDDEN),
        (_, Value::Object(entries)) => entries.iter_mut().for_each(|(name, value)| scrub(name, value)),
        (_, Value::Array(items)) => items.iter_mut().for_each(|item| scrub(name, item)),
        (_, Value::String(text)) => clean_text(text),
        (_, Value::Number(_)) => {}
    }
}

/// Hides all values, but keeps their places.
fn hide(value: &mut Value) {
    match value {
        Value::Object(entries) => entries.values_mut().for_each(hide),
        Value::Array(items) => items.iter_mut().for_each(hide),
        Value::Null | Value::Bool(_) => {}
        Value::Number(_) | Value::String(_) => *value = Value::from(HIDDEN),
    }
}

/// Replaces the secrets in a summary value. Its numbers are results, whatever their names are.
pub(crate) fn scrub_scalar(name: &str, value: &mut Scalar) {
    match value {
        Scalar::Text(text) if is_secret_name(name) => HIDDEN.clone_into(text),
        Scalar::Text(text) => clean_text(text),
        Scalar::Json(value) => scrub(name, value),
        Scalar::Number(_) | Scalar::Bool(_) => {}
    }
}

/// Replaces the secrets in a cell of a table. A column `token` is full of words.
pub(crate) fn scrub_cell(column: &str, cell: &mut Value) {
    match cell {
        Value::String(text) if names::sign(column) == Some(Sign::Sure) => HIDDEN.clone_into(text),
        Value::String(text) => clean_text(text),
        other => scrub("", other),
    }
}

/// Replaces the secrets in a program's arguments: `--api-key K`, `--api-key=K`, `API_KEY=K`, `Authorization: Bearer K`,
/// and whatever is one in any text.
pub(crate) fn scrub_args(args: &mut [String]) {
    let mut hidden_next = None;
    for arg in args {
        match hidden_next.take() {
            // The value may itself begin with a dash, but hardly with two.
            Some(sign) if !is_option(arg, sign) => {
                if is_scheme(arg) {
                    hidden_next = Some(sign);
                } else {
                    HIDDEN.clone_into(arg);
                }
            }
            _ => hidden_next = scrub_arg(arg),
        }
    }
}

/// Replaces the secrets in one argument; tells whether the next one is a secret.
fn scrub_arg(arg: &mut String) -> Option<Sign> {
    let mut begin = 0;
    while let Some(length) = arg.get(begin..).and_then(|rest| rest.find('=')) {
        let value = begin + length + 1;
        // Names in an address are found as in any text.
        let is_name = |name: &str| !name.contains(['?', '&', ':']) && is_secret_name(name);
        if arg.get(begin..begin + length).is_some_and(is_name) {
            if arg.len() > value {
                arg.replace_range(value.., HIDDEN);
            }
            return None;
        }
        begin = value;
    }
    let is_name = !arg.contains('=') && (arg.starts_with('-') || arg.ends_with(':'));
    let next = if is_name { names::sign(arg.trim_end_matches(':')) } else { None };
    let next = next.or_else(|| arg.eq_ignore_ascii_case("bearer").then_some(Sign::Sure));
    if next.is_none() {
        clean_text(arg);
    }
    next
}

/// Whether an argument is an option, and not the value of the one before.
fn is_option(arg: &str, of: Sign) -> bool {
    match of {
        Sign::Sure => {
            arg.strip_prefix("--").is_some_and(|name| name.starts_with(|c: char| c.is_ascii_lowercase()))
        }
        Sign::Likely => arg.starts_with('-'),
    }
}

/// The word before the secret in a header.
fn is_scheme(arg: &str) -> bool {
    ["bearer", "basic", "token", "digest"].iter().any(|scheme| arg.eq_ignore_ascii_case(scheme))
}

#[cfg(test)]
mod tests;
