//! W&B's extended JSON: JSON plus the bare tokens `NaN`, `Infinity` and `-Infinity`.

use std::borrow::Cow;

use serde_json::{Map, Value};

/// A JSON object: a history row, a summary, a configuration.
pub type Row = Map<String, Value>;

/// What [`parse`] puts in the place of a bare `NaN`. The text `"NaN"` stays a different value.
pub const NAN: &str = "<NaN>";
/// What [`parse`] puts in the place of a bare `Infinity`.
pub const INFINITY: &str = "<Infinity>";
/// What [`parse`] puts in the place of a bare `-Infinity`.
pub const NEG_INFINITY: &str = "<-Infinity>";

/// Parses extended JSON; each bare token becomes the string constant of this module that stands for it.
///
/// # Errors
///
/// If the text is not extended JSON.
pub fn parse(text: &str) -> serde_json::Result<Value> {
    serde_json::from_str(&quote_bare_tokens(text))
}

/// Parses extended JSON that must be an object.
///
/// # Errors
///
/// If the text is not an object of extended JSON.
pub fn parse_object(text: &str) -> serde_json::Result<Row> {
    match parse(text)? {
        Value::Object(row) => Ok(row),
        other => Err(serde::de::Error::custom(format!("expected an object, found {other}"))),
    }
}

/// Puts the bare tokens in quotes and leaves the inside of strings alone.
fn quote_bare_tokens(text: &str) -> Cow<'_, str> {
    const TOKENS: [(&str, &str); 3] = [("-Infinity", NEG_INFINITY), ("Infinity", INFINITY), ("NaN", NAN)];

    if !TOKENS.iter().any(|(token, _)| text.contains(token)) {
        return Cow::Borrowed(text);
    }
    let mut quoted = String::with_capacity(text.len());
    let mut rest = text;
    let mut in_string = false;
    while let Some(next) = rest.chars().next() {
        if !in_string
            && let Some((token, stand_in)) = TOKENS.iter().find(|(token, _)| rest.starts_with(token))
        {
            quoted.push('"');
            quoted.push_str(stand_in);
            quoted.push('"');
            rest = &rest[token.len()..];
            continue;
        }
        let mut taken = next.len_utf8();
        match next {
            '"' => in_string = !in_string,
            '\\' if in_string => taken += rest[taken..].chars().next().map_or(0, char::len_utf8),
            _ => {}
        }
        quoted.push_str(&rest[..taken]);
        rest = &rest[taken..];
    }
    Cow::Owned(quoted)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "test code")]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn bare_tokens_become_their_stand_ins() {
        let parsed = parse(r#"{"a":NaN,"b":[Infinity,-Infinity,-1],"c":{"d":NaN}}"#).unwrap();
        assert_eq!(parsed, json!({"a": NAN, "b": [INFINITY, NEG_INFINITY, -1], "c": {"d": NAN}}));
    }

    #[test]
    fn the_inside_of_strings_is_left_alone() {
        let text = r#"{"NaN":"-Infinity \" NaN \\","漢":"Infinity"}"#;
        assert_eq!(parse(text).unwrap(), serde_json::from_str::<Value>(text).unwrap());
    }

    #[test]
    fn other_bare_words_are_refused() {
        assert!(parse(r#"{"a":nan}"#).is_err());
        assert!(parse("\"open \\").is_err());
        assert!(parse_object("[1]").is_err());
    }
}
