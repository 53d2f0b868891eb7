//! Whether a process of this machine has a file open to write to it.

use std::path::Path;

/// Whether a process that this one may look at has a file open to write to it. Where nobody can know, none has.
#[cfg(target_os = "linux")]
pub(crate) fn is_open_for_writing(file: &Path) -> bool {
    use std::fs;
    use std::os::unix::fs::MetadataExt as _;

    let Ok(wanted) = fs::metadata(file) else { return false };
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let processes =
        processes.filter(|entry| entry.file_name().to_str().is_some_and(|name| name.parse::<u32>().is_ok()));
    for process in processes {
        // Those of other users cannot be looked at.
        for opened in fs::read_dir(process.path().join("fd")).into_iter().flatten().flatten() {
            let is_it = fs::metadata(opened.path())
                .is_ok_and(|found| (found.dev(), found.ino()) == (wanted.dev(), wanted.ino()));
            if is_it && is_writable(&process.path().join("fdinfo").join(opened.file_name())) {
                return true;
            }
        }
    }
    false
}

/// Whether a descriptor is one to write: the flags of `open`, in octal digits.
#[cfg(target_os = "linux")]
fn is_writable(info: &Path) -> bool {
    let Ok(text) = std::fs::read_to_string(info) else { return false };
    let flags = text.lines().find_map(|line| line.strip_prefix("flags:"));
    let flags = flags.and_then(|flags| i32::from_str_radix(flags.trim(), 8).ok());
    flags.is_some_and(|flags| flags & libc::O_ACCMODE != libc::O_RDONLY)
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn is_open_for_writing(_: &Path) -> bool {
    false
}

#[cfg(all(test, target_os = "linux"))]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn writers_are_seen_and_readers_are_not() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("log");
        std::fs::write(&file, "x").unwrap();
        assert!(!is_open_for_writing(&file));
        let reader = std::fs::File::open(&file).unwrap();
        assert!(!is_open_for_writing(&file));
        let writer = std::fs::File::options().append(true).open(&file).unwrap();
        assert!(is_open_for_writing(&file));
        drop((reader, writer));
        assert!(!is_open_for_writing(&file));
        assert!(!is_open_for_writing(&dir.path().join("none")));
    }
}
