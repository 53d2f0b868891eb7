//! Shards: the logs of attached children, `<run directory>/shards/<name>/shard.wandb`, each written by one process.
//! W&B's own tools look for logs in the run's directory itself, so that they do not take a shard for a run.

use std::fs::{self, DirBuilder, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::context::{trusted_dir, trusted_file};
use crate::os::id;
use crate::os::lock::Lock;
use crate::{harmless, os};

/// The directory of the shards in a run's directory.
const SHARDS: &str = "shards";

/// The log in a shard's directory.
pub(crate) const LOG: &str = "shard.wandb";

/// Where the shards of a run are.
pub(crate) fn place(run_dir: &Path) -> PathBuf {
    run_dir.join(SHARDS)
}

/// Makes the directory for shards, if it is not there.
pub(crate) fn prepare(run_dir: &Path) -> io::Result<()> {
    let shards = place(run_dir);
    match private().create(&shards) {
        Err(e) if e.kind() != io::ErrorKind::AlreadyExists => Err(e),
        _ => trusted_dir(&shards).map_err(|reason| io::Error::other(format!("it {reason}"))),
    }
}

/// In the directory of a shard whose rank has come to a good end.
const DONE: &str = "done";

/// Whether a rank was in a run before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seat {
    Free,
    /// It was, and has not come to a good end, or not yet.
    Left,
    Done,
}

/// Whether a rank was in this run before.
pub(crate) fn seat(run_dir: &Path, rank: u32) -> Seat {
    let (names, _) = list(run_dir);
    let own = names.iter().filter(|name| rank_of(name) == Some(rank));
    let own: Vec<PathBuf> = own.map(|name| place(run_dir).join(name)).collect();
    match own.last() {
        None => Seat::Free,
        // A program that a rank has started itself ends before it does.
        Some(_) if own.iter().any(|shard| Lock::is_taken(shard)) => Seat::Left,
        Some(last) if last.join(DONE).exists() => Seat::Done,
        Some(_) => Seat::Left,
    }
}

/// Notes that the rank whose shard this is has come to a good end.
pub(crate) fn leave(shard: &Path) {
    // Without the note a later program of the same start may find this run, if it goes on.
    drop(File::create_new(shard.join(DONE)));
}

/// The rank whose shard has this name.
pub(crate) fn rank_of(name: &str) -> Option<u32> {
    name.rsplit_once("-rank")?.1.parse().ok()
}

/// Makes the directory of a new shard, of a rank or another child.
pub(crate) fn create(run_dir: &Path, rank: Option<u32>) -> io::Result<PathBuf> {
    prepare(run_dir)?;
    let nanos = os::nanos();
    let t = os::utc(nanos / 1_000_000_000);
    let rank = rank.map(|rank| format!("-rank{rank}")).unwrap_or_default();
    loop {
        let random = id::generate();
        let name = format!(
            "{:04}{:02}{:02}_{:02}{:02}{:02}{:03}-{}-{}{rank}",
            t.year,
            t.month,
            t.day,
            t.hour,
            t.minute,
            t.second,
            nanos / 1_000_000 % 1000,
            std::process::id(),
            random.get(..4).unwrap_or_default()
        );
        let path = place(run_dir).join(name);
        match private().create(&path) {
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
            Err(e) => return Err(e),
            Ok(()) => return Ok(path),
        }
    }
}

/// Makes directories that only their owner can look into.
fn private() -> DirBuilder {
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder
}

/// The names of the shards of a run, by age. What is there and cannot be a shard is told with the reason.
pub(crate) fn list(run_dir: &Path) -> (Vec<String>, Vec<String>) {
    let shards = place(run_dir);
    let (mut names, mut refused) = (Vec::new(), Vec::new());
    if fs::symlink_metadata(&shards).is_err() {
        return (names, refused);
    }
    if let Err(reason) = trusted_dir(&shards) {
        refused.push(format!("`{}` {reason}", harmless::path(&shards)));
        return (names, refused);
    }
    let Ok(entries) = fs::read_dir(&shards) else { return (names, refused) };
    for entry in entries.flatten() {
        let name = entry.file_name();
        match name.to_str().filter(|name| is_name(name)) {
            Some(name) => names.push(name.to_owned()),
            None => refused
                .push(format!("`{}` has a name that no shard has", harmless::path(&shards.join(&name)))),
        }
    }
    names.sort();
    (names, refused)
}

/// Whether a directory can have got its name from [`create`].
fn is_name(name: &str) -> bool {
    let good = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    (1..=100).contains(&name.len()) && name.bytes().all(good)
}

/// Opens the log of a shard. None if its process has not come to it yet. The error goes on from the shard's name.
pub(crate) fn open(run_dir: &Path, name: &str) -> Result<Option<File>, String> {
    let dir = place(run_dir).join(name);
    trusted_dir(&dir)?;
    let log = dir.join(LOG);
    if fs::symlink_metadata(&log).is_err() {
        return Ok(None);
    }
    trusted_file(&log).map(|(file, _)| Some(file)).map_err(|reason| format!("has a log that {reason}"))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn new_shards_are_found_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(list(dir.path()), (Vec::new(), Vec::new()));
        let shards = [create(dir.path(), None).unwrap(), create(dir.path(), Some(3)).unwrap()];
        let (names, refused) = list(dir.path());
        assert_eq!((names.len(), refused.len()), (2, 0));
        assert!(names.iter().all(|name| shards.contains(&place(dir.path()).join(name))));
        fs::create_dir(place(dir.path()).join("a\u{1b}[2J")).unwrap();
        fs::create_dir(place(dir.path()).join("..x")).unwrap();
        let (names, refused) = list(dir.path());
        assert_eq!((names.len(), refused.len()), (2, 2));
        assert!(!refused.join("").contains('\u{1b}'));
        assert!(open(dir.path(), names.first().unwrap()).unwrap().is_none());
    }

    #[test]
    fn a_rank_finds_its_seat() {
        let dir = tempfile::tempdir().unwrap();
        assert_eq!(seat(dir.path(), 3), Seat::Free);
        create(dir.path(), None).unwrap();
        let shard = create(dir.path(), Some(3)).unwrap();
        assert_eq!(seat(dir.path(), 3), Seat::Left);
        leave(&shard);
        assert_eq!((seat(dir.path(), 3), seat(dir.path(), 33)), (Seat::Done, Seat::Free));
        let lock = Lock::take(&shard).unwrap();
        assert_eq!(seat(dir.path(), 3), Seat::Left, "it was a program that the rank has started");
        drop(lock);
        assert_eq!(seat(dir.path(), 3), Seat::Done);
    }

    #[cfg(unix)]
    #[test]
    fn links_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        fs::write(elsewhere.path().join(LOG), "x").unwrap();
        prepare(dir.path()).unwrap();
        let shards = place(dir.path());
        std::os::unix::fs::symlink(elsewhere.path(), shards.join("linked")).unwrap();
        assert!(open(dir.path(), "linked").unwrap_err().contains("symbolic link"));
        let shard = create(dir.path(), None).unwrap();
        std::os::unix::fs::symlink(elsewhere.path().join(LOG), shard.join(LOG)).unwrap();
        let name = shard.file_name().unwrap().to_str().unwrap();
        assert!(open(dir.path(), name).unwrap_err().contains("symbolic link"));
        let other = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink(&shards, place(other.path())).unwrap();
        assert!(list(other.path()).1.join("").contains("symbolic link"));
        assert!(create(other.path(), None).is_err());
    }
}
