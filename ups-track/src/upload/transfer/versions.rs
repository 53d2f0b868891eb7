//! Which version of a file is the run's: it holds most of them itself, and of the others it is remembered what they were.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::log::beside;
use crate::log::outside::ENDING;
use crate::os::files::{Stamp, dir_of};
use crate::os::lock::Lock;

/// What is remembered of the files of a run.
#[derive(Debug, Clone, Default)]
pub(crate) struct Versions {
    files: BTreeMap<String, Vec<Stamp>>,
    /// Until when a run was alive that has not come to its end, and whose files are links therefore.
    alive: Option<SystemTime>,
}

/// Time between two signs of life of a run, and some more.
const BEAT: Duration = Duration::from_secs(10);

impl Versions {
    /// Reads what is beside a log. What cannot be read is taken as not there.
    pub(crate) fn of(log: &Path) -> Self {
        let dir = dir_of(log);
        // Who attached may have lived longer, and has saved its files there.
        let beat = Lock::last_beat(dir).filter(|_| !dir.join("shards").exists());
        let written = log.metadata().and_then(|meta| meta.modified()).ok();
        let mut versions =
            Self { files: BTreeMap::new(), alive: beat.map(|beat| written.map_or(beat, |w| w.max(beat))) };
        for path in all(log) {
            let read = fs::read(path).ok().and_then(|text| serde_json::from_slice(&text).ok());
            let files: BTreeMap<String, Stamp> = read.unwrap_or_default();
            for (name, stamp) in files {
                versions.files.entry(name).or_default().push(stamp);
            }
        }
        versions
    }

    /// Whether the file of this name is what it was when the run ended (or was last alive), or is held by the run.
    pub(crate) fn allow(&self, name: &str, path: &Path) -> bool {
        let (Ok(here), Ok(meta)) = (path.symlink_metadata(), path.metadata()) else { return true };
        match self.files.get(name) {
            Some(stamps) => is_own(&here) || stamps.contains(&Stamp::of(&meta)),
            None if here.is_symlink() => self.alive.is_none_or(|alive| !is_after(&meta, alive + BEAT)),
            None => true,
        }
    }
}

fn is_after(meta: &fs::Metadata, time: SystemTime) -> bool {
    meta.modified().is_ok_and(|changed| changed > time)
}

fn all(log: &Path) -> Vec<PathBuf> {
    let dir = dir_of(log);
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
    use crate::log::outside::remember;

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
        // Nor is what was written after a run was killed.
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(at("users"), at("l")).unwrap();
            assert!(Versions::of(&log).allow("l", &at("l")));
            fs::write(&log, "").unwrap();
            let lock = Lock::take(dir.path()).unwrap().unwrap();
            let long_ago = SystemTime::now() - Duration::from_hours(1);
            for file in [&log, &at("writer.lock")] {
                fs::File::options().write(true).open(file).unwrap().set_modified(long_ago).unwrap();
            }
            assert!(Versions::of(&log).allow("l", &at("l")));
            drop(lock);
            assert!(!Versions::of(&log).allow("l", &at("l")));
            Lock::take(dir.path()).unwrap().unwrap().beat();
            assert!(Versions::of(&log).allow("l", &at("l")));
        }
        // What nobody else has is the run's own.
        #[cfg(unix)]
        {
            fs::remove_file(at("a")).unwrap();
            fs::write(at("a"), "one more").unwrap();
            assert!(versions.allow("a", &at("a")));
        }
    }
}
