//! Saved files that a run does not hold itself, because they were too large to be copied when it ended: beside the log it is
//! remembered what they were then, so that no later version of them is ever taken for the run's.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use super::beside;
use crate::os::files::{Stamp, write_whole};

/// What the names of these files end with.
pub(crate) const ENDING: &str = ".files";

/// Remembers what files of a run were, by their names in it. `part` tells the processes apart that record into one run.
pub(crate) fn remember(log: &Path, part: Option<&str>, files: &BTreeMap<String, Stamp>) -> io::Result<()> {
    let ending = part.map_or_else(|| ENDING.to_owned(), |part| format!(".{part}{ENDING}"));
    write_whole(&beside(log, &ending), &serde_json::to_vec(files)?)
}
