//! Tables: a media file, a row that refers to it, and the same as summary value.

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::{Host, Ledger};
use crate::harmless::harmless;
use crate::kinds::scalar::Scalar;
use crate::kinds::table::TableData;
use crate::log::encode;
use crate::log::record::{self, Kind};
use crate::say;

/// Rows that W&B shows of a table's media file; its own client leaves out the rest without a word.
const MOST_ROWS: usize = 10_000;

/// The kinds of a file record: one that belongs to a value.
const MEDIA: i32 = 2;

impl Ledger {
    /// Logs a table as W&B's own client does, but for the artifact.
    pub(super) fn table(&mut self, key: &str, mut table: TableData, time: u64, host: &mut dyn Host) {
        let count = table.rows.len();
        if count > MOST_ROWS {
            say::warning(&format!(
                "table `{key}` has {count} rows, and W&B shows {MOST_ROWS}: the rest is left out"
            ));
            table.rows.truncate(MOST_ROWS);
            self.refuse("table_rows");
        }
        let content = json!({ "columns": table.columns, "data": table.rows }).to_string();
        let sha = hex(&Sha256::digest(content.as_bytes()));
        let path = format!(
            "media/table/{}_{}_{}.table.json",
            below(key),
            self.next_step,
            sha.get(..20).unwrap_or(&sha)
        );
        // The file first: what the log refers to is there.
        if let Err(e) = host.media(&path, content.as_bytes()) {
            say::warning(&format!(
                "cannot write the table `{key}` to `files/{path}`: {e}; it was not recorded"
            ));
            return self.refuse("tables");
        }
        let value = json!({
            "_type": "table-file",
            "path": path,
            "sha256": sha,
            "size": content.len(),
            "ncols": table.columns.len(),
            "nrows": table.rows.len(),
            "log_mode": "IMMUTABLE",
        });
        let item = record::FileItem { path, policy: 0, file_type: MEDIA };
        self.output.append(Kind::Files(record::Files { files: vec![item] }));
        self.media_row(key, value, time);
    }

    /// A row whose only value is a media value; the summary has it too.
    fn media_row(&mut self, key: &str, value: Value, time: u64) {
        let index = self.key(key);
        self.items.clear();
        if let Some(key) = self.keys.get(index as usize) {
            let mut json = Vec::new();
            encode::json_value(&mut json, &value);
            encode::history_item(&mut self.items, &key.encoded, &json);
        }
        self.mark_row(&[]);
        self.write_row(time, None);
        self.set_summary(key, Scalar::Json(value));
    }
}

/// Bytes of a part of a path, so that with what comes behind it a file can have it as its name.
const LONGEST_PART: usize = 150;

/// A key as part of a path: it leads nowhere but down, and a file can have it as its name. Tables of different keys have
/// different files by what comes behind it.
fn below(key: &str) -> String {
    let safe = |part: &str| {
        if part.chars().all(|c| c == '.') {
            return "_".repeat(part.len());
        }
        let fine = |c| if c == '\\' || harmless(c) != c { '_' } else { c };
        let mut safe: String = part.chars().map(fine).collect();
        while safe.len() > LONGEST_PART {
            safe.pop();
        }
        safe
    };
    key.split('/').filter(|part| !part.is_empty()).map(safe).collect::<Vec<_>>().join("/")
}

fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{below, hex};

    #[test]
    fn a_key_leads_nowhere_but_down() {
        assert_eq!(below("eval/cases"), "eval/cases");
        assert_eq!(below("/a//b"), "a/b");
        assert_eq!(below("../../x/./y"), "__/__/x/_/y");
        assert_eq!(below("損失/a b\\\0\u{1b}"), "損失/a b___");
        assert_eq!(below(&"損".repeat(100)), "損".repeat(50));
    }

    #[test]
    fn digests_as_people_write_them() {
        assert_eq!(hex(&[0x00, 0x9f, 0xa0]), "009fa0");
    }
}
