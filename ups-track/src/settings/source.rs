//! Where a setting comes from. The environment is read through here only, so that tests can bring their own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use super::ini;
use crate::error::{Error, Kind, Result};

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
#[derive(Debug, Default)]
pub(crate) struct Sources {
    vars: BTreeMap<String, String>,
    files: Vec<(PathBuf, BTreeMap<String, String>)>,
    pub(crate) current_dir: PathBuf,
    pub(crate) home: Option<PathBuf>,
}

impl Sources {
    /// Reads the process's environment.
    pub(crate) fn process() -> Result<Self> {
        let mut vars = BTreeMap::new();
        for (name, value) in std::env::vars_os() {
            let (Ok(name), Ok(value)) = (name.into_string(), value.into_string()) else { continue };
            vars.insert(name, value);
        }
        let current_dir =
            std::env::current_dir().map_err(|e| Error::io("find the current directory", ".", e))?;
        Ok(Self { vars, files: Vec::new(), current_dir, home: std::env::home_dir() })
    }

    /// An environment of its own, for tests.
    #[cfg(test)]
    pub(crate) fn from_vars(vars: &[(&str, &str)], current_dir: &Path) -> Self {
        let vars = vars.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        Self { vars, files: Vec::new(), current_dir: current_dir.to_owned(), home: None }
    }

    /// Sets a variable, as if the environment had it.
    #[cfg(feature = "online")]
    pub(crate) fn set(&mut self, name: &str, value: impl Into<String>) {
        self.vars.insert(name.to_owned(), value.into());
    }

    /// Reads a settings file, if it is there. Files read later have precedence over those read earlier.
    pub(crate) fn read_file(&mut self, path: &Path) -> Result<()> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(e)
                if matches!(e.kind(), std::io::ErrorKind::NotFound | std::io::ErrorKind::NotADirectory) =>
            {
                return Ok(());
            }
            Err(e) => return Err(Error::io("read the settings file", path, e)),
        };
        let entries = ini::parse(&text).map_err(|(line, reason)| Kind::Parse {
            path: path.to_owned(),
            reason: format!("line {line}: {reason}"),
        })?;
        self.files.push((path.to_owned(), entries));
        Ok(())
    }

    /// An environment variable; an empty one counts as absent, as it does for W&B.
    pub(crate) fn var(&self, name: &str) -> Option<Given> {
        let value = self.vars.get(name).filter(|v| !v.is_empty())?;
        Some(Given { value: value.clone(), from: format!("the environment variable {name}") })
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
