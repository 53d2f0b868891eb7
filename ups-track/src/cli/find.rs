//! From what a person types to the logs that are meant.

use std::fs;
use std::path::{Path, PathBuf};

use super::Failure;

/// What a path stands for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// One log, or the logs of one run directory.
    Run(Vec<PathBuf>),
    /// A directory of runs, with their logs.
    Runs {
        /// The directory.
        dir: PathBuf,
        /// The logs, in the order of the directories' names.
        logs: Vec<PathBuf>,
    },
}

impl Found {
    /// The logs, whatever was found.
    pub(super) fn into_logs(self) -> Vec<PathBuf> {
        match self {
            Self::Run(logs) | Self::Runs { logs, .. } => logs,
        }
    }
}

/// The paths, or the default one if there is none.
pub(super) fn or_default(paths: &[PathBuf]) -> Vec<PathBuf> {
    if paths.is_empty() { vec![default_dir()] } else { paths.to_vec() }
}

/// Where runs are recorded from here.
fn default_dir() -> PathBuf {
    let root =
        std::env::var_os("WANDB_DIR").filter(|dir| !dir.is_empty()).map(PathBuf::from).unwrap_or_default();
    let hidden = root.join(".wandb");
    if hidden.is_dir() { hidden } else { root.join("wandb") }
}

/// Finds the logs of a path.
pub(super) fn find(path: &Path) -> Result<Found, Failure> {
    match fs::metadata(path) {
        Ok(meta) if meta.is_dir() => in_directory(path),
        Ok(meta) if meta.is_file() => Ok(Found::Run(vec![path.to_owned()])),
        Ok(_) => Err(Failure::Said(format!("`{}` is neither a file nor a directory", path.display()))),
        Err(e) => by_id(path).ok_or_else(|| {
            Failure::Said(format!(
                "cannot read `{}`: {e}; give a `.wandb` file, a run directory or a `wandb` directory",
                path.display()
            ))
        }),
    }
}

/// Exactly one log.
pub(super) fn find_one(path: &Path) -> Result<PathBuf, Failure> {
    let mut logs = find(path)?.into_logs();
    match (logs.pop(), logs.is_empty()) {
        (Some(log), true) => Ok(log),
        (last, _) => Err(Failure::Said(format!(
            "`{}` holds {} logs; name one of them, for example `{}`",
            path.display(),
            logs.len() + 1,
            last.unwrap_or_default().display()
        ))),
    }
}

fn in_directory(dir: &Path) -> Result<Found, Failure> {
    let own = logs_in(dir)?;
    if !own.is_empty() {
        return Ok(Found::Run(own));
    }
    for dir in [dir.to_owned(), dir.join(".wandb"), dir.join("wandb")] {
        let logs = logs_below(&dir);
        if !logs.is_empty() {
            return Ok(if logs.len() == 1 { Found::Run(logs) } else { Found::Runs { dir, logs } });
        }
    }
    Err(Failure::Said(format!(
        "no run in `{}`; give a `.wandb` file, a run directory or a `wandb` directory",
        dir.display()
    )))
}

/// The logs that lie in a directory.
pub(super) fn logs_in(dir: &Path) -> Result<Vec<PathBuf>, Failure> {
    let fault = |e| Failure::Said(format!("cannot read the directory `{}`: {e}", dir.display()));
    let mut logs = Vec::new();
    for entry in fs::read_dir(dir).map_err(fault)? {
        let path = entry.map_err(fault)?.path();
        if path.extension().is_some_and(|e| e == "wandb") && path.is_file() {
            logs.push(path);
        }
    }
    logs.sort();
    Ok(logs)
}

/// The logs of the run directories in a directory. Links such as `latest-run` count only if there is nothing else.
fn logs_below(dir: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(dir) else { return Vec::new() };
    let (mut logs, mut linked) = (Vec::new(), Vec::new());
    for entry in entries.flatten() {
        let is_link = entry.file_type().is_ok_and(|kind| kind.is_symlink());
        // What cannot be listed has no logs that could be read.
        let found = logs_in(&entry.path()).unwrap_or_default();
        if is_link { &mut linked } else { &mut logs }.extend(found);
    }
    if logs.is_empty() {
        logs = linked;
    }
    logs.sort_by(|a, b| a.file_name().cmp(&b.file_name()));
    logs.sort_by(|a, b| stamp(a).cmp(&stamp(b)));
    logs
}

/// What orders runs by time: the directory's name without its `offline-`.
pub(super) fn stamp(log: &Path) -> Option<&str> {
    let name = log.parent()?.file_name()?.to_str()?;
    Some(name.strip_prefix("offline-").unwrap_or(name))
}

/// The runs of an id below the default directory.
fn by_id(id: &Path) -> Option<Found> {
    let id = id.to_str().filter(|id| !id.is_empty() && !id.contains(['/', '\\']))?;
    let wanted = format!("run-{id}.wandb");
    let mut logs = logs_below(&default_dir());
    logs.retain(|log| log.file_name().is_some_and(|name| *name == *wanted));
    (!logs.is_empty()).then_some(Found::Run(logs))
}
