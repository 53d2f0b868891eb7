//! Where a setting comes from. The environment is read through here only, so that tests can bring their own.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use super::{FOR_OTHERS, PARENT_MODE, ini};
use crate::error::{Error, Kind, Result};
use crate::os::small;
use crate::{harmless, say};

/// A raw setting and where it was found, for messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Given {
    pub(crate) value: String,
    pub(crate) from: String,
}

impl Given {
    pub(crate) fn builder(method: &str, value: impl Into<String>) -> Self {
        Self { value: value.into(), from: format!("`Run::builder().{method}(..)`") }
    }

    /// The parts of a comma list.
    pub(crate) fn list(&self) -> Vec<String> {
        self.value.split(',').map(str::trim).filter(|t| !t.is_empty()).map(str::to_owned).collect()
    }

    /// An error that names what, value, origin and rule.
    pub(crate) fn refuse(&self, what: &'static str, rule: impl Into<String>) -> Error {
        Kind::Setting { what, value: self.value.clone(), from: self.from.clone(), rule: rule.into() }.into()
    }
}

/// The environment and the settings files.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sources {
    vars: BTreeMap<String, String>,
    /// The variables whose values are not Unicode, which paths need not be.
    exact: BTreeMap<String, OsString>,
    files: Vec<(PathBuf, BTreeMap<String, String>)>,
    /// Where relative paths begin; empty if the directory is gone.
    pub(crate) current_dir: PathBuf,
    pub(crate) home: Option<PathBuf>,
}

impl Sources {
    /// Reads the process's environment.
    pub(crate) fn process() -> Self {
        let mut sources = Self::default();
        for (name, value) in std::env::vars_os() {
            let Ok(name) = name.into_string() else { continue };
            // A text with a sign for what is no character is still good for a name, and refused where it is not.
            sources.vars.insert(name.clone(), value.to_string_lossy().into_owned());
            if value.to_str().is_none() {
                sources.exact.insert(name, value);
            }
        }
        sources.leave_to_others();
        // Who gives absolute paths needs none.
        sources.current_dir = std::env::current_dir().unwrap_or_default();
        // Nobody's files are below a relative home, which would be wherever the program is started.
        sources.home = std::env::home_dir().filter(|home| home.is_absolute());
        sources
    }

    /// What a parent has put into the environment of an attached child for clients other than this crate is not for us.
    fn leave_to_others(&mut self) {
        let Some(mode) = self.var(PARENT_MODE) else { return };
        let [of_mode, of_writer @ ..] = FOR_OTHERS;
        of_writer.iter().for_each(|name| drop(self.vars.remove(*name)));
        // Another mode was set by somebody who means this process.
        if self.var(of_mode).is_some_and(|given| given.value == "shared") {
            self.vars.insert(of_mode.to_owned(), mode.value);
        }
    }

    /// An environment of its own, for tests.
    #[cfg(test)]
    pub(crate) fn from_vars(vars: &[(&str, &str)], current_dir: &Path) -> Self {
        let vars = vars.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Self { vars, current_dir: current_dir.to_owned(), ..Self::default() }
    }

    /// Sets a variable, as if the environment had it.
    #[cfg(feature = "online")]
    pub(crate) fn set(&mut self, name: &str, value: impl Into<String>) {
        self.exact.remove(name);
        self.vars.insert(name.to_owned(), value.into());
    }

    /// Reads a settings file, if it is there. Files read later have precedence over those read earlier.
    pub(crate) fn read_file(&mut self, path: &Path) -> Result<()> {
        let text = match small::read_text(path) {
            Ok(text) => text,
            Err(e) if e.kind() == io::ErrorKind::InvalidData => {
                return Err(Error::io("read the settings file", path, e));
            }
            Err(e) => {
                out_of_reach(path, &e);
                return Ok(());
            }
        };
        let entries = ini::parse(&text).map_err(|(line, reason)| Kind::Parse {
            path: path.to_owned(),
            reason: format!("line {line}: {reason}"),
        })?;
        self.files.push((path.to_owned(), entries));
        Ok(())
    }

    /// The same, with the settings files as they are now.
    ///
    /// # Errors
    ///
    /// If one is not understood.
    #[cfg(feature = "online")]
    pub(crate) fn read_again(&self) -> Result<Self> {
        let mut sources = Self { files: Vec::new(), ..self.clone() };
        self.files.iter().try_for_each(|(path, _)| sources.read_file(path))?;
        Ok(sources)
    }

    /// An environment variable; an empty one counts as absent, as it does for W&B.
    pub(crate) fn var(&self, name: &str) -> Option<Given> {
        let value = self.vars.get(name).filter(|v| !v.is_empty())?;
        Some(Given { value: value.clone(), from: format!("the environment variable {name}") })
    }

    /// A path that an environment variable gives; a relative one begins in the current directory.
    pub(crate) fn var_path(&self, name: &str) -> Option<PathBuf> {
        let exact = self.exact.get(name).map(PathBuf::from);
        exact.or_else(|| Some(PathBuf::from(self.var(name)?.value))).map(|path| self.current_dir.join(path))
    }

    /// The same, or what settings files have under `setting`.
    pub(crate) fn find_path(&self, var: &str, setting: &str) -> Option<PathBuf> {
        let of_file = || Some(self.current_dir.join(self.find(None, &[], setting)?.value));
        self.var_path(var).or_else(of_file)
    }

    /// All variables whose name begins with `prefix`.
    pub(crate) fn vars_with_prefix<'a>(
        &'a self,
        prefix: &'a str,
    ) -> impl Iterator<Item = (&'a str, &'a str)> {
        self.vars
            .iter()
            .filter(move |(name, _)| name.starts_with(prefix))
            .map(|(k, v)| (k.as_str(), v.as_str()))
    }

    /// The setting `name`: what the builder gave, else one of the variables, else a settings file.
    pub(crate) fn find(&self, builder: Option<Given>, vars: &[&str], name: &str) -> Option<Given> {
        builder.or_else(|| vars.iter().find_map(|var| self.var(var))).or_else(|| {
            self.files.iter().rev().find_map(|(path, entries)| {
                let value = entries.get(name).filter(|v| !v.is_empty())?;
                Some(Given { value: value.clone(), from: format!("`{name}` in {}", path.display()) })
            })
        })
    }

    /// A setting that is on or off.
    pub(crate) fn flag(&self, vars: &[&str], name: &str) -> Result<Option<bool>> {
        let Some(found) = self.find(None, vars, name) else { return Ok(None) };
        match found.value.to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "on" | "t" | "y" => Ok(Some(true)),
            "false" | "0" | "no" | "off" | "f" | "n" => Ok(Some(false)),
            _ => Err(found.refuse("flag", "must be true or false")),
        }
    }
}

/// A file that nobody has asked for is there and cannot be opened: in a container the home may be another user's. Then
/// there is no such file. That is told once, as it may not be what the person thinks.
pub(crate) fn out_of_reach(path: &Path, e: &io::Error) {
    static TOLD: AtomicBool = AtomicBool::new(false);
    if !small::is_absent(e) && !TOLD.swap(true, Ordering::Relaxed) {
        say::warning(&format!("`{}` cannot be read, and counts as absent: {e}", harmless::path(path)));
    }
}
