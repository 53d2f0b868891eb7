//! The run's directory, laid out as W&B lays it out.

mod children;
mod output_log;
mod surroundings;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::context::{self, Context, trusted_dir, trusted_file};
use crate::error::{Error, Result};
use crate::harmless;
use crate::os;
#[cfg(unix)]
use crate::os::files::point;
use crate::settings::{Mode, Settings};
use crate::shards;

pub(crate) use children::Names;
pub(crate) use surroundings::Surroundings;

/// `<root>/offline-run-<local time>-<id>/` and what is in it.
#[derive(Debug, Clone)]
pub(crate) struct RunDir {
    pub(crate) path: PathBuf,
    /// The transaction log.
    pub(crate) log: PathBuf,
    /// The run's transaction log, which is another one if the log is a shard.
    pub(crate) run_log: PathBuf,
    /// What file records refer to.
    pub(crate) files: PathBuf,
    /// Our own messages.
    pub(crate) debug_log: PathBuf,
    /// The directory of the shard, if the log is one.
    pub(crate) shard: Option<PathBuf>,
}

impl RunDir {
    /// Creates the directories; `start` in seconds since 1970.
    pub(crate) fn create(settings: &Settings, start: u64) -> Result<Self> {
        let root = &settings.root_dir;
        fs::create_dir_all(root).map_err(|e| Error::io("create the directory", root, e))?;
        let t = os::local_time(start);
        let kind = if settings.mode == Mode::Offline { "offline-run" } else { "run" };
        let name = format!(
            "{kind}-{:04}{:02}{:02}_{:02}{:02}{:02}-{}",
            t.year, t.month, t.day, t.hour, t.minute, t.second, settings.run_id
        );
        let path = create_fresh(root, &name)?;
        let log = path.join(format!("run-{}.wandb", settings.run_id));
        let dir = Self {
            run_log: log.clone(),
            log,
            files: path.join("files"),
            debug_log: path.join("logs").join("debug.log"),
            shard: None,
            path,
        };
        for sub in [&dir.files, &dir.path.join("logs")] {
            make(sub).map_err(|e| Error::io("create the directory", sub, e))?;
        }
        if settings.symlink {
            link(root, "latest-run", &dir.path);
            link(root, "debug.log", &dir.debug_log);
        }
        Ok(dir)
    }
}

impl RunDir {
    /// The directory around a log that is there.
    pub(crate) fn existing(path: &Path, log: &Path) -> Self {
        Self {
            log: log.to_owned(),
            run_log: log.to_owned(),
            files: path.join("files"),
            debug_log: path.join("logs").join("debug.log"),
            shard: None,
            path: path.to_owned(),
        }
    }

    /// Makes a shard in the directory of a context's run. Files are the run's: what is saved there is in place when the
    /// run merges the record of it.
    pub(crate) fn attach(context: &Context, path: &Path, rank: Option<u32>) -> Result<Self> {
        let log = path.join(format!("run-{}.wandb", context.run_id()));
        let files = path.join("files");
        let refuse = |what: &Path, reason: String| {
            context::unknown_run(context, format!("`{}` {reason}", harmless::path(what)))
        };
        for dir in [path, &files] {
            trusted_dir(dir).map_err(|reason| refuse(dir, reason))?;
        }
        trusted_file(&log).map_err(|reason| refuse(&log, reason))?;
        let place = shards::place(path);
        let shard = shards::create(path, rank).map_err(|e| Error::io("make a shard in", &place, e))?;
        Ok(Self {
            log: shard.join(shards::LOG),
            run_log: log,
            files,
            debug_log: shard.join("debug.log"),
            path: path.to_owned(),
            shard: Some(shard),
        })
    }

    /// Where the lock of the log is.
    pub(crate) fn lock_dir(&self) -> &Path {
        self.shard.as_ref().unwrap_or(&self.path)
    }
}

/// Makes a directory that was not there: a second run of the same id in the same second gets a suffix.
fn create_fresh(root: &Path, name: &str) -> Result<PathBuf> {
    let mut path = root.join(name);
    for suffix in 1.. {
        match make(&path) {
            Ok(()) => break,
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {
                path = root.join(format!("{name}-{suffix}"));
            }
            Err(e) => return Err(Error::io("create the directory", &path, e)),
        }
    }
    Ok(path)
}

/// Makes a directory that not everybody can write, whatever the `umask`: attached children would refuse it.
fn make(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o775);
    builder.create(path)
}

/// Points `<root>/<name>` at a path below `root`. A link is a convenience: without it the run is as good.
#[cfg(unix)]
fn link(root: &Path, name: &str, to: &Path) {
    let relative = to.strip_prefix(root).unwrap_or(to);
    // A link that cannot be made is a link less.
    drop(point(&root.join(name), relative));
}

#[cfg(not(unix))]
fn link(_: &Path, _: &str, _: &Path) {}
