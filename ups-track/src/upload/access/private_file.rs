//! Files with secrets: readable by their owner alone, and never half written.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use crate::upload::Failure;

/// Writes a file, which only its owner can read, in the place of an older one: as a whole, so that nothing is lost when it
/// fails. A directory that is not there is made.
pub(super) fn write(path: &Path, content: &[u8]) -> Result<(), Failure> {
    // Somebody may keep the file elsewhere and have a link here.
    let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let fault = |source| Failure::File { action: "write", path: path.to_owned(), source };
    let dir = path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."));
    fs::create_dir_all(dir).map_err(fault)?;
    let beside = dir.join(format!(".ups-track-{}", crate::id::generate()));
    let written = create(&beside).and_then(|mut file| {
        file.write_all(content)?;
        file.sync_all()
    });
    written.and_then(|()| fs::rename(&beside, path)).map_err(|e| {
        drop(fs::remove_file(&beside));
        fault(e)
    })
}

fn create(path: &Path) -> io::Result<fs::File> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
