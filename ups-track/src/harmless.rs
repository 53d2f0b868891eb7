//! Text from elsewhere, made fit for a terminal: from a log, a file name, a context file.

use std::borrow::Cow;
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
    }
}
