//! Defining metrics and saving files.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use super::Run;
use super::dir::RunDir;
use crate::error::{Error, Result};
use crate::kinds::file::FilePolicy;
use crate::kinds::summary::Goal;
use crate::recorder::{Definition, Op, SummaryWords};
use crate::say;

/// A metric definition that is being put together; [`send`](Self::send) records it.
#[derive(Debug)]
#[must_use = "a definition does nothing until `send` is called"]
pub struct MetricDefinition<'run> {
    run: &'run Run,
    definition: Definition,
}

impl<'run> MetricDefinition<'run> {
    pub(super) fn new(run: &'run Run, name: String) -> Self {
        Self { run, definition: Definition { name, ..Definition::default() } }
    }

    /// Charts the metric against this one.
    pub fn step(mut self, metric: impl Into<String>) -> Self {
        self.definition.step = Some(metric.into());
        self
    }

    /// Sets what the summary keeps: `min`, `max`, `mean`, `first`, `last`, `none`, separated by commas. An unknown word
    /// is refused with a warning.
    pub fn summary(mut self, words: &str) -> Self {
        match SummaryWords::parse(words) {
            Ok(words) => self.definition.summary = words,
            Err(unknown) => {
                say::warning(&format!(
                    "metric `{}`: unknown summary word `{unknown}`; words are min, max, mean, first, last, none",
                    self.definition.name
                ));
                self.run.op(|| Op::Refused("definitions"));
            }
        }
        self
    }

    /// Sets which direction is better.
    pub fn goal(mut self, goal: Goal) -> Self {
        self.definition.goal = Some(goal);
        self
    }

    /// Hides the metric from automatic charts.
    pub fn hidden(mut self) -> Self {
        self.definition.hidden = true;
        self
    }

    /// Replaces an earlier definition instead of adding to it.
    pub fn overwrite(mut self) -> Self {
        self.definition.overwrite = true;
        self
    }

    /// Records the definition. A `*` anywhere but at the end is refused with a warning.
    pub fn send(self) {
        let name = &self.definition.name;
        if name.is_empty() || name.strip_suffix('*').unwrap_or(name).contains('*') {
            say::warning(&format!(
                "metric definition `{name}`: a name is not empty and has `*` only at its end"
            ));
            return self.run.op(|| Op::Refused("definitions"));
        }
        self.run.op(|| Op::Define(self.definition));
    }
}

/// Files in `files/` that are W&B's own.
const RESERVED: &[&str] =
    &["config.yaml", "wandb-summary.json", "wandb-metadata.json", "output.log", "requirements.txt"];

impl Run {
    /// Saves a file with the run, under the path it has below the current directory, or else under its name.
    ///
    /// With [`FilePolicy::Now`] the content is copied at once. With `End` and `Live` it is what the file holds when the
    /// run ends: until then there is only a link.
    ///
    /// # Errors
    ///
    /// If there is no such file, it cannot be linked or copied, or its name is one of W&B's own files
    /// (`config.yaml`, `output.log`, …).
    pub fn save_file(&self, path: impl AsRef<Path>, policy: FilePolicy) -> Result<()> {
        let Some(live) = &self.0.live else { return Ok(()) };
        let path = path.as_ref();
        let refuse =
            |kind, text: &str| Error::io("save the file", path, io::Error::new(kind, text.to_owned()));
        let source = fs::canonicalize(path).map_err(|e| Error::io("save the file", path, e))?;
        if !source.is_file() {
            return Err(refuse(io::ErrorKind::InvalidInput, "it is not a file"));
        }
        let name = name_below_files(path)
            .ok_or_else(|| refuse(io::ErrorKind::InvalidInput, "its name is not Unicode or empty"))?;
        if RESERVED.contains(&name.as_str()) {
            return Err(refuse(
                io::ErrorKind::InvalidInput,
                "this name is one of W&B's own files; rename the file",
            ));
        }
        let target = live.dir.files.join(&name);
        let result =
            target.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| place(&source, &target, policy));
        result.map_err(|e| Error::io("save the file", path, e))?;
        live.pipeline.saved(&live.dir, &target, policy);
        live.recorder.op(Op::File { path: name, policy });
        Ok(())
    }
}

/// Where a file stands below `files/`, with `/` between the parts.
fn name_below_files(path: &Path) -> Option<String> {
    let here = std::env::current_dir().ok();
    let relative = here.as_deref().and_then(|here| path.strip_prefix(here).ok()).unwrap_or(path);
    let mut parts = Vec::new();
    for part in relative.components() {
        match part {
            Component::Normal(part) => parts.push(part.to_str()?),
            Component::CurDir => {}
            // Outside the current directory: the name alone.
            Component::ParentDir | Component::RootDir | Component::Prefix(_) => {
                return path.file_name()?.to_str().map(str::to_owned);
            }
        }
    }
    (!parts.is_empty()).then(|| parts.join("/"))
}

fn place(source: &Path, target: &Path, policy: FilePolicy) -> io::Result<()> {
    if policy != FilePolicy::Now && fs::canonicalize(target).is_ok_and(|there| there == source) {
        return Ok(());
    }
    // Made beside the target: other processes of the run may save a file of this name at the same time.
    let partial = target.with_added_extension(format!("{}.ups-track-partial", crate::id::generate()));
    let placed = match policy {
        FilePolicy::Now => fs::copy(source, &partial).map(|_| ()),
        FilePolicy::End | FilePolicy::Live => link(source, &partial),
    };
    let placed = placed.and_then(|()| fs::rename(&partial, target));
    if placed.is_err() {
        drop(fs::remove_file(&partial));
    }
    placed
}

#[cfg(unix)]
fn link(source: &Path, target: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(source, target)
}

#[cfg(not(unix))]
fn link(source: &Path, target: &Path) -> io::Result<()> {
    fs::hard_link(source, target).or_else(|_| fs::copy(source, target).map(|_| ()))
}

/// Replaces the links in `files/` by what they point to, so that the run keeps its files whatever happens to the
/// originals: a hard link where that is possible, a copy otherwise.
pub(super) fn settle(dir: &RunDir) {
    let mut folders = vec![dir.files.clone()];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else { continue };
        for entry in entries.flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(entry.path()),
                Ok(kind) if kind.is_symlink() => settle_link(&entry.path()),
                _ => {}
            }
        }
    }
}

pub(super) fn settle_link(link: &Path) {
    let kept = fs::canonicalize(link).and_then(|source| {
        let temporary: PathBuf = link.with_extension("ups-track-partial");
        fs::hard_link(&source, &temporary).or_else(|_| fs::copy(&source, &temporary).map(|_| ()))?;
        fs::rename(&temporary, link)
    });
    if let Err(e) = kept {
        say::warning(&format!("the saved file `{}` could not be kept with the run: {e}", link.display()));
    }
}
