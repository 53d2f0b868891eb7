//! Files with secrets: readable by their owner alone, and never half written.

use std::fs;
use std::path::Path;

use crate::os::files::{dir_of, write_private_for_good};
use crate::upload::Failure;

/// Writes a file, which only its owner can read, in the place of an older one: as a whole, so that nothing is lost when it
/// fails. A directory that is not there is made.
pub(super) fn write(path: &Path, content: &[u8]) -> Result<(), Failure> {
    // Somebody may keep the file elsewhere and have a link here.
    let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let dir = dir_of(path);
    let written = fs::create_dir_all(dir).and_then(|()| write_private_for_good(path, content));
    written.map_err(|source| Failure::File { action: "write", path: path.to_owned(), source })
}
