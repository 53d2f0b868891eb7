//! The JSON of the log, as text: numbers keep every digit. W&B's dialect has the bare words `NaN`, `Infinity` and
//! `-Infinity`.

use std::borrow::Cow;

use serde::de::IgnoredAny;

/// Levels of objects that are taken apart; what lies deeper stays one value.
const DEPTH: usize = 32;

/// Bytes of a key that others are joined to; an object under a longer one stays one value.
const LONGEST: usize = 65_536;

const WORDS: [&str; 3] = ["-Infinity", "Infinity", "NaN"];

/// Gives a value of the log as compact standard JSON, with the bare words as strings; none if it is not JSON.
pub(crate) fn standard(json: &str) -> Option<Cow<'_, str>> {
    let quoted = quote_words(json);
    serde_json::from_str::<IgnoredAny>(&quoted).ok()?;
    Some(if quoted.bytes().any(|b| b.is_ascii_whitespace()) { Cow::Owned(compact(&quoted)) } else { quoted })
}

/// Gives a value of the log in its own dialect, compact; none if it is not JSON but for the bare words.
#[cfg(any(feature = "cli", feature = "online"))]
pub(crate) fn dialect(json: &str) -> Option<Cow<'_, str>> {
    // Most values are plain numbers.
    if is_number(json) {
        return Some(Cow::Borrowed(json));
    }
    serde_json::from_str::<IgnoredAny>(&quote_words(json)).ok()?;
    let spaced = json.bytes().any(|b| b.is_ascii_whitespace());
    Some(if spaced { Cow::Owned(compact(json)) } else { Cow::Borrowed(json) })
}

/// Whether this is, at a glance, a JSON number.
#[cfg(any(feature = "cli", feature = "online"))]
fn is_number(json: &str) -> bool {
    let (whole, part) = json.split_once('.').unwrap_or((json, "0"));
    let whole = whole.strip_prefix('-').unwrap_or(whole);
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits(whole) && digits(part) && (whole.len() == 1 || !whole.starts_with('0'))
}

/// Puts the bare words into quotes.
fn quote_words(json: &str) -> Cow<'_, str> {
    if !json.contains("NaN") && !json.contains("Infinity") {
        return Cow::Borrowed(json);
    }
    let mut out = String::with_capacity(json.len() + 16);
    let mut rest = json;
    while let Some(first) = rest.chars().next() {
        let word = WORDS.iter().find(|word| rest.starts_with(**word));
        let taken = match (first, word) {
            ('"', _) => string_end(rest),
            (_, Some(word)) => word.len(),
            _ => first.len_utf8(),
        };
        let (piece, after) = rest.split_at_checked(taken).unwrap_or((rest, ""));
        if word.is_some() {
            out.push('"');
            out.push_str(piece);
            out.push('"');
        } else {
            out.push_str(piece);
        }
        rest = after;
    }
    Cow::Owned(out)
}

/// The length of the string that `json` begins with, quotes included.
fn string_end(json: &str) -> usize {
    let mut escaped = false;
    for (at, byte) in json.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + 1,
            _ => {}
        }
    }
    json.len()
}

/// Drops white space outside strings of valid JSON.
fn compact(json: &str) -> String {
    let mut out = String::with_capacity(json.len());
    let mut rest = json;
    while let Some(first) = rest.chars().next() {
        let taken = if first == '"' { string_end(rest) } else { first.len_utf8() };
        let (piece, after) = rest.split_at_checked(taken).unwrap_or((rest, ""));
        if !first.is_ascii_whitespace() {
            out.push_str(piece);
        }
        rest = after;
    }
    out
}

/// The entries of an object in [`standard`] form; none if it is another value.
pub(crate) fn entries(json: &str) -> Option<Vec<(String, &str)>> {
    let mut rest = json.strip_prefix('{')?.strip_suffix('}')?;
    let mut entries = Vec::new();
    while !rest.is_empty() {
        let (key, after) = rest.split_at_checked(string_end(rest))?;
        let after = after.strip_prefix(':')?;
        let (value, after) = after.split_at_checked(value_end(after))?;
        entries.push((text(key).unwrap_or_else(|| key.trim_matches('"').to_owned()), value));
        rest = after.strip_prefix(',').unwrap_or(after);
    }
    Some(entries)
}

