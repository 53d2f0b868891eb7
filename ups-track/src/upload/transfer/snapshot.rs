//! Files as they are at one moment: their digests, and copies of those that do not hold still.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::path::Path;
use std::time::SystemTime;

use sha2::{Digest as _, Sha256};

use crate::os::files::{Draft, Readers};
use crate::upload::transport::Digest;

/// How often a file is copied that changes meanwhile.
const COPIES: usize = 3;

/// Bytes that are read at a time.
const PIECE: usize = 64 * 1024;

/// What a file was when it was looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Look {
    pub(super) length: u64,
    pub(super) digest: Digest,
}

/// Looks at a file.
///
/// # Errors
///
/// If it cannot be read, or is none: a pipe would never end.
pub(super) fn look(path: &Path) -> io::Result<Look> {
    let found = path.metadata()?;
    if !found.is_file() {
        return Err(io::Error::other("is no file"));
    }
    let length = found.len();
    Ok(Look { length, digest: digest(&mut File::open(path)?, length, &mut io::sink())?.1 })
}

/// Reads up to so many bytes, which are written elsewhere as well: how many there were, and their digest.
fn digest(file: &mut File, length: u64, to: &mut impl Write) -> io::Result<(u64, Digest)> {
    let mut hash = Sha256::new();
    let mut piece = vec![0; PIECE];
    let (mut file, mut read) = (file.take(length), 0);
    loop {
        let some = file.read(&mut piece)?;
        if some == 0 {
            return Ok((read, hash.finalize().into()));
        }
        let bytes = piece.get(..some).unwrap_or_default();
        hash.update(bytes);
        to.write_all(bytes)?;
        read += some as u64;
    }
}

/// A copy of a file, which is gone when this is dropped.
#[derive(Debug)]
pub(super) struct Snapshot {
    file: File,
    /// Its name, on systems on which an open file must have one.
    _name: Option<Draft>,
    pub(super) look: Look,
}

impl Snapshot {
    /// Copies a file into a directory; none if it never holds still for as long.
    ///
    /// # Errors
    ///
    /// If the file cannot be read or the copy not be written.
    pub(super) fn take(path: &Path, dir: &Path) -> io::Result<Option<Self>> {
        let mut name = Draft::of(&dir.join("upload"));
        let file = name.create(Readers::All)?;
        let name = if cfg!(unix) { None } else { Some(name) };
        let look = Look { length: 0, digest: Digest::default() };
        let mut copy = Self { file, _name: name, look };
        for _ in 0..COPIES {
            if copy.copied(path)? {
                return Ok(Some(copy));
            }
        }
        Ok(None)
    }

    /// Copies once; tells whether the file was the same all the time.
    fn copied(&mut self, path: &Path) -> io::Result<bool> {
        // One that is replaced by another file stays whole under this handle.
        let mut from = File::open(path)?;
        let before = stamp(&from)?;
        self.file.rewind()?;
        self.file.set_len(0)?;
        let (length, first) = digest(&mut from, before.0, &mut self.file)?;
        // Times of files are coarse: what has changed within one tick shows when it is read again.
        from.rewind()?;
        let (again, second) = digest(&mut from, before.0, &mut io::sink())?;
        self.look = Look { length, digest: first };
        Ok(stamp(&from)? == before && length == before.0 && again == length && first == second)
    }

    /// The copy from its beginning.
    pub(super) fn open(&self) -> io::Result<File> {
        let mut file = self.file.try_clone()?;
        file.rewind()?;
        Ok(file)
    }
}

/// Length and time of the last change.
fn stamp(file: &File) -> io::Result<(u64, Option<SystemTime>)> {
    let found = file.metadata()?;
    Ok((found.len(), found.modified().ok()))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_copy_is_the_file_and_leaves_nothing_behind() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a");
        fs::write(&path, "one version").unwrap();
        let copy = Snapshot::take(&path, dir.path()).unwrap().unwrap();
        assert_eq!(copy.look, look(&path).unwrap());
        fs::write(&path, "another").unwrap();
        for _ in 0..2 {
            let mut text = String::new();
            copy.open().unwrap().read_to_string(&mut text).unwrap();
            assert_eq!(text, "one version");
        }
        drop(copy);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
        assert!(Snapshot::take(&dir.path().join("none"), dir.path()).is_err());
        assert!(look(dir.path()).is_err());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}
