//! CSV as RFC 4180 quotes it; lines end with a line feed. Control characters become their pictures.

use std::collections::HashMap;
use std::io::{self, Write};
use std::path::Path;

use super::each_row;
use crate::log::ReadError;
use crate::{harmless, json};

/// Writes the rows: a first pass over the log finds the columns, a second one writes.
pub(super) fn history(log: &Path, out: &mut impl Write) -> io::Result<Option<ReadError>> {
    let mut columns: HashMap<String, usize> = HashMap::new();
    let mut names: Vec<String> = Vec::new();
    let mut rows = 0;
    let first = each_row(log, u64::MAX, &mut |cells| {
        rows += 1;
        for (key, _) in cells {
            if !columns.contains_key(key) {
                columns.insert(key.clone(), names.len());
                names.push(json::quoted(key));
            }
        }
        Ok(())
    })?;
    if names.is_empty() {
        return Ok(first);
    }
    line(out, &names)?;
    // A run that is going on has more rows by now: those of the first pass are written.
    let mut cells: Vec<String> = Vec::new();
    let second = each_row(log, rows, &mut |row| {
        cells.clear();
        cells.resize(names.len(), String::new());
        for (key, value) in row {
            if let Some(cell) = columns.get(key).and_then(|at| cells.get_mut(*at)) {
                cell.clone_from(value);
            }
        }
        line(out, &cells)
    })?;
    Ok(first.or(second))
}

/// Writes one line of values in standard JSON; an empty one is a missing value.
pub(super) fn line(out: &mut impl Write, cells: &[impl AsRef<str>]) -> io::Result<()> {
    for (at, cell) in cells.iter().enumerate() {
        if at > 0 {
            out.write_all(b",")?;
        }
        out.write_all(field(cell.as_ref()).as_bytes())?;
    }
    out.write_all(b"\n")
}

/// A value in standard JSON as a CSV field: texts without their JSON quotes, everything else as it is.
fn field(value: &str) -> String {
    let text = json::text(value).unwrap_or_else(|| value.to_owned());
    // CSV has no way to write what a terminal or a table would take for a command.
    let text = harmless::lines(&text).into_owned();
    let is_empty_text = text.is_empty() && !value.is_empty();
    if is_empty_text || text.contains([',', '"', '\n', '\r']) || text.starts_with(' ') || text.ends_with(' ')
    {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::{field, line};

    #[test]
    fn quoting() {
        for (value, want) in [
            ("1.5", "1.5"),
            ("\"NaN\"", "NaN"),
            ("\"\"", "\"\""),
            ("", ""),
            (r#""say \"hi\", then\nleave""#, "\"say \"\"hi\"\", then\nleave\""),
            (r#"[1,"a"]"#, r#""[1,""a""]""#),
            ("\" x\"", "\" x\""),
            ("true", "true"),
            ("\"a\\u001b[2J\u{9b}\u{202e}\"", "a␛[2J\u{fffd}\u{fffd}"),
        ] {
            assert_eq!(field(value), want);
        }
    }

    #[test]
    fn lines() {
        let mut out = Vec::new();
        assert!(line(&mut out, &["1", "", "\"a,b\""]).is_ok());
        assert_eq!(out, b"1,,\"a,b\"\n");
    }
}
