//! Saved files that a run does not hold itself, because they were too large to be copied when it ended: beside the log it is
//! remembered what they were then, so that no later version of them is ever taken for the run's.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::{fs, io};

use super::beside;
use crate::os::files::{Stamp, write_whole};

/// What the names of these files end with.
const ENDING: &str = ".files";

/// Remembers what files of a run were, by their names in it. `part` tells the processes apart that record into one run.
pub(crate) fn remember(log: &Path, part: Option<&str>, files: &BTreeMap<String, Stamp>) -> io::Result<()> {
    let ending = part.map_or_else(|| ENDING.to_owned(), |part| format!(".{part}{ENDING}"));
    write_whole(&beside(log, &ending), &serde_json::to_vec(files)?)
}

/// What is remembered of the files of a run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Versions(BTreeMap<String, Vec<Stamp>>);

#[cfg_attr(not(feature = "online"), expect(dead_code, reason = "only an upload looks"))]
impl Versions {
    /// Reads what is beside a log. What cannot be read is taken as not there.
    pub(crate) fn of(log: &Path) -> Self {
        let mut versions = Self::default();
        for path in all(log) {
            let read = fs::read(path).ok().and_then(|text| serde_json::from_slice(&text).ok());
            let files: BTreeMap<String, Stamp> = read.unwrap_or_default();
            for (name, stamp) in files {
                versions.0.entry(name).or_default().push(stamp);
            }
        }
        versions
    }

    /// Whether the file of this name is what it was when the run ended, or is held by the run.
    pub(crate) fn allow(&self, name: &str, path: &Path) -> bool {
        let Some(stamps) = self.0.get(name) else { return true };
        let (Ok(here), Ok(meta)) = (path.symlink_metadata(), path.metadata()) else { return true };
        is_own(&here) || stamps.contains(&Stamp::of(&meta))
    }
}

fn all(log: &Path) -> Vec<PathBuf> {
    let dir = log.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let begin = beside(Path::new(log.file_name().unwrap_or_default()), ".");
    let is_one = |name: &OsStr| {
        let name = name.to_string_lossy();
        name.starts_with(&*begin.to_string_lossy()) && name.ends_with(ENDING)
    };
    let entries = fs::read_dir(dir).into_iter().flatten().flatten();
    entries.filter(|entry| is_one(&entry.file_name())).map(|entry| entry.path()).collect()
}

/// Whether it is a file that nobody has under another name.
#[cfg(unix)]
fn is_own(meta: &fs::Metadata) -> bool {
    meta.is_file() && std::os::unix::fs::MetadataExt::nlink(meta) == 1
}

#[cfg(not(unix))]
fn is_own(_: &fs::Metadata) -> bool {
    false
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn no_other_version_is_allowed() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        let log = at("run-x.wandb");
        fs::write(at("users"), "one").unwrap();
        fs::hard_link(at("users"), at("a")).unwrap();
        assert!(Versions::of(&log).allow("a", &at("a")));
        let stamps = BTreeMap::from([("a".to_owned(), Stamp::of(&at("a").metadata().unwrap()))]);
        remember(&log, Some("shard"), &stamps).unwrap();
        remember(&log, None, &BTreeMap::new()).unwrap();
        let versions = Versions::of(&log);
        assert!(versions.allow("a", &at("a")) && versions.allow("b", &at("users")));
        fs::write(at("users"), "another").unwrap();
        assert!(!versions.allow("a", &at("a")));
        // What nobody else has is the run's own.
        #[cfg(unix)]
        {
            fs::remove_file(at("a")).unwrap();
            fs::write(at("a"), "one more").unwrap();
            assert!(versions.allow("a", &at("a")));
        }
    }
}
