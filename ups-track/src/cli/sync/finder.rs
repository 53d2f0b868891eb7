//! Logs that come to be while somebody watches, found at next to no cost while nothing changes: a directory is listed anew
//! when its time says that something was made or removed in it.

use std::collections::{BTreeSet, HashSet};
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use super::super::find;

/// A change this long ago can have no other one beside it that the directory's time does not tell: some file systems count
/// in seconds.
const SETTLED: Duration = Duration::from_secs(3);

/// How long a directory without a log is looked at each time after it was changed.
const YOUNG: Duration = Duration::from_mins(1);

/// Time between two looks that rely on no times.
const FULL: Duration = Duration::from_mins(1);

/// Of so many full looks one is also for other logs in directories of which one is known.
const WHOLE: u64 = 10;

/// Finds logs; each is told once.
#[derive(Debug, Default)]
pub(super) struct Finder {
    paths: Vec<PathBuf>,
    known: HashSet<PathBuf>,
    listed: Vec<Listing>,
    full: Option<Instant>,
    looks: u64,
}

/// What of a directory is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Depth {
    Changes,
    Full,
    /// And the directories of known logs.
    Whole,
}

/// A directory of runs.
#[derive(Debug)]
struct Listing {
    dir: PathBuf,
    /// Its time when it was listed last.
    changed: Option<SystemTime>,
    /// Whether that told of all that was in it.
    settled: bool,
    /// Directories in it with logs, and others.
    runs: BTreeSet<OsString>,
    others: BTreeSet<OsString>,
}

impl Finder {
    pub(super) fn new(paths: &[PathBuf]) -> Self {
        Self { paths: paths.to_vec(), ..Self::default() }
    }

    /// The logs that were not there at the last call, in the order of the runs' times.
    pub(super) fn look(&mut self) -> Vec<PathBuf> {
        let depth = match self.full {
            Some(full) if full.elapsed() < FULL => Depth::Changes,
            _ => {
                self.full = Some(Instant::now());
                self.looks += 1;
                if self.looks.is_multiple_of(WHOLE) { Depth::Whole } else { Depth::Full }
            }
        };
        let mut found = Vec::new();
        for path in find::or_default(&self.paths) {
            match fs::metadata(&path) {
                Ok(meta) if meta.is_dir() => self.below(&path, depth, &mut found),
                Ok(_) => found.push(path),
                // It may be the id of a run.
                Err(_) if depth > Depth::Changes => {
                    found.extend(find::find(&path).map(find::Found::into_logs).unwrap_or_default());
                }
                Err(_) => {}
            }
        }
        found.sort_by(|a, b| find::stamp(a).cmp(&find::stamp(b)));
        // The same log may be named twice, or through a link.
        let found = found.into_iter().map(|log| log.canonicalize().unwrap_or(log));
        found.filter(|log| self.known.insert(log.clone())).collect()
    }

    /// The logs of a directory: its own, or those of the first directory of runs that has any.
    fn below(&mut self, path: &Path, depth: Depth, found: &mut Vec<PathBuf>) {
        for (at, dir) in [path.to_owned(), path.join(".wandb"), path.join("wandb")].into_iter().enumerate() {
            if !self.listed.iter().any(|listing| listing.dir == dir) {
                self.listed.push(Listing::new(dir.clone()));
            }
            let Some(listing) = self.listed.iter_mut().find(|listing| listing.dir == dir) else { return };
            if listing.look(at == 0, depth, found) {
                return;
            }
        }
    }
}

impl Listing {
    fn new(dir: PathBuf) -> Self {
        Self { dir, changed: None, settled: false, runs: BTreeSet::new(), others: BTreeSet::new() }
    }

