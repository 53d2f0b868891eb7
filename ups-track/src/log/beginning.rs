//! How a log begins.

use std::path::Path;

use super::Reader;
use super::record::Kind;

/// How a log begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Beginning {
    /// With a run.
    Run,
    /// Not at all: it ends before its run record, and there is nothing else in it. Its process was killed at its start, or is
    /// just starting.
    Never,
    /// It cannot be read, is damaged, or is none of a run.
    Unclear,
}

impl Beginning {
    /// Looks at a log up to its run record; what the records hold up to there is told.
    pub(crate) fn of(log: &Path, hear: &mut dyn FnMut(Kind)) -> Self {
        let Ok(reader) = Reader::open(log) else { return Self::Unclear };
        let mut beginning = Self::Never;
        for entry in reader {
            match entry {
                Ok(entry) => {
                    let Some(kind) = entry.record.kind else { continue };
                    let is_run = matches!(kind, Kind::Run(_));
                    if !matches!(kind, Kind::Header(_)) {
                        beginning = Self::Unclear;
                    }
                    hear(kind);
                    if is_run {
                        return Self::Run;
                    }
                }
                Err(e) if e.is_torn() => {}
                Err(_) => beginning = Self::Unclear,
            }
        }
        beginning
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::{Mode, Run};

    #[test]
    fn a_log_begins_with_its_run_record() {
        let dir = tempfile::tempdir().unwrap();
        let run =
            Run::builder().mode(Mode::Offline).dir(dir.path()).quiet(true).global(false).start().unwrap();
        run.log(0, &[("loss", 1.0)]);
        let finished = run.finish().unwrap();
        let whole =
            std::fs::read(finished.dir().unwrap().join(format!("run-{}.wandb", finished.id()))).unwrap();
        let log = dir.path().join("some.wandb");
        let begins = |bytes: &[u8]| {
            std::fs::write(&log, bytes).unwrap();
            Beginning::of(&log, &mut |_| ())
        };
        assert_eq!(begins(&whole), Beginning::Run);
        // Wherever it is cut: first it never began, then it has.
        let mut before = Beginning::Never;
        for end in 0..whole.len() {
            let now = begins(whole.get(..end).unwrap());
            assert!(now == before || (before, now) == (Beginning::Never, Beginning::Run), "{end}: {now:?}");
            before = now;
        }
        assert_eq!(before, Beginning::Run);
        assert_eq!(begins(b"something else"), Beginning::Unclear);
        let mut damaged = whole.clone();
        *damaged.get_mut(15).unwrap() ^= 1;
        assert_eq!(begins(&damaged), Beginning::Unclear);
        assert_eq!(Beginning::of(&dir.path().join("none"), &mut |_| ()), Beginning::Unclear);
    }
}
