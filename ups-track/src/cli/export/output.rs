//! A file that appears only once it is complete.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::Failure;
use crate::os::files::{Draft, Readers};

/// A file that is being written.
#[derive(Debug)]
pub(super) struct Output {
    file: BufWriter<File>,
    target: PathBuf,
    /// Where the content is until it is complete; none for what is no ordinary file, such as `/dev/stdout`.
    draft: Option<Draft>,
}

impl Output {
    /// Begins a file. A file that is there is replaced in the end, but never a log.
    pub(super) fn create(path: &Path) -> Result<Self, Failure> {
        if path.extension().is_some_and(|extension| extension == "wandb") {
            return Err(Failure::Said(format!(
                "`{}` is the name of a log, which an export must not replace; choose another `--output`",
                path.display()
            )));
        }
        let special = fs::metadata(path).is_ok_and(|meta| !meta.is_file());
        let (file, draft) = if special {
            (File::options().write(true).open(path), None)
        } else {
            let mut draft = Draft::of(path);
            (draft.create(Readers::All), Some(draft))
        };
        let file = BufWriter::new(file.map_err(|e| fault(path, e))?);
        Ok(Self { file, target: path.to_owned(), draft })
    }

    /// Puts the complete file in its place.
    pub(super) fn complete(self) -> Result<(), Failure> {
        let Self { mut file, target, draft } = self;
        let done = file.flush().and_then(|()| draft.map_or(Ok(()), Draft::place));
        done.map_err(|e| fault(&target, e))
    }
}

/// What went wrong, with the path; a closed pipe stays what it is.
pub(super) fn fault(path: &Path, e: io::Error) -> Failure {
    if e.kind() == io::ErrorKind::BrokenPipe {
        return Failure::Output(e);
    }
    Failure::Said(format!("cannot write `{}`: {e}; choose another `--output`", path.display()))
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}
