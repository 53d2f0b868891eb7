//! Files: a checkpoint, a report. They become run files.

/// When a saved file is uploaded, and which version of it the run has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FilePolicy {
    /// Once, soon: as it is when it is saved.
    Now,
    /// Once, when the run ends: as it is then.
    End,
    /// Now, again whenever the file changes, and at the end, whose version stays.
    #[default]
    Live,
}

impl FilePolicy {
    /// Reads the word that `file!` and `file.policy` take: `now`, `end` or `live`.
    pub fn from_word(word: &str) -> Option<Self> {
        match word {
            "now" => Some(Self::Now),
            "end" => Some(Self::End),
            "live" => Some(Self::Live),
            _ => None,
        }
    }

    /// The word that [`from_word`](Self::from_word) reads.
    pub(crate) fn as_word(self) -> &'static str {
        match self {
            Self::Now => "now",
            Self::End => "end",
            Self::Live => "live",
        }
    }

    /// The number of the policy in W&B's `FilesItem`.
    pub(crate) fn wire(self) -> i32 {
        match self {
            Self::Now => 0,
            Self::End => 1,
            Self::Live => 2,
        }
    }
}
