//! How the ranks of a group find the run of rank 0 without a parent that tells them: rank 0 writes the run's context
//! into a file on the disk that all share, called after the launcher's id of the group; the others wait for it.
//!
//! Ids repeat (see `start`). So a file counts if somebody has its run, if it is younger than the process that looks, or if
//! the start is known to be no other one. And in no case if the rank was in that run before: it has come to its end there,
//! so that this is the next program of the same start, or it is started again, and the run it was in has ended.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use super::{Rank, process};
use crate::context::Context;
use crate::error::Result;
use crate::os::clock::Waited;
use crate::os::lock::Lock;
use crate::shards::{self, Seat};

/// Longest time between two looks: file servers are shared.
const LONGEST_PAUSE: Duration = Duration::from_millis(200);

/// The age at which a file whose run nobody has is removed.
const OLD: Duration = Duration::from_hours(24);

/// Where the ranks of one group meet for one run.
#[derive(Debug)]
pub(crate) struct Meeting {
    path: PathBuf,
    /// Whether the launcher has told which group it is: without, two groups at once look the same.
    has_id: bool,
    /// Whether no other start comes to this file.
    is_unique: bool,
    rank: u32,
    born: Option<SystemTime>,
}

impl Meeting {
    /// The meeting for the next run of this process. The ranks of a group start their runs in the same order, so that
    /// the first run meets the first, the second the second.
    pub(crate) fn next(root: &Path, rank: &Rank) -> Self {
        static RUNS: AtomicU64 = AtomicU64::new(0);
        Self::new(root, rank, RUNS.fetch_add(1, Ordering::Relaxed))
    }

    fn new(root: &Path, rank: &Rank, earlier_runs: u64) -> Self {
        let start = rank.start();
        let id = rank.group_id().unwrap_or_default();
        let good = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' };
        let readable: String = id.chars().take(40).map(good).collect();
        let number = start.number(rank, earlier_runs);
        let path = root.join(format!("ranks-{}-{readable}-{number:012x}.json", rank.launcher()));
        Self {
            path,
            has_id: rank.group_id().is_some(),
            is_unique: start.is_unique,
            rank: rank.rank(),
            born: process::born(),
        }
    }

    /// The run of the group, if it is there.
    fn look(&self) -> Result<Option<Context>> {
        if fs::symlink_metadata(&self.path).is_err() {
            return Ok(None);
        }
        let context = Context::load(&self.path)?;
        let Some(dir) = context.dir().filter(|dir| dir.is_dir()) else { return Ok(None) };
        let counts = match shards::seat(dir, self.rank) {
            Seat::Free => self.is_unique || is_alive(dir) || self.is_younger_than_we(),
            // It was killed or has failed, and was started again.
            Seat::Left => is_alive(dir),
            Seat::Done => false,
        };
        Ok(counts.then_some(context))
    }

    /// Whether the file was written since this process began: it is not of an earlier group then.
    fn is_younger_than_we(&self) -> bool {
        let written = fs::symlink_metadata(&self.path).and_then(|meta| meta.modified());
        written.ok().zip(self.born).is_some_and(|(written, born)| written >= born)
    }

    /// The run of the group, if another process has it: for rank 0, which then is a child of that process.
    pub(crate) fn running(&self) -> Option<Context> {
        let context = Context::load(&self.path).ok()?;
        (self.has_id && is_alive(context.dir()?)).then_some(context)
    }

