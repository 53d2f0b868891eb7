//! A file that appears only once it is complete.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use super::Failure;

/// A file that is being written.
#[derive(Debug)]
pub(super) struct Output {
    file: BufWriter<File>,
    target: PathBuf,
    /// Where the content is until it is complete; none for what is no ordinary file, such as `/dev/stdout`.
    partial: Option<PathBuf>,
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
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(".partial");
        let partial = (!special).then(|| path.with_file_name(name));
        let opened = File::options()
            .write(true)
            .create(!special)
            .truncate(!special)
            .open(partial.as_deref().unwrap_or(path))
            .map_err(|e| fault(path, e))?;
        Ok(Self { file: BufWriter::new(opened), target: path.to_owned(), partial })
    }

    /// Puts the complete file in its place.
    pub(super) fn complete(mut self) -> Result<(), Failure> {
        let done = self.file.flush().and_then(|()| match &self.partial {
            Some(partial) => fs::rename(partial, &self.target),
            None => Ok(()),
        });
        if done.is_ok() {
            self.partial = None;
        }
        done.map_err(|e| fault(&self.target, e))
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

impl Drop for Output {
    fn drop(&mut self) {
        if let Some(partial) = &self.partial {
            // An incomplete export is of no use to anybody.
            drop(fs::remove_file(partial));
        }
    }
}
