//! Everything that is recorded besides rows: rare, so it may allocate, and in one order for all threads.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::stage::Stage;
use crate::kinds::alert::Alert;
use crate::kinds::file::FilePolicy;
use crate::kinds::metric::Number;
use crate::kinds::scalar::Scalar;
use crate::kinds::summary::Goal;
use crate::kinds::table::TableData;

/// Which console stream a line belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// A metric definition as the user gave it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Definition {
    /// A name, or a prefix that ends with `*`.
    pub(crate) name: String,
    pub(crate) step: Option<String>,
    pub(crate) summary: SummaryWords,
    pub(crate) hidden: bool,
    pub(crate) goal: Option<Goal>,
    pub(crate) overwrite: bool,
}

/// What the summary keeps of a metric; nothing set means the last value.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "these are W&B's own flags")]
pub(crate) struct SummaryWords {
    pub(crate) min: bool,
    pub(crate) max: bool,
    pub(crate) mean: bool,
    pub(crate) first: bool,
    pub(crate) last: bool,
    pub(crate) none: bool,
}

impl SummaryWords {
    /// Reads `min,max,mean,first,last,none`, separated by commas or plus signs; the error is the unknown word.
    pub(crate) fn parse(text: &str) -> Result<Self, &str> {
        let mut words = Self::default();
        for word in text.split([',', '+']).map(str::trim).filter(|w| !w.is_empty()) {
            match word {
                "min" => words.min = true,
                "max" => words.max = true,
                "mean" => words.mean = true,
                "first" => words.first = true,
                "last" => words.last = true,
                "none" => words.none = true,
                unknown => return Err(unknown),
            }
        }
        Ok(words)
    }

    pub(crate) fn any(self) -> bool {
        self != Self::default()
    }

    /// Both sets of words.
    pub(crate) fn with(self, other: Self) -> Self {
        Self {
            min: self.min | other.min,
            max: self.max | other.max,
            mean: self.mean | other.mean,
            first: self.first | other.first,
            last: self.last | other.last,
            none: self.none | other.none,
        }
    }
}

/// One thing to record.
#[derive(Debug)]
pub(crate) enum Op {
    /// A row that does not fit a lane: dynamic keys, or many values. Keys are complete.
    Row { stage: Arc<Stage>, step: Option<Number>, values: Vec<(String, Number)> },
    /// Summary values, and goals for some of them.
    Summary { values: Vec<(String, Scalar)>, goals: Vec<(String, Goal)> },
    /// Summary values that are not the program's own.
    Found(Vec<(String, Scalar)>),
    /// Config entries.
    Config(Map<String, Value>),
    /// A metric definition.
    Define(Definition),
    /// An alert.
    Alert(Alert),
    /// A file below `files/`.
    File { path: String, policy: FilePolicy },
    /// A table under a key.
    Table { key: String, table: TableData },
    /// Console text.
    Console { stream: Stream, text: String },
    /// More tags.
    Tags(Vec<String>),
    /// New notes.
    Notes(String),
    /// A new display name.
    Name(String),
    /// A stage was entered for the first time.
    StageOpened(Arc<Stage>),
    /// Something was refused; its key names what.
    Refused(&'static str),
    /// A callsite was warned about.
    Warned,
}
