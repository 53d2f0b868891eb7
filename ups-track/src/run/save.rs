//! Defining metrics and saving files.

use std::fs;
use std::io;
use std::path::{Component, Path};

use super::Run;
use crate::error::{Error, Result};
use crate::kinds::file::FilePolicy;
use crate::kinds::summary::Goal;
#[cfg(not(unix))]
use crate::os::files::Draft;
#[cfg(unix)]
use crate::os::files::point;
use crate::os::files::{copy_whole, is_draft};
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

/// Whether a name would stand in the way of a file of ours, or of the folder of values that are files.
fn is_reserved(name: &str) -> bool {
    // File systems of macOS and Windows take names for equal that differ in case.
    let is = |own: &str, name: &str| {
        if cfg!(any(windows, target_os = "macos")) { own.eq_ignore_ascii_case(name) } else { own == name }
    };
    let first = name.split('/').next().unwrap_or_default();
    RESERVED.iter().any(|own| is(own, first)) || is("media", name) || is_draft(name)
}

impl Run {
    /// Saves a file with the run, under the path it has below the current directory, or else under its name.
    ///
    /// With [`FilePolicy::Now`] the run has what the file holds now: it is copied at once. With `End` and `Live` the run has
    /// what the file holds when the run ends (or the attached child or rank that has saved it): until then there is only a
    /// link.
    ///
    /// The end of a run makes these files its own: they share their blocks with the originals where the file system can do
    /// that (btrfs, XFS), and are copied otherwise, the small ones first, up to 1 GB per process (`UPS_TRACK_COPY_LIMIT`, such as
    /// `20G`). Of those beyond that a warning says that the run does not hold them: they are uploaded only as long as nobody
    /// has written to them.
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
        if is_reserved(&name) {
            return Err(refuse(
                io::ErrorKind::InvalidInput,
                "this name is one of W&B's own files; rename the file",
            ));
        }
        let target = live.dir.files.join(&name);
        let result =
            target.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| place(&source, &target, policy));
        result.map_err(|e| Error::io("save the file", path, e))?;
        live.pipeline.saved(&target, policy);
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
    if fs::canonicalize(target).is_ok_and(|there| there == source) {
        // Who has written the file to where it will be goes on with it there; and what leads there already need not again.
        let is_there = !target.is_symlink();
        if is_there || policy != FilePolicy::Now {
            return Ok(());
        }
    }
    match policy {
        FilePolicy::Now => copy_whole(source, target).map(drop),
        FilePolicy::End | FilePolicy::Live => link(source, target),
    }
}

#[cfg(unix)]
fn link(source: &Path, target: &Path) -> io::Result<()> {
    point(target, source)
}

#[cfg(not(unix))]
fn link(source: &Path, target: &Path) -> io::Result<()> {
    let mut draft = Draft::of(target);
    match draft.name_for(source) {
        Ok(()) => draft.place(),
        Err(_) => copy_whole(source, target).map(drop),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::is_reserved;

    #[test]
    fn names_of_ours_are_reserved() {
        for ours in
            ["config.yaml", "output.log", "wandb-summary.json/x", "media", "media/y.ups-track-partial"]
        {
            assert!(is_reserved(ours), "{ours}");
        }
        for theirs in ["config.yaml.partial", "a/config.yaml", "media/x.png", "output.log.new", "Media.txt"] {
            assert!(!is_reserved(theirs), "{theirs}");
        }
        assert_eq!(super::name_below_files(Path::new("/a/../b")).as_deref(), Some("b"));
    }
}
