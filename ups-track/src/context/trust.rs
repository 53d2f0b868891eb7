//! Files and directories that another user could have planted are not opened: no links, nobody else's, nothing that
//! everybody can write.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io;
use std::path::Path;

/// Opens a regular file that can be trusted; gives it and its length. The error goes on from the file's name.
pub(crate) fn trusted_file(path: &Path) -> Result<(File, u64), String> {
    let mut options = OpenOptions::new();
    options.read(true);
    // A link is refused, and a pipe does not make us wait.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, libc::O_NOFOLLOW | libc::O_NONBLOCK);
    let file = match options.open(path) {
        Ok(file) => file,
        Err(e) if is_link(path) => return Err(format!("is a symbolic link, which is not followed ({e})")),
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Err("does not exist".into()),
        Err(e) => return Err(format!("cannot be opened: {e}")),
    };
    let meta = file.metadata().map_err(|e| format!("cannot be looked at: {e}"))?;
    if meta.is_dir() {
        return Err("is a directory".into());
    }
    if !meta.is_file() {
        return Err("is not a regular file".into());
    }
    owned(&meta)?;
    Ok((file, meta.len()))
}

/// Checks that a directory is there and can be trusted. The error goes on from the directory's name.
pub(crate) fn trusted_dir(path: &Path) -> Result<(), String> {
    let meta = match fs::symlink_metadata(path) {
        Ok(meta) => meta,
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Err("does not exist".into()),
        Err(e) => return Err(format!("cannot be looked at: {e}")),
    };
    if meta.is_symlink() {
        return Err("is a symbolic link, which is not followed".into());
    }
    if !meta.is_dir() {
        return Err("is not a directory".into());
    }
    owned(&meta)
}

fn is_link(path: &Path) -> bool {
    fs::symlink_metadata(path).is_ok_and(|meta| meta.is_symlink())
}

/// Checks whose it is and who can write it. What root has is trusted: root needs no tricks.
#[cfg(unix)]
fn owned(meta: &Metadata) -> Result<(), String> {
    use std::os::unix::fs::MetadataExt as _;
    #[expect(unsafe_code, reason = "std does not tell the user")]
    // SAFETY: `geteuid` has no preconditions and cannot fail.
    let user = unsafe { libc::geteuid() };
    let owner = meta.uid();
    if owner != user && owner != 0 {
        return Err(format!("belongs to user {owner}, and this program runs as user {user}"));
    }
    if meta.mode() & 0o002 != 0 {
        return Err(format!(
            "can be written by everybody (mode {:03o}); take that right away",
            meta.mode() & 0o777
        ));
    }
    Ok(())
}

#[cfg(not(unix))]
fn owned(_: &Metadata) -> Result<(), String> {
    Ok(())
}
