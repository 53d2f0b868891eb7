//! One of several processes that write one run at the same time, W&B's *shared mode*: the server keeps their lines apart by
//! an id that each of them sends along, and puts the run together.

use serde::{Deserialize, Serialize};

/// One of the writers of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Writer {
    /// The id in its requests, of this log alone.
    pub(crate) id: String,
    /// What people tell it by: at the lines of its console, and in the name of its `output_<label>.log`.
    pub(crate) label: String,
    /// Whether it speaks for the run: writes summary, config and metadata as files.
    pub(crate) primary: bool,
    /// Whether its end is the end of the run.
    pub(crate) finishes: bool,
}

impl Writer {
    /// A writer with an id of its own.
    pub(crate) fn new(label: String, primary: bool, finishes: bool) -> Self {
        let id = std::iter::repeat_with(crate::os::id::generate).take(4).collect();
        Self { id, label, primary, finishes }
    }

    /// The name of its console's file, with nothing in it that a file name cannot have.
    pub(super) fn output_name(&self) -> String {
        let fine = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.') { c } else { '_' };
        format!("output_{}.log", self.label.chars().map(fine).collect::<String>())
    }
}
