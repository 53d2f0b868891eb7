//! `output.log`, as the console is written to the run's files.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use super::Failure;
use crate::os::files::{Draft, Readers};

/// Makes a directory, unless it is there.
pub(super) fn create_dir(dir: &Path) -> Result<(), Failure> {
    fs::create_dir_all(dir).map_err(|source| Failure::File { action: "create", path: dir.to_owned(), source })
}

/// `output.log`, which takes the place of an older one when it is complete.
pub(super) struct Output {
    file: BufWriter<File>,
    draft: Draft,
    path: PathBuf,
}

impl Output {
    pub(super) fn create(dir: &Path, name: &str) -> Result<Self, Failure> {
        create_dir(dir)?;
        let path = dir.join(name);
        let mut draft = Draft::of(&path);
        let file = draft.create(Readers::All).map_err(|e| Self::fault(&path, e))?;
        Ok(Self { file: BufWriter::new(file), draft, path })
    }

    fn fault(path: &Path, source: std::io::Error) -> Failure {
        Failure::File { action: "write", path: path.to_owned(), source }
    }

    pub(super) fn line(&mut self, text: &str) -> Result<(), Failure> {
        writeln!(self.file, "{text}").map_err(|e| Self::fault(&self.path, e))
    }

    /// Gives the file its name, which is returned.
    pub(super) fn complete(self) -> Result<String, Failure> {
        let Self { mut file, draft, path } = self;
        file.flush().and_then(|()| draft.place()).map_err(|e| Self::fault(&path, e))?;
        Ok(path.file_name().unwrap_or_default().to_string_lossy().into_owned())
    }
}
