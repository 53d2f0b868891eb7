//! W&B's settings files: INI with one section, `[default]`.

use std::collections::BTreeMap;

/// Reads the entries of `[default]`; the error names the line (counted from 1) and what is wrong with it.
pub(crate) fn parse(text: &str) -> Result<BTreeMap<String, String>, (usize, &'static str)> {
    let mut entries = BTreeMap::new();
    let mut section: Option<&str> = None;
    for (number, line) in (1..).zip(text.lines()) {
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(rest) = line.strip_prefix('[') {
            section =
                Some(rest.strip_suffix(']').ok_or((number, "a section header needs a closing `]`"))?.trim());
            continue;
        }
        let Some(section) = section else {
            return Err((number, "a setting stands below the section header `[default]`"));
        };
        let (key, value) =
            line.split_once(['=', ':']).ok_or((number, "a setting has the form `name = value`"))?;
        if section == "default" {
            entries.insert(key.trim().to_ascii_lowercase(), value.trim().to_owned());
        }
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::parse;

    #[test]
    fn reads_default_only() {
        let text =
            "# W&B\n[default]\nproject = burgers\nBase_URL: http://127.0.0.1:1\n[other]\nproject = x\n";
        let entries = parse(text).unwrap_or_default();
        assert_eq!(entries.get("project").map(String::as_str), Some("burgers"));
        assert_eq!(entries.get("base_url").map(String::as_str), Some("http://127.0.0.1:1"));
        assert_eq!(entries.len(), 2);
    }

    #[test]
    fn says_which_line_is_bad() {
        assert_eq!(parse("[default]\n\nproject\n").map_err(|e| e.0), Err(3));
        assert_eq!(parse("project = x").map_err(|e| e.0), Err(1));
        assert_eq!(parse("[default").map_err(|e| e.0), Err(1));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read(entries in prop::collection::btree_map("[a-z_]{1,12}", "[!-~]([ -~]{0,20}[!-~])?", 0..8)) {
            let lines: Vec<String> = entries.iter().map(|(key, value)| format!("{key} = {value}\n")).collect();
            let text = format!("[default]\n{}", lines.concat());
            prop_assert_eq!(parse(&text), Ok(entries));
        }

        #[test]
        fn never_panics(text in "\\PC*") {
            drop(parse(&text));
        }
    }
}