    /// Waits until the run is there. The error tells why it never was.
    pub(crate) fn wait(&self, patience: Duration) -> Result<Context, String> {
        let mut waited = Waited::begin();
        let mut pause = Duration::from_millis(5);
        loop {
            let fault = match self.look() {
                Ok(Some(context)) => return Ok(context),
                Ok(None) => None,
                Err(e) => Some(e.to_string()),
            };
            let Some(slice) = waited.next(patience) else {
                return Err(fault.unwrap_or_else(|| self.reason(patience)));
            };
            std::thread::sleep(pause.min(slice));
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    fn reason(&self, patience: Duration) -> String {
        let path = crate::harmless::path(&self.path);
        let seconds = patience.as_secs_f64();
        if self.path.exists() {
            format!(
                "`{path}` is of a run that this rank was in before, or that has ended before this process began, and in {seconds} s no other came"
            )
        } else {
            format!("`{path}` did not come in {seconds} s")
        }
    }

    /// Rank 0 has the run, and `save` writes its context: tells the others.
    pub(crate) fn open(&self, save: impl FnOnce(&Path) -> Result<()>) -> Result<()> {
        save(&self.path)?;
        self.sweep();
        Ok(())
    }

    /// Removes what groups of the past have left.
    fn sweep(&self) {
        let Some(entries) = self.path.parent().and_then(|root| fs::read_dir(root).ok()) else { return };
        for entry in entries.flatten() {
            let name = entry.file_name();
            let stem = name.to_str().and_then(|name| name.strip_suffix(".json"));
            let is_meeting = stem.is_some_and(|stem| stem.starts_with("ranks-"));
            let is_old = || {
                let written = entry.metadata().and_then(|meta| meta.modified()).ok();
                written.and_then(|at| at.elapsed().ok()).is_some_and(|age| age > OLD)
            };
            if is_meeting && is_old() {
                let other = Self { path: entry.path(), has_id: true, is_unique: false, rank: 0, born: None };
                if other.running().is_none() {
                    // What cannot be removed is found old once more.
                    drop(fs::remove_file(entry.path()));
                }
            }
        }
    }
}

/// Whether the process that has the run still does.
fn is_alive(dir: &Path) -> bool {
    Lock::is_taken(dir) && !Lock::is_turn_taken(dir)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::ranks::{Launcher, launcher};

    fn rank(vars: &[(&str, &str)]) -> Rank {
        let var = |name: &str| vars.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned());
        launcher::recognise(&var).unwrap().unwrap()
    }

    const SLURM: &[(&str, &str)] =
        &[("SLURM_JOB_ID", "7"), ("SLURM_STEP_ID", "0"), ("SLURM_PROCID", "1"), ("SLURM_NTASKS", "2")];
    const MPICH: &[(&str, &str)] = &[("PMI_RANK", "1"), ("PMI_SIZE", "2")];

    /// A run's directory, and a meeting's file that leads to it, written at this time.
    fn written(root: &Path, meeting: &Meeting, at: SystemTime) -> PathBuf {
        let run_dir = root.join("offline-run-x");
        fs::create_dir_all(&run_dir).unwrap();
        let text = format!(r#"{{"run_id": "abc", "dir": "{}"}}"#, run_dir.display());
        fs::write(&meeting.path, text).unwrap();
        fs::File::options().write(true).open(&meeting.path).unwrap().set_modified(at).unwrap();
        run_dir
    }

    #[test]
    fn every_rank_comes_to_the_same_file() {
        let root = Path::new("/shared");
        let at = |rank: &Rank, runs| Meeting::new(root, rank, runs).path;
        let one = rank(SLURM);
        let other = rank(&[&[("SLURM_PROCID", "0")][..], SLURM].concat());
        assert_eq!(at(&one, 0), at(&other, 0));
        assert_ne!(at(&one, 0), at(&one, 1));
        assert_ne!(at(&one, 0), at(&rank(&[&[("SLURM_STEP_ID", "1")][..], SLURM].concat()), 0));
        assert!(at(&one, 0).to_str().unwrap().starts_with("/shared/ranks-slurm-7.0-"));
        let odd = Rank { group_id: Some("../../a b\u{1b}".into()), launcher: Launcher::Mpich, ..one };
        assert_eq!(at(&odd, 0).parent(), Some(root));
    }

    #[test]
    fn the_file_of_an_earlier_group_does_not_count() {
        let dir = tempfile::tempdir().unwrap();
        let meeting = Meeting::new(dir.path(), &rank(MPICH), 0);
        let now = SystemTime::now();
        let run_dir = written(dir.path(), &meeting, now - Duration::from_hours(2));
        let text = meeting.wait(Duration::from_millis(20)).unwrap_err();
        assert!(text.contains("ended before this process began"), "{text}");
        // Somebody has the run.
        let lock = Lock::take(&run_dir).unwrap();
        assert_eq!(meeting.wait(Duration::ZERO).unwrap().run_id(), "abc");
        assert!(meeting.running().is_none(), "it may be of another group: the launcher gives no id");
        let same = Meeting { has_id: true, path: meeting.path.clone(), ..meeting };
        assert_eq!(same.running().unwrap().run_id(), "abc");
        drop(lock);
        assert!(same.running().is_none());
        // It is of this very group, and its run has ended already.
        written(dir.path(), &meeting, now);
        if cfg!(target_os = "linux") {
            assert_eq!(meeting.wait(Duration::ZERO).unwrap().run_id(), "abc");
        }
        // The launcher gives no id twice.
        let meeting = Meeting::new(dir.path(), &rank(SLURM), 0);
        written(dir.path(), &meeting, now - Duration::from_hours(2));
        assert_eq!(meeting.wait(Duration::ZERO).unwrap().run_id(), "abc");
        fs::remove_dir_all(&run_dir).unwrap();
        assert!(meeting.wait(Duration::ZERO).is_err());
    }

    #[test]
    fn what_is_there_and_bad_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let meeting = Meeting::new(dir.path(), &rank(MPICH), 0);
        assert!(meeting.wait(Duration::ZERO).unwrap_err().contains("did not come"));
        fs::write(&meeting.path, "x").unwrap();
        assert!(meeting.wait(Duration::ZERO).unwrap_err().contains("is not JSON"));
    }

    #[test]
    fn old_files_are_removed() {
        let dir = tempfile::tempdir().unwrap();
        let [old, running, young] = [0, 1, 2].map(|n| Meeting::new(dir.path(), &rank(MPICH), n));
        let now = SystemTime::now();
        written(dir.path(), &old, now - 2 * OLD);
        written(dir.path(), &young, now);
        young.sweep();
        assert!(!old.path.exists() && young.path.exists());
        let run_dir = written(dir.path(), &running, now - 2 * OLD);
        let lock = Lock::take(&run_dir).unwrap();
        young.sweep();
        assert!(running.path.exists());
        drop(lock);
    }
}
