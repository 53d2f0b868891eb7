//! A run directory that may be deleted: what it is, that nobody writes in it, and that it has not changed.

use std::collections::{BTreeSet, HashMap};
use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::log::{Beginning, marker};
use crate::merge::{Purpose, merge};
use crate::os::files::{Stamp, is_draft};
use crate::os::lock::Lock;
use crate::upload::{self, Memory};

/// What may lie in a run directory beside its logs: it goes with them.
const KNOWN: [&str; 10] = [
    "files",
    "logs",
    "tmp",
    "shards",
    "children",
    "context.json",
    "writer.lock",
    "merge.lock",
    "held-writer.lock",
    "held-merge.lock",
];

/// What W&B's client or ours itself puts into `files/` at the start of a run.
const OWN_FILES: [&str; 7] = [
    "config.yaml",
    "conda-environment.yaml",
    "output.log",
    "requirements.txt",
    "wandb-metadata.json",
    "wandb-summary.json",
    "media",
];

/// The least age of a log that never began and is taken for that of a killed process.
const OLD: Duration = Duration::from_hours(1);

/// A run directory. While this exists, nobody begins to write its logs.
#[derive(Debug)]
pub(super) struct RunDir {
    dir: PathBuf,
    /// The logs that the server has to confirm.
    pub(super) logs: Vec<PathBuf>,
    /// Stands for all that is in the directory.
    pub(super) print: u64,
    _locks: Option<(Lock, Lock)>,
}

impl RunDir {
    /// Takes a directory, if it is one of a run that may be deleted as far as this disk tells; otherwise the reason. Who only
    /// looks leaves no file.
    pub(super) fn take(dir: &Path, only_looks: bool) -> Result<Self, String> {
        let logs = logs_of(dir)?;
        let locks = if only_looks {
            None
        } else {
            let locks = locks(dir).map_err(|e| format!("cannot be locked: {e}"))?;
            Some(locks.ok_or_else(|| "is still being written".to_owned())?)
        };
        // Before anything else is found out: what changes meanwhile is noticed.
        let print = print(dir).map_err(|e| format!("cannot be looked through: {e}"))?;
        for log in &logs {
            if upload::is_being_sent(log) {
                return Err("is being uploaded by another process".to_owned());
            }
            unmerged(log).map_or(Ok(()), Err)?;
        }
        Ok(Self { dir: dir.to_owned(), logs, print, _locks: locks })
    }

    /// Deletes the directory, and the links that lead there.
    pub(super) fn delete(self, links: &HashMap<PathBuf, Vec<PathBuf>>) -> Result<(), (PathBuf, io::Error)> {
        // While these exist nobody uploads the logs.
        let memories: Result<Vec<_>, _> = self.logs.iter().map(|log| Memory::open(log)).collect();
        let memories = memories.map_err(|e| (self.dir.clone(), io::Error::other(e.to_string())))?;
        fs::remove_dir_all(&self.dir).map_err(|e| (self.dir.clone(), e))?;
        drop(memories);
        for link in links.get(&self.dir).into_iter().flatten() {
            fs::remove_file(link).map_err(|e| (link.clone(), e))?;
        }
        Ok(())
    }
}

/// The links in directories, by the directories in these to which they lead.
pub(super) fn links(parents: &BTreeSet<PathBuf>) -> HashMap<PathBuf, Vec<PathBuf>> {
    let mut links: HashMap<PathBuf, Vec<PathBuf>> = HashMap::new();
    for parent in parents {
        for entry in fs::read_dir(parent).into_iter().flatten().flatten() {
            if !entry.file_type().is_ok_and(|kind| kind.is_symlink()) {
                continue;
            }
            let Ok(to) = entry.path().canonicalize() else { continue };
            let below = parents.iter().find_map(|parent| {
                let name = to.strip_prefix(parent).ok()?.components().next()?;
                Some(parent.join(name))
            });
            if let Some(dir) = below {
                links.entry(dir).or_default().push(entry.path());
            }
        }
    }
    links
}

/// The locks of who merges in the place of a writer: with one of them alone, the run would look as if it went on.
fn locks(dir: &Path) -> io::Result<Option<(Lock, Lock)>> {
    let Some(turn) = Lock::take_turn(dir)? else { return Ok(None) };
    Ok(Lock::take(dir)?.map(|lock| (turn, lock)))
}