    /// Adds what is new; tells whether there are logs.
    fn look(&mut self, own: bool, depth: Depth, found: &mut Vec<PathBuf>) -> bool {
        let changed = fs::metadata(&self.dir).and_then(|data| data.modified()).ok();
        if depth > Depth::Changes || !self.settled || changed != self.changed || changed.is_none() {
            self.settled = changed.is_some_and(|time| is_older(time, SETTLED));
            self.changed = changed;
            // A run's own directory has no runs in it.
            let logs = if own { find::logs_in(&self.dir).unwrap_or_default() } else { Vec::new() };
            if !logs.is_empty() {
                found.extend(logs);
                return true;
            }
            self.list(depth, found);
        }
        let young = |dir: &Path| {
            let time = dir.metadata().and_then(|data| data.modified());
            time.is_ok_and(|time| !is_older(time, YOUNG))
        };
        for name in std::mem::take(&mut self.others) {
            let dir = self.dir.join(&name);
            let logs = if depth > Depth::Changes || young(&dir) {
                // What cannot be listed has no logs that could be read.
                find::logs_in(&dir).unwrap_or_default()
            } else {
                Vec::new()
            };
            if logs.is_empty() { &mut self.others } else { &mut self.runs }.insert(name);
            found.extend(logs);
        }
        !self.runs.is_empty()
    }

    /// Lists the directory. Links such as `latest-run` count only if there is nothing else.
    fn list(&mut self, depth: Depth, found: &mut Vec<PathBuf>) {
        let mut links = Vec::new();
        let mut there = HashSet::new();
        for entry in fs::read_dir(&self.dir).into_iter().flatten().flatten() {
            let name = entry.file_name();
            match entry.file_type() {
                Ok(kind) if kind.is_symlink() => links.push(entry.path()),
                Ok(kind) if kind.is_dir() => {
                    if !self.runs.contains(&name) {
                        self.others.insert(name.clone());
                    } else if depth == Depth::Whole {
                        found.extend(find::logs_in(&entry.path()).unwrap_or_default());
                    }
                    there.insert(name);
                }
                _ => {}
            }
        }
        self.runs.retain(|name| there.contains(name));
        self.others.retain(|name| there.contains(name));
        if there.is_empty() {
            found.extend(links.iter().flat_map(|link| find::logs_in(link).unwrap_or_default()));
        }
    }
}

/// Whether a time is so long ago. One in the future is not.
fn is_older(time: SystemTime, least: Duration) -> bool {
    time.elapsed().is_ok_and(|age| age >= least)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn log(dir: &Path, run: &str) -> PathBuf {
        let dir = dir.join(run);
        fs::create_dir_all(&dir).unwrap();
        let log = dir.join(format!("{run}.wandb"));
        fs::write(&log, "").unwrap();
        log.canonicalize().unwrap()
    }

    /// As if nothing had happened in it for long.
    fn age(dir: &Path) {
        let long_ago = SystemTime::UNIX_EPOCH + Duration::from_hours(1);
        fs::File::open(dir).unwrap().set_modified(long_ago).unwrap();
    }

    #[test]
    fn each_log_is_found_once_wherever_it_comes() {
        let root = tempfile::tempdir().unwrap();
        let mut finder = Finder::new(&[root.path().to_owned()]);
        assert_eq!(finder.look(), Vec::<PathBuf>::new());
        let wandb = root.path().join("wandb");
        let [second, first] = ["offline-run-2", "run-1"].map(|run| log(&wandb, run));
        assert_eq!(finder.look(), [first, second]);
        assert_eq!(finder.look(), Vec::<PathBuf>::new());
        // A directory that has its log later.
        fs::create_dir(wandb.join("run-3")).unwrap();
        assert_eq!(finder.look(), Vec::<PathBuf>::new());
        let third = log(&wandb, "run-3");
        assert_eq!(finder.look(), [third]);
    }

    #[test]
    fn a_directory_without_changes_is_not_listed() {
        let root = tempfile::tempdir().unwrap();
        log(root.path(), "run-1");
        age(root.path());
        let mut finder = Finder::new(&[root.path().to_owned()]);
        assert_eq!(finder.look().len(), 1);
        // It has come, but the directory's time does not tell.
        let hidden = log(root.path(), "run-2");
        age(root.path());
        assert_eq!(finder.look(), Vec::<PathBuf>::new());
        // A full look relies on no times.
        finder.full = None;
        assert_eq!(finder.look(), [hidden]);
        let third = log(root.path(), "run-3");
        assert_eq!(finder.look(), [third]);
    }

    #[test]
    fn a_log_or_the_directory_of_one_is_found_too() {
        let root = tempfile::tempdir().unwrap();
        let one = log(root.path(), "run-1");
        let dir = one.parent().unwrap().to_owned();
        let mut finder = Finder::new(&[one.clone(), dir, root.path().to_owned()]);
        assert_eq!(finder.look(), [one]);
    }
}