/// The length of the value that `json` begins with.
fn value_end(json: &str) -> usize {
    let bytes = json.as_bytes();
    let (mut at, mut depth) = (0, 0_usize);
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => {
                at += json.get(at..).map_or(1, string_end);
                continue;
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            b',' if depth == 0 => return at,
            _ => {}
        }
        at += 1;
    }
    at
}

/// Gives every leaf of a value in [`standard`] form with its key: keys of nested objects are joined with dots.
pub(crate) fn leaves(key: &str, json: &str, each: &mut dyn FnMut(String, &str)) {
    leaves_at(key, json, DEPTH, each);
}

fn leaves_at(key: &str, json: &str, depth: usize, each: &mut dyn FnMut(String, &str)) {
    let comes_apart = depth > 0 && key.len() <= LONGEST;
    match entries(json).filter(|entries| !entries.is_empty() && comes_apart) {
        None => each(key.to_owned(), json),
        Some(entries) => {
            for (name, value) in entries {
                leaves_at(&format!("{key}.{name}"), value, depth - 1, each);
            }
        }
    }
}

/// The text of a JSON string; none if it is another value.
pub(crate) fn text(json: &str) -> Option<String> {
    json.starts_with('"').then(|| serde_json::from_str(json).ok()).flatten()
}

/// A JSON string.
pub(crate) fn quoted(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len() + 2);
    crate::log::encode::json_text(&mut out, text);
    String::from_utf8(out).unwrap_or_default()
}

/// The number that a value of the log is; the bare words and their [`standard`] form are numbers as well.
pub(crate) fn number(json: &str) -> Option<f64> {
    match json.trim_matches('"') {
        "NaN" => return Some(f64::NAN),
        "Infinity" => return Some(f64::INFINITY),
        "-Infinity" => return Some(f64::NEG_INFINITY),
        _ => {}
    }
    let digits = json.strip_prefix('-').unwrap_or(json);
    if digits.starts_with(|c: char| c.is_ascii_digit()) { json.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bare_words_become_strings_and_space_goes() {
        for (json, want) in [
            ("NaN", Some(r#""NaN""#)),
            ("-Infinity", Some(r#""-Infinity""#)),
            ("[NaN, Infinity ,-Infinity]", Some(r#"["NaN","Infinity","-Infinity"]"#)),
            (r#"{"a NaN": "NaN \" Infinity"}"#, Some(r#"{"a NaN":"NaN \" Infinity"}"#)),
            ("18446744073709551615", Some("18446744073709551615")),
            ("0.1000000000000000055511151231257827", Some("0.1000000000000000055511151231257827")),
            ("1 2", None),
            ("xNaN", None),
            ("", None),
            ("\"a", None),
        ] {
            assert_eq!(standard(json).as_deref(), want, "{json}");
        }
    }

    #[test]
    fn objects_come_apart() {
        let mut got = Vec::new();
        leaves("k", r#"{"a":1,"b":{"c":[1,{"x":2}],"d":"},{"},"e":{}}"#, &mut |k, v| {
            got.push((k, v.to_owned()));
        });
        let got: Vec<_> = got.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(got, [("k.a", "1"), ("k.b.c", r#"[1,{"x":2}]"#), ("k.b.d", r#""},{""#), ("k.e", "{}")]);
    }

    #[test]
    fn depth_is_bounded() {
        let deep = format!("{}1{}", r#"{"a":"#.repeat(50_000), "}".repeat(50_000));
        let mut count = 0;
        leaves("k", &standard(&deep).unwrap_or_default(), &mut |_, _| count += 1);
        assert_eq!(count, 1);
    }

    /// JSON with words that W&B's clients write, or what only looks like it.
    const NEARLY: &str =
        "(\\{|\\}|\\[|\\]|,|:|\"|\\\\|NaN|-?Infinity|null|true|[0-9.eE+-]|[ \n\ta-z\u{1}]){0,40}";

    proptest::proptest! {
        #[test]
        fn garbage_never_panics(json in NEARLY) {
            if let Some(standard) = standard(&json) {
                // What is taken is JSON.
                proptest::prop_assert!(serde_json::from_str::<IgnoredAny>(&standard).is_ok());
            }
            drop(dialect(&json));
            drop(entries(&json));
            leaves("k", &json, &mut |_, _| {});
        }
    }
}
