//! The earlier part of a run that is gone on with, as far as this machine has it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde_json::Value;

use crate::json;
use crate::kinds::metric::Number;
use crate::kinds::scalar::Scalar;

/// Bytes that a summary has at most.
const MOST: u64 = 64 << 20;

/// The numbers in the summary of the last directory of a run, other than its new one. A run that was killed may have had
/// better ones in its last seconds, which its summary does not tell.
pub(super) fn summary(root: &Path, run_id: &str, new: &Path) -> BTreeMap<String, Scalar> {
    let text = last(root, run_id, new).and_then(|path| fs::read_to_string(path).ok());
    let standard = text.as_deref().and_then(json::standard);
    let Some(Ok(Value::Object(entries))) = standard.map(|text| serde_json::from_str(&text)) else {
        return BTreeMap::new();
    };
    entries.into_iter().filter_map(|(name, value)| Some((name, Scalar::Number(number(&value)?)))).collect()
}

fn number(value: &Value) -> Option<Number> {
    let whole = value.as_u64().map(Number::U64).or_else(|| value.as_i64().map(Number::I64));
    whole.or_else(|| value.as_f64().map(Number::F64))
}

/// The summary that was written last.
fn last(root: &Path, run_id: &str, new: &Path) -> Option<PathBuf> {
    let log = format!("run-{run_id}.wandb");
    let mut found: Option<(SystemTime, PathBuf)> = None;
    for dir in fs::read_dir(root).ok()?.flatten().map(|entry| entry.path()) {
        if dir == new || dir.is_symlink() || !dir.join(&log).is_file() {
            continue;
        }
        let path = dir.join("files/wandb-summary.json");
        let Ok(meta) = path.metadata() else { continue };
        let Some(time) = meta.modified().ok().filter(|_| meta.len() <= MOST) else { continue };
        if found.as_ref().is_none_or(|(last, _)| *last < time) {
            found = Some((time, path));
        }
    }
    found.map(|(_, path)| path)
}
