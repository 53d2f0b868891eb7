//! The crate's error: what failed, with which value, and what to do.

use std::fmt;
use std::path::PathBuf;

use crate::{harmless, secrets};

/// Why a run could not be started, finished or read.
///
/// Tracking itself never fails a program: only setting up and finishing return errors.
#[derive(Debug)]
pub struct Error(Box<Kind>);

/// A `Result` with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

#[derive(Debug, thiserror::Error)]
pub(crate) enum Kind {
    #[error("{what} `{value}` (from {from}) {rule}")]
    Setting { what: &'static str, value: String, from: String, rule: String },
    #[error(
        "mode `{mode}` (from {from}) needs feature `online` of ups-track, without which this program is built; use `offline` and upload the run with `ups-track sync` or `wandb sync`"
    )]
    ModeNotBuilt { mode: &'static str, from: String },
    #[cfg(feature = "online")]
    #[error("cannot record in mode `{mode}`: {reason}; or set WANDB_MODE=offline and upload the run later")]
    Server { mode: &'static str, reason: String },
    #[error("cannot {action} `{}`", path.display())]
    Io {
        action: &'static str,
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error(
        "the current directory is gone, and nothing says where runs go; set WANDB_DIR or `Run::builder().dir(..)` to an absolute path"
    )]
    NoCurrentDir,
    #[error(
        "cannot make the run's directory below `{}`: {reason}; set WANDB_DIR or `Run::builder().dir(..)` to a directory with room where this user may write, or WANDB_MODE=disabled",
        path.display()
    )]
    NoPlace { path: PathBuf, reason: std::io::Error },
    #[error("cannot read `{}`: {reason}", path.display())]
    Parse { path: PathBuf, reason: String },
    #[error(
        "the global run is already `{0}`; finish it first, or start others with `Run::builder().global(false)`"
    )]
    GlobalTaken(String),
    #[error(
        "the context file `{path}` {reason}; expected is a JSON object with `run_id`, `project`, `entity`, `url`, as `Run::save_context` writes it"
    )]
    Context { path: String, reason: String },
    #[error(
        "cannot record into run `{run}` of the context file: {reason}; start this program from a run that is recorded on this machine, or unset WANDB_CONTEXT_FILE for a run of its own"
    )]
    Attach { run: String, reason: String },
    #[error(
        "run `{0}` belongs to the process that this one was forked from; start a run here, or children with `exec`"
    )]
    Forked(String),
    #[error("cannot start the writer thread")]
    Thread(#[source] std::io::Error),
    #[error(
        "a global tracing subscriber is already set; add `ups_track::layer()` to it instead of calling `ups_track::init()`"
    )]
    SubscriberTaken,
    #[error("the log of run `{run}` failed: {reason}; {lost} rows were lost, everything else is in `{}`", path.display())]
    LogFailed { run: String, path: PathBuf, reason: String, lost: u64 },
    #[error("run `{run}` did not finish writing within {seconds} s; its log `{}` has all but the end", path.display())]
    Stuck { run: String, path: PathBuf, seconds: u64 },
}

impl Error {
    /// Whether a setting (of the builder, the environment or a settings file) was bad.
    pub fn is_setting(&self) -> bool {
        #[cfg(feature = "online")]
        if matches!(*self.0, Kind::Server { .. }) {
            return true;
        }
        matches!(*self.0, Kind::Setting { .. } | Kind::ModeNotBuilt { .. } | Kind::Parse { .. })
    }

    /// Whether the context file, or the run that it leads to, was bad.
    pub fn is_context(&self) -> bool {
        matches!(*self.0, Kind::Context { .. } | Kind::Attach { .. })
    }

    /// Whether the run's log could not be written to its end.
    pub fn is_log(&self) -> bool {
        matches!(*self.0, Kind::LogFailed { .. } | Kind::Stuck { .. })
    }

    /// Whether the system would not do what was asked: no room, no descriptors, no right.
    pub(crate) fn is_of_system(&self) -> bool {
        match &*self.0 {
            Kind::Io { source, .. } => source.raw_os_error().is_some(),
            Kind::Thread(_) | Kind::NoPlace { .. } => true,
            _ => false,
        }
    }

    /// The error and its cause, for a message to a person.
    pub(crate) fn with_cause(&self) -> String {
        let cause = std::error::Error::source(self).map(|cause| format!(": {cause}")).unwrap_or_default();
        format!("{self}{cause}")
    }

    /// The place for the run cannot be made: that is for a person to mend, who needs to know how.
    pub(crate) fn into_no_place(self, root: &std::path::Path) -> Self {
        match *self.0 {
            Kind::Io { source, .. } => Kind::NoPlace { path: root.to_owned(), reason: source }.into(),
            kind => kind.into(),
        }
    }

    pub(crate) fn io(action: &'static str, path: impl Into<PathBuf>, source: std::io::Error) -> Self {
        Kind::Io { action, path: path.into(), source }.into()
    }
}

impl From<Kind> for Error {
    fn from(kind: Kind) -> Self {
        Self(Box::new(kind))
    }
}

impl fmt::Display for Error {
    /// Harmless on a terminal, whatever a path or setting has in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&harmless::clean(&secrets::clean(&self.0.to_string())))
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}

#[cfg(test)]
mod tests {
    use super::Error;

    #[test]
    fn an_error_does_nothing_to_a_terminal() {
        let error = Error::io("open", "a\u{1b}[2J\u{9b}\u{202e}\nb", std::io::Error::other("x"));
        assert_eq!(error.to_string(), "cannot open `a␛[2J\u{fffd}\u{fffd}␊b`");
    }
}
