//! Text from elsewhere, made fit for a terminal: from a log, a file name, a context file.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::path::Path;

/// Makes text harmless on a terminal: control characters become their pictures (`␛` for escape), and what would
/// change direction or hide text becomes `�`.
pub(crate) fn clean(text: &str) -> Cow<'_, str> {
    if text.chars().any(|c| harmless(c) != c) {
        Cow::Owned(text.chars().map(harmless).collect())
    } else {
        Cow::Borrowed(text)
    }
}

/// The character that is shown for one of the data.
pub(crate) fn harmless(c: char) -> char {
    match c {
        '\0'..='\u{1f}' => char::from_u32(0x2400 + u32::from(c)).unwrap_or('\u{fffd}'),
        '\u{7f}' => '\u{2421}',
        '\u{80}'..='\u{9f}'
        | '\u{61c}'
        | '\u{200b}'
        | '\u{200e}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}'
        | '\u{feff}'
        | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e007f}' => '\u{fffd}',
        c => c,
    }
}

/// Makes JSON harmless, and keeps what it says: what [`clean`] would change stands as `\\u` escapes. In JSON that can only
/// be within strings, as blanks between its parts are kept.
pub(crate) fn json(json: &str) -> Cow<'_, str> {
    let is_fine =
        |c: char| harmless(c) == c && !matches!(c, '\u{fffe}' | '\u{ffff}') || c.is_ascii_whitespace();
    if json.chars().all(is_fine) {
        return Cow::Borrowed(json);
    }
    let mut out = String::with_capacity(json.len() + 16);
    for c in json.chars() {
        if is_fine(c) {
            out.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                // Writing into a `String` cannot fail.
                let _ = write!(out, "\\u{unit:04x}");
            }
        }
    }
    Cow::Owned(out)
}

/// Makes text of several lines harmless; the ends of lines and tabs stay.
#[cfg_attr(not(feature = "cli"), expect(dead_code, reason = "only the command writes such text"))]
pub(crate) fn lines(text: &str) -> Cow<'_, str> {
    let kept = |c: char| if matches!(c, '\n' | '\t') { c } else { harmless(c) };
    if text.chars().any(|c| kept(c) != c) {
        // A line may end as those of Windows do.
        let parts: Vec<String> = text.split("\r\n").map(|part| part.chars().map(kept).collect()).collect();
        Cow::Owned(parts.join("\r\n"))
    } else {
        Cow::Borrowed(text)
    }
}

/// A path, made fit for a terminal.
pub(crate) fn path(path: &Path) -> String {
    clean(&path.display().to_string()).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_reaches_the_terminal_as_a_command() {
        assert_eq!(clean("a\x1b[31mb\r\n\t\u{9b}2J\u{7f}"), "a␛[31mb␍␊␉\u{fffd}2J␡");
        assert_eq!(clean("\u{202e}evil"), "\u{fffd}evil");
        assert_eq!(clean("plain ünïcödé 日本"), "plain ünïcödé 日本");
        assert_eq!(lines("a\r\n\tb\x1b\rc"), "a\r\n\tb␛␍c");
    }

    #[test]
    fn harmless_json_says_the_same() {
        let all: String = ('\0'..='\u{ffff}').chain('\u{dfff0}'..='\u{e00ff}').collect();
        let text = serde_json::Value::from(all).to_string();
        let clean = json(&text);
        assert!(clean.chars().all(|c| harmless(c) == c));
        assert_eq!(serde_json::from_str::<String>(&clean).ok(), serde_json::from_str(&text).ok());
        assert_eq!(json("{\n \"a\": \"日本\"}"), "{\n \"a\": \"日本\"}");
    }
}
