//! The end of a run makes its saved files its own: until then `files/` has links to them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::{fs, io};

use crate::log::outside;
use crate::os::files::{Draft, Stamp, copy_whole, share_whole};
use crate::os::lock::Lock;
use crate::rundir::RunDir;
use crate::say;
use crate::shards;

/// Names that a message lists.
const LISTED: usize = 3;

/// Puts what saved files are now into the run: those that this process has saved and, if it is the run's own and no other
/// one records into it any more, all that there are.
///
/// A file shares its blocks with the original where the file system can do that. Otherwise it is copied, the small ones first, up
/// to `limit` bytes in all. What is left stays the user's file, and it is remembered which version of it was the run's.
pub(super) fn keep(dir: &RunDir, own: BTreeSet<PathBuf>, limit: u64) {
    let links =
        if dir.shard.is_none() && !has_live_shards(&dir.path) { links_below(&dir.files) } else { own };
    let (mut waiting, mut rest) = (Vec::new(), Rest::default());
    for link in links.into_iter().filter(|link| link.is_symlink()) {
        match source_of(&link) {
            Ok((_, source)) if share_whole(&source, &link).is_ok() => {}
            Ok((length, source)) => waiting.push((length, source, link)),
            Err(e) => lost(&link, &e),
        }
    }
    waiting.sort();
    let mut left = limit;
    for (length, source, link) in waiting {
        if length > left {
            rest.leave(dir, &source, &link, length);
            continue;
        }
        left -= length;
        match copy_whole(&source, &link) {
            Ok(true) => {}
            Ok(false) => say::warning(&format!(
                "the saved file `{}` was written to while the run copied it at its end; what the run has of it may be parts of several versions",
                source.display()
            )),
            Err(e) => {
                rest.trouble.get_or_insert(e.to_string());
                rest.leave(dir, &source, &link, length);
            }
        }
    }
    rest.settle(dir, limit);
}

/// Whether children or other ranks still record into the run: they keep their own files when they end.
fn has_live_shards(run_dir: &Path) -> bool {
    let place = shards::place(run_dir);
    shards::list(run_dir).0.iter().any(|name| Lock::is_taken(&place.join(name)))
}

fn links_below(files: &Path) -> BTreeSet<PathBuf> {
    let mut links = BTreeSet::new();
    let mut folders = vec![files.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(entry.path()),
                Ok(kind) if kind.is_symlink() => drop(links.insert(entry.path())),
                _ => {}
            }
        }
    }
    links
}

/// What a link leads to, and its length.
fn source_of(link: &Path) -> io::Result<(u64, PathBuf)> {
    let source = fs::canonicalize(link)?;
    let meta = fs::metadata(&source)?;
    if meta.is_file() { Ok((meta.len(), source)) } else { Err(io::Error::other("it is no file any more")) }
}

fn lost(link: &Path, e: &io::Error) {
    say::warning(&format!("the saved file `{}` could not be kept with the run: {e}", link.display()));
}

/// The files that the run does not hold.
#[derive(Debug, Default)]
struct Rest {
    stamps: BTreeMap<String, Stamp>,
    bytes: u64,
    /// Why one that is small enough could not be copied.
    trouble: Option<String>,
}

impl Rest {
    fn leave(&mut self, dir: &RunDir, source: &Path, link: &Path, length: u64) {
        // Another name of the same file outlasts that the user removes or replaces it; being written to it does not.
        let mut draft = Draft::of(link);
        if draft.name_for(source).is_ok() {
            // If it stays a link, that is what it was.
            drop(draft.place());
        }
        let name = link.strip_prefix(&dir.files).unwrap_or(link);
        let parts: Vec<_> = name.iter().map(|part| part.to_string_lossy()).collect();
        let name = parts.join("/");
        match fs::metadata(link) {
            Ok(meta) => drop(self.stamps.insert(name, Stamp::of(&meta))),
            Err(e) => return lost(link, &e),
        }
        self.bytes += length;
    }

    fn settle(&self, dir: &RunDir, limit: u64) {
        if self.stamps.is_empty() {
            return;
        }
        let part = dir.shard.as_ref().and_then(|shard| shard.file_name()).map(|name| name.to_string_lossy());
        if let Err(e) = outside::remember(&dir.run_log, part.as_deref(), &self.stamps) {
            say::warning(&format!("what the saved files were at the run's end cannot be remembered: {e}"));
        }
        let count = self.stamps.len();
        let mut names: Vec<_> = self.stamps.keys().take(LISTED).map(|name| format!("`{name}`")).collect();
        if count > LISTED {
            names.push(format!("and {} more", count - LISTED));
        }
        let (files, they) = if count == 1 { ("saved file", "it is") } else { ("saved files", "they are") };
        let why = match &self.trouble {
            Some(e) => format!("could not be copied ({e})"),
            None => format!(
                "would be more than the {} that a run copies at its end (UPS_TRACK_COPY_LIMIT)",
                crate::shown::bytes(limit)
            ),
        };
        say::warning(&format!(
            "{count} {files}, {} ({}), {why}: the run does not hold {}, and an upload sends {} only as long as {they} not written to; upload the run before that",
            names.join(", "),
            crate::shown::bytes(self.bytes),
            if count == 1 { "it" } else { "them" },
            if count == 1 { "it" } else { "them" },
        ));
    }
}