/// The logs of a run directory that began, if it is one, all of these are marked, and there is nothing else.
fn logs_of(dir: &Path) -> Result<Vec<PathBuf>, String> {
    let name = dir.file_name().unwrap_or_default().to_string_lossy();
    if !["run-", "offline-run-"].iter().any(|begin| name.starts_with(begin)) {
        return Err("is no run directory by its name".to_owned());
    }
    if Lock::is_taken(dir) || Lock::is_turn_taken(dir) {
        return Err("is still being written".to_owned());
    }
    let entries = fs::read_dir(dir).map_err(|e| e.to_string())?;
    let mut logs = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|e| e.to_string())?;
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        if path.extension().is_some_and(|ending| ending == "wandb") {
            if marker(&path).exists() {
                logs.push(path);
            } else if Beginning::of(&path, &mut |_| ()) != Beginning::Never {
                return Err("is not uploaded".to_owned());
            } else if !is_forsaken(dir, &path) {
                return Err("has not begun yet, or never will, and there is more than that".to_owned());
            }
        } else if !KNOWN.contains(&name.as_str()) && !name.contains(".wandb.") && !is_draft(&name) {
            return Err(format!("`{name}` in it is no part of a run"));
        }
    }
    Ok(logs)
}

/// Whether a log that never began has nothing beside it that somebody could miss, and nobody will go on with it.
fn is_forsaken(dir: &Path, log: &Path) -> bool {
    let written = log.metadata().and_then(|data| data.modified());
    let is_old = written.is_ok_and(|time| time.elapsed().is_ok_and(|age| age >= OLD));
    let own = |entry: io::Result<fs::DirEntry>| {
        entry.is_ok_and(|entry| {
            let name = entry.file_name();
            let is_dir = entry.file_type().is_ok_and(|kind| kind.is_dir());
            let is_empty = || fs::read_dir(entry.path()).is_ok_and(|mut entries| entries.next().is_none());
            OWN_FILES.iter().any(|own| name == *own) && (!is_dir || is_empty())
        })
    };
    let mut files = fs::read_dir(dir.join("files")).into_iter().flatten();
    is_old && files.all(own) && !dir.join("shards").exists()
}

/// What attached children have left that is not in the log.
fn unmerged(log: &Path) -> Option<String> {
    match merge(log, Purpose::Look) {
        // The locks are ours; who has children tells itself.
        Ok(Some(shards)) if shards.open > 0 => Some("children still write".to_owned()),
        Ok(Some(shards)) if shards.records > 0 || shards.refused > 0 || !shards.bad.is_empty() => {
            Some("attached children have left what is not in the log".to_owned())
        }
        Ok(_) => None,
        Err(reason) => Some(reason),
    }
}

/// Stands for the names and the stamps of all that is in a directory, but for what locks it.
fn print(dir: &Path) -> io::Result<u64> {
    let mut hasher = DefaultHasher::new();
    add(dir, true, &mut hasher)?;
    Ok(hasher.finish())
}

fn add(dir: &Path, top: bool, hasher: &mut DefaultHasher) -> io::Result<()> {
    let mut entries = fs::read_dir(dir)?.collect::<io::Result<Vec<_>>>()?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let (path, name) = (entry.path(), entry.file_name());
        if top && path.extension().is_some_and(|ending| ending == "lock") {
            continue;
        }
        name.hash(hasher);
        let meta = entry.metadata()?;
        if meta.is_dir() {
            add(&path, false, hasher)?;
        } else {
            Stamp::of(&meta).hash(hasher);
        }
        0_u8.hash(hasher);
    }
    Ok(())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn every_change_but_a_lock_changes_the_print() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path();
        fs::create_dir_all(dir.join("files/deep")).unwrap();
        fs::write(dir.join("files/deep/a"), "1").unwrap();
        let mut before = print(dir).unwrap();
        assert_eq!(print(dir).unwrap(), before);
        drop(Lock::take(dir).unwrap());
        fs::write(dir.join("run-x.wandb.lock"), "").unwrap();
        assert_eq!(print(dir).unwrap(), before, "locks are no change");
        for change in [
            &|| fs::write(dir.join("files/deep/a"), "12").unwrap(),
            &|| fs::write(dir.join("files/deep/b"), "").unwrap(),
            &|| fs::remove_file(dir.join("files/deep/b")).unwrap(),
            &|| fs::rename(dir.join("files/deep/a"), dir.join("files/a")).unwrap(),
            &|| fs::create_dir(dir.join("shards")).unwrap(),
        ] as [&dyn Fn(); 5]
        {
            change();
            let now = print(dir).unwrap();
            assert_ne!(now, before);
            before = now;
        }
    }
}
