//! What is remembered of a log whose upload can come no further.

use serde::{Deserialize, Serialize};

use crate::os::files::Stamp;

/// What the upload of a log has left that this version can never send; the log itself is all that it will be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Leftover {
    /// The log as it was.
    pub(super) log: Stamp,
    pub(super) page: String,
    pub(super) rows: u64,
    pub(super) rows_there: u64,
    pub(super) lines_too_long: u64,
    pub(super) artifacts: u64,
    pub(super) tensorboard: u64,
    pub(super) damage: Option<String>,
    pub(super) exit_code: Option<i32>,
}
