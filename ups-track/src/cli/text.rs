//! Text that comes from a log, made fit for a terminal: harmless, and of a known width.

use std::borrow::Cow;

pub(super) use crate::harmless::{clean, harmless};
use crate::json;
use crate::shown::short;

/// The columns that a character takes.
fn columns(c: char) -> usize {
    match c {
        '\u{300}'..='\u{36f}'
        | '\u{200c}'..='\u{200d}'
        | '\u{20d0}'..='\u{20ff}'
        | '\u{fe00}'..='\u{fe0f}' => 0,
        '\u{1100}'..='\u{115f}'
        | '\u{2e80}'..='\u{303e}'
        | '\u{3041}'..='\u{a4cf}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe6f}'
        | '\u{ff00}'..='\u{ff60}'
        | '\u{ffe0}'..='\u{ffe6}'
        | '\u{1f300}'..='\u{1f64f}'
        | '\u{1f680}'..='\u{1f6ff}'
        | '\u{1f900}'..='\u{1faff}'
        | '\u{20000}'..='\u{3fffd}' => 2,
        _ => 1,
    }
}

/// The columns that text takes.
pub(super) fn width(text: &str) -> usize {
    text.chars().map(columns).sum()
}

/// Cuts text to a number of columns; `…` stands for what is missing at the end.
pub(super) fn fit(text: &str, most: usize) -> Cow<'_, str> {
    if width(text) <= most {
        return Cow::Borrowed(text);
    }
    let mut out = String::new();
    let mut used = 0;
    for c in text.chars() {
        used += columns(c);
        if used >= most {
            break;
        }
        out.push(c);
    }
    if most > 0 {
        out.push('…');
    }
    Cow::Owned(out)
}

/// Cuts text to a number of columns; `…` stands for what is missing at the beginning. For keys and paths, whose end
/// tells more.
pub(super) fn fit_end(text: &str, most: usize) -> Cow<'_, str> {
    if width(text) <= most {
        return Cow::Borrowed(text);
    }
    let mut kept = Vec::new();
    let mut used = usize::from(most > 0);
    for c in text.chars().rev() {
        used += columns(c);
        if used > most {
            break;
        }
        kept.push(c);
    }
    let mark = if most > 0 { "…" } else { "" };
    Cow::Owned(mark.chars().chain(kept.into_iter().rev()).collect())
}

/// Fills text up with blanks on the right.
pub(super) fn left(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(width(text))))
}

/// Fills text up with blanks on the left.
pub(super) fn right(text: &str, columns: usize) -> String {
    format!("{}{text}", " ".repeat(columns.saturating_sub(width(text))))
}

/// A value in standard JSON as people read it: strings without quotes, long numbers rounded.
pub(super) fn value(json: &str) -> String {
    if let Some(number) = json::number(json) {
        return if json.len() <= 10 { json.trim_matches('"').to_owned() } else { short(number) };
    }
    match json::text(json) {
        Some(text) if text.is_empty() => "\"\"".to_owned(),
        Some(text) => clean(&text).into_owned(),
        None => clean(json).into_owned(),
    }
}

/// A number of things: `1 row`, `2 rows`, `12 345 rows`.
pub(super) fn count(n: u64, one: &str) -> String {
    let digits = n.to_string();
    let mut grouped = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) && digits.len() > 4 {
            grouped.push(' ');
        }
        grouped.push(digit);
    }
    let plural = if n == 1 { "" } else { "s" };
    format!("{grouped} {one}{plural}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_by_columns() {
        assert_eq!(fit("abcdef", 4), "abc…");
        assert_eq!(fit("日本語", 4), "日…");
        assert_eq!(fit("abc", 3), "abc");
        assert_eq!(fit("abc", 0), "");
        assert_eq!(fit_end("operator/loss", 6), "…/loss");
        assert_eq!(fit_end("operator/loss", 0), "");
        assert_eq!((width("日a"), width("e\u{301}")), (3, 1));
    }

    #[test]
    fn values_and_counts() {
        assert_eq!(value("\"a\\nb\""), "a␊b");
        assert_eq!(value("0.30000000000000004"), "0.3000");
        assert_eq!(value("18446744073709551615"), "1.845e19");
        assert_eq!(value("\"NaN\""), "NaN");
        assert_eq!(count(1, "row"), "1 row");
        assert_eq!(count(1_234_567, "row"), "1 234 567 rows");
    }
}
