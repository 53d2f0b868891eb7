//! The context of a pipeline: a small file that tells a process which run it belongs to.

mod find;
mod trust;

use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::error::{Error, Kind, Result};
use crate::harmless;
use crate::os::files::write_private;
use crate::settings::{Mode, rules};
pub use find::ContextFile;
pub(crate) use find::{FILE, Place, has_written, place, unknown_run};
pub(crate) use trust::{trusted_dir, trusted_file};

/// The version of the file that this crate writes, and the last one that it reads.
const VERSION: u64 = 1;

/// Bytes that a context file has at most.
const MOST: u64 = 64 * 1024;

/// Which run a process belongs to: what a context file holds.
///
/// The file is JSON with the keys that the Python side of UPS reads and writes (`run_id`, `project`, `entity`, `url`);
/// of ours (`version`, `dir`, `mode`, `group`) none is needed, and keys that nobody knows are left alone. It holds no
/// secret. [`Run::save_context`](crate::Run::save_context) writes it, `WANDB_CONTEXT_FILE` names it to child processes.
///
/// ```
/// # let dir = tempfile::tempdir().unwrap();
/// use ups_track::{Context, Mode, Run};
/// let run = Run::builder().project("burgers").mode(Mode::Offline).dir(dir.path()).quiet(true).global(false).start()?;
/// let path = run.save_context(dir.path().join("context.json"))?;
/// let context = Context::load(&path)?;
/// assert_eq!((context.run_id(), context.project()), (run.id(), Some("burgers")));
/// # Ok::<(), ups_track::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Context {
    pub(crate) run_id: String,
    pub(crate) project: Option<String>,
    pub(crate) entity: Option<String>,
    pub(crate) url: Option<String>,
    pub(crate) dir: Option<PathBuf>,
    pub(crate) mode: Option<Mode>,
    pub(crate) group: Option<String>,
}

impl Context {
    /// The run's id.
    pub fn run_id(&self) -> &str {
        &self.run_id
    }

    /// The project, if the file names one.
    pub fn project(&self) -> Option<&str> {
        self.project.as_deref()
    }

    /// The entity, if the file names one.
    pub fn entity(&self) -> Option<&str> {
        self.entity.as_deref()
    }

    /// Where people look at the run; none for a run that is offline.
    pub fn url(&self) -> Option<&str> {
        self.url.as_deref()
    }

    /// The run's directory; none if another program than one of ours has the run.
    pub fn dir(&self) -> Option<&Path> {
        self.dir.as_deref()
    }

    /// The run's mode, if the file tells.
    pub fn mode(&self) -> Option<Mode> {
        self.mode
    }

    /// The group that ties the pipeline's runs together, if the file tells.
    pub fn group(&self) -> Option<&str> {
        self.group.as_deref()
    }

    /// Reads a context file.
    ///
    /// # Errors
    ///
    /// If the file is missing, a directory, a symbolic link, larger than 64 KiB, of another user (other than root) or
    /// writable by everybody, no such JSON, of a newer version, or without a good run id. The error names the path and
    /// what was expected.
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let refuse = |reason: String| Error::from(Kind::Context { path: harmless::path(path), reason });
        let (file, length) = trusted_file(path).map_err(refuse)?;
        if length > MOST {
            return Err(refuse(format!("has {length} bytes, and a context file has at most {MOST}")));
        }
        let mut text = String::new();
        let read = file.take(MOST + 1).read_to_string(&mut text);
        read.map_err(|e| refuse(format!("cannot be read as text: {e}")))?;
        let value: Value = serde_json::from_str(&text).map_err(|e| refuse(format!("is not JSON: {e}")))?;
        Self::from_json(&value).map_err(refuse)
    }

    fn from_json(value: &Value) -> Result<Self, String> {
        let Value::Object(entries) = value else { return Err("is JSON, but not an object".into()) };
        match entries.get("version") {
            None | Some(Value::Null) => {}
            Some(version) if version.as_u64().is_some_and(|v| (1..=VERSION).contains(&v)) => {}
            Some(version) => {
                let version = harmless::clean(&version.to_string()).into_owned();
                return Err(format!(
                    "is of version {version}, and this program reads up to version {VERSION}: update ups-track"
                ));
            }
        }
        let text = |key: &str| match entries.get(key) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) if text.is_empty() => Ok(None),
            Some(Value::String(text)) if text.chars().any(char::is_control) => {
                Err(format!("has control characters in `{key}`"))
            }
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(_) => Err(format!("has a `{key}` that is neither text nor null")),
        };
        let run_id = text("run_id")?.ok_or("has no `run_id`")?;
        let shown = |value: &str| harmless::clean(value).into_owned();
        rules::run_id(&run_id)
            .map_err(|rule| format!("has the run id `{}`, which {rule}", shown(&run_id)))?;
        let project = text("project")?;
        if let Some(project) = &project {
            rules::project(project)
                .map_err(|rule| format!("has the project `{}`, which {rule}", shown(project)))?;
        }
        let mode = match text("mode")? {
            None => None,
            Some(word) => Some(Mode::from_word(&word).ok_or_else(|| {
                format!("has the mode `{}`; it must be online, offline, shared or disabled", shown(&word))
            })?),
        };
        let dir = text("dir")?.map(PathBuf::from);
        if let Some(dir) = dir.as_ref().filter(|dir| !is_plain(dir)) {
            return Err(format!(
                "has the directory `{}`, which must be absolute and without `..`",
                harmless::path(dir)
            ));
        }
        Ok(Self {
            run_id,
            project,
            entity: text("entity")?,
            url: text("url")?,
            dir,
            mode,
            group: text("group")?,
        })
    }

    /// Writes a context file, so that readers see the old content or the new. On Unix only its owner can read it.
    ///
    /// # Errors
    ///
    /// If the file cannot be written, or the run's directory has a name that is not Unicode.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<()> {
        let path = path.as_ref();
        let fault = |e| Error::io("write the context file", path, e);
        let not_unicode = || {
            fault(io::Error::new(
                io::ErrorKind::InvalidData,
                "the name of the run's directory is not Unicode",
            ))
        };
        let dir = self.dir.as_ref().map(|dir| dir.to_str().ok_or_else(not_unicode)).transpose()?;
        let json = json!({
            "version": VERSION,
            "run_id": self.run_id,
            "project": self.project,
            "entity": self.entity,
            "url": self.url,
            "dir": dir,
            "mode": self.mode.map(Mode::as_str),
            "group": self.group,
        });
        let mut text = format!("{json:#}").into_bytes();
        text.push(b'\n');
        write_private(path, &text).map_err(fault)
    }
}

/// Absolute, and without a way back up.
fn is_plain(dir: &Path) -> bool {
    dir.is_absolute() && !dir.components().any(|part| part == std::path::Component::ParentDir)
}

#[cfg(test)]
mod tests;
