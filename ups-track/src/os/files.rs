//! Files that are there whole or not at all, and copies that hold what a file was at one moment.
//!
//! What is written here is written under a new name beside its place and then takes that place. So readers see the old
//! content or the new, two writers do not meet, and a link that stands in the place is replaced, never followed: it may
//! lead to a file of the user's.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};

/// What the names of drafts end with.
const ENDING: &str = ".ups-track-partial";

/// Who may read a new file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Readers {
    /// Whoever the `umask` lets.
    All,
    /// Its owner alone: it holds a secret.
    Owner,
}

/// A file (or link) that is being made under a name of its own, until it is put in its place. Dropped before, it is removed.
#[derive(Debug)]
pub(crate) struct Draft {
    path: PathBuf,
    target: PathBuf,
    /// Whether there may be something under the name.
    made: bool,
}

impl Draft {
    /// A draft of what shall stand at `target`.
    pub(crate) fn of(target: &Path) -> Self {
        Self { path: fresh_name(target), target: target.to_owned(), made: false }
    }

    /// A draft that nobody else can be making, as the caller holds a lock: it has the same name each time, so that what was
    /// left of one that was killed takes no room for long.
    pub(crate) fn locked(target: &Path, ending: &str) -> Self {
        let mut name = target.as_os_str().to_owned();
        name.push(ending);
        let path = PathBuf::from(name);
        drop(fs::remove_file(&path));
        Self { path, target: target.to_owned(), made: true }
    }

    /// Where it is until it is put in its place.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Where the draft will be: the caller makes it there.
    #[cfg(feature = "online")]
    pub(crate) fn made_by_caller(&mut self) -> &Path {
        self.made = true;
        &self.path
    }

    /// Makes the file.
    pub(crate) fn create(&mut self, readers: Readers) -> io::Result<File> {
        self.make(|path| create_new(path, readers))
    }

    /// Makes a symbolic link.
    #[cfg(unix)]
    pub(crate) fn link_to(&mut self, to: &Path) -> io::Result<()> {
        self.make(|path| std::os::unix::fs::symlink(to, path))
    }

    /// Makes another name of a file.
    pub(crate) fn name_for(&mut self, file: &Path) -> io::Result<()> {
        self.make(|path| fs::hard_link(file, path))
    }

    fn make<T>(&mut self, make: impl Fn(&Path) -> io::Result<T>) -> io::Result<T> {
        loop {
            match make(&self.path) {
                // Somebody else's: it stays.
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => self.path = fresh_name(&self.target),
                Err(e) => return Err(e),
                Ok(made) => {
                    self.made = true;
                    return Ok(made);
                }
            }
        }
    }

    /// Puts it in its place.
    pub(crate) fn place(mut self) -> io::Result<()> {
        fs::rename(&self.path, &self.target)?;
        self.made = false;
        Ok(())
    }

    /// The same, so that it outlasts a power cut.
    pub(crate) fn place_for_good(self) -> io::Result<()> {
        File::open(&self.path)?.sync_all()?;
        let dir = dir_of(&self.target).to_owned();
        self.place()?;
        // The new name as well, where the system can promise that.
        drop(File::open(dir).and_then(|dir| dir.sync_all()));
        Ok(())
    }
}

impl Drop for Draft {
    fn drop(&mut self) {
        if self.made {
            // What is not complete is of no use to anybody.
            drop(fs::remove_file(&self.path));
        }
    }
}

/// Whether a name is that of a draft, as a process that was killed leaves one.
pub(crate) fn is_draft(name: &str) -> bool {
    name.ends_with(ENDING)
}

/// The directory in which a file is, also of a bare name.
pub(crate) fn dir_of(path: &Path) -> &Path {
    path.parent().filter(|dir| !dir.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// A name beside a file that no other file has. It says what it is, in what a file name may be long.
fn fresh_name(target: &Path) -> PathBuf {
    let name: String = target.file_name().unwrap_or_default().to_string_lossy().chars().take(40).collect();
    target.with_file_name(format!(".{name}.{}{ENDING}", crate::os::id::generate()))
}

fn create_new(path: &Path, readers: Readers) -> io::Result<File> {
    let mut options = OpenOptions::new();
    // Does not follow a link either.
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    if readers == Readers::Owner {
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    }
    #[cfg(not(unix))]
    let _ = readers;
    options.open(path)
}

/// Writes a file so that readers see the old content or the new, never a part.
pub(crate) fn write_whole(path: &Path, content: &[u8]) -> io::Result<()> {
    write(path, content, Readers::All)?.place()
}

/// The same for one that is not lost in a power cut.
#[cfg(feature = "online")]
pub(crate) fn write_whole_for_good(path: &Path, content: &[u8]) -> io::Result<()> {
    write(path, content, Readers::All)?.place_for_good()
}

/// The same for a file that only its owner can read.
pub(crate) fn write_private(path: &Path, content: &[u8]) -> io::Result<()> {
    write(path, content, Readers::Owner)?.place()
}

/// The same for one that is not lost in a power cut.
#[cfg(feature = "online")]
pub(crate) fn write_private_for_good(path: &Path, content: &[u8]) -> io::Result<()> {
    write(path, content, Readers::Owner)?.place_for_good()
}

fn write(path: &Path, content: &[u8], readers: Readers) -> io::Result<Draft> {
    let mut draft = Draft::of(path);
    draft.create(readers)?.write_all(content)?;
    Ok(draft)
}

/// Points `path` at `to`, whatever stood there.
#[cfg(unix)]
pub(crate) fn point(path: &Path, to: &Path) -> io::Result<()> {
    let mut draft = Draft::of(path);
    draft.link_to(to)?;
    draft.place()
}

/// Opens a file whose every write goes to its end. A link in its place is an error: it may lead to a file of the user's.
#[cfg(feature = "online")]
pub(crate) fn append_to(path: &Path) -> io::Result<File> {
    open_unlinked(OpenOptions::new().append(true).create(true), path)
}

/// Opens a file to go on at its end, and to take back what was written there. A link in its place is an error.
pub(crate) fn write_at_end(path: &Path) -> io::Result<File> {
    let mut file = open_unlinked(OpenOptions::new().write(true).create(true).truncate(false), path)?;
    file.seek(SeekFrom::End(0))?;
    Ok(file)
}

fn open_unlinked(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(options, libc::O_NOFOLLOW);
    options.open(path)
}

/// Opens a regular file to read. A pipe is an error, and does not make us wait.
pub(crate) fn open_regular(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, libc::O_NONBLOCK);
    let file = options.open(path)?;
    if file.metadata()?.is_file() { Ok(file) } else { Err(io::Error::other("it is no file")) }
}

/// What tells whether a file is still the one that it was, without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct Stamp {
    length: u64,
    /// Time of the last change, nanoseconds since 1970.
    changed: u128,
    /// Which file of its file system it is; 0 where the system does not tell.
    file: u64,
}

impl Stamp {
    pub(crate) fn of(meta: &fs::Metadata) -> Self {
        let changed = meta.modified().ok();
        let since = changed.and_then(|time: SystemTime| time.duration_since(UNIX_EPOCH).ok());
        #[cfg(unix)]
        let file = std::os::unix::fs::MetadataExt::ino(meta);
        #[cfg(not(unix))]
        let file = 0;
        Self { length: meta.len(), changed: since.map_or(0, |since| since.as_nanos()), file }
    }
}

/// How often a file is copied that changes meanwhile.
const COPIES: usize = 3;

/// Copies a file, permissions included, as it is at one moment. One that never holds still for as long is copied as it
/// comes, which the flag then says.
pub(crate) fn copy_whole(source: &Path, target: &Path) -> io::Result<bool> {
    let from = open_regular(source)?;
    let mut draft = Draft::of(target);
    let to = draft.create(Readers::All)?;
    let still = share(&from, &to).is_ok() || copy(from, &to, source)?;
    finish_copy(source, &to)?;
    draft.place()?;
    Ok(still)
}

/// Puts at `target` a copy that shares its blocks with the file until one of the two is written to: it takes no time and no
/// room. An error where the file system has no such thing.
pub(crate) fn share_whole(source: &Path, target: &Path) -> io::Result<()> {
    let from = open_regular(source)?;
    let mut draft = Draft::of(target);
    let to = draft.create(Readers::All)?;
    share(&from, &to)?;
    finish_copy(source, &to)?;
    draft.place()
}

/// Copies a file that nobody writes to a name that is not taken; gives the copy.
pub(crate) fn copy_new(source: &Path, target: &Path) -> io::Result<File> {
    let (from, to) = (open_regular(source)?, create_new(target, Readers::All)?);
    if share(&from, &to).is_err() {
        copy(from, &to, source)?;
    }
    finish_copy(source, &to)?;
    Ok(to)
}

fn finish_copy(source: &Path, to: &File) -> io::Result<()> {
    to.set_permissions(fs::metadata(source)?.permissions())
}

fn copy(mut from: File, mut to: &File, source: &Path) -> io::Result<bool> {
    for _ in 0..COPIES {
        let before = Stamp::of(&from.metadata()?);
        to.set_len(0)?;
        to.rewind()?;
        // No more than there was: one that grows for ever would never end.
        io::copy(&mut (&from).take(before.length), &mut to)?;
        if Stamp::of(&from.metadata()?) == before {
            return Ok(true);
        }
        // It may have been replaced by another one.
        from = open_regular(source)?;
    }
    Ok(false)
}

/// Makes `to` share all blocks of `from`.
#[cfg(target_os = "linux")]
fn share(from: &File, to: &File) -> io::Result<()> {
    use std::os::fd::AsRawFd as _;
    #[expect(unsafe_code, reason = "std has no reflinks")]
    // SAFETY: both are open files, and the call takes the second one as a plain number.
    let failed = unsafe { libc::ioctl(to.as_raw_fd(), libc::FICLONE, from.as_raw_fd()) } != 0;
    if failed { Err(io::Error::last_os_error()) } else { Ok(()) }
}

#[cfg(not(target_os = "linux"))]
fn share(_: &File, _: &File) -> io::Result<()> {
    Err(io::Error::from(io::ErrorKind::Unsupported))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    fn names(dir: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(dir).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    #[test]
    fn a_draft_is_placed_or_leaves_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a".repeat(255));
        write_whole(&path, b"one").unwrap();
        write_private(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        let mut draft = Draft::of(&path);
        draft.create(Readers::All).unwrap();
        assert_eq!(names(dir.path()).len(), 2);
        drop(draft);
        // Not to be replaced, and nothing is left.
        assert!(write_whole(dir.path(), b"x").is_err());
        fs::create_dir_all(dir.path().join("full/x")).unwrap();
        assert!(write_whole(&dir.path().join("full"), b"x").is_err());
        assert_eq!(names(dir.path()).len(), 2);
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_replaced_and_never_followed() {
        use std::os::unix::fs::{MetadataExt as _, symlink};
        let dir = tempfile::tempdir().unwrap();
        let users = dir.path().join("users");
        fs::write(&users, "weights").unwrap();
        let other = dir.path().join("other");
        fs::write(&other, "another").unwrap();
        for make in [
            &|at: &Path| write_whole(at, b"ours"),
            &|at: &Path| write_private(at, b"ours"),
            &|at: &Path| point(at, Path::new("elsewhere")),
            &|at: &Path| copy_whole(&other, at).map(drop),
        ] as [&dyn Fn(&Path) -> io::Result<()>; 4]
        {
            for hard in [false, true] {
                let at = dir.path().join("at");
                drop(fs::remove_file(&at));
                let linked = if hard { fs::hard_link(&users, &at) } else { symlink(&users, &at) };
                linked.unwrap();
                make(&at).unwrap();
                assert_eq!(fs::read_to_string(&users).unwrap(), "weights");
                assert_eq!(fs::metadata(&users).unwrap().nlink(), 1);
            }
        }
        let at = dir.path().join("log");
        symlink(&users, &at).unwrap();
        assert!(write_at_end(&at).is_err() && append_to(&at).is_err());
        assert_eq!(fs::metadata(dir.path().join("users")).unwrap().len(), 7);
    }

    #[cfg(unix)]
    #[test]
    fn a_copy_keeps_permissions_and_a_pipe_is_no_file() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let [from, to, pipe] = ["from", "to", "pipe"].map(|name| dir.path().join(name));
        fs::write(&from, "x".repeat(100_000)).unwrap();
        fs::set_permissions(&from, fs::Permissions::from_mode(0o440)).unwrap();
        assert!(copy_whole(&from, &to).unwrap());
        assert_eq!(fs::read(&to).unwrap().len(), 100_000);
        assert_eq!(fs::metadata(&to).unwrap().permissions().mode() & 0o777, 0o440);
        let name = std::ffi::CString::new(pipe.to_str().unwrap()).unwrap();
        #[expect(unsafe_code, reason = "std makes no pipes with names")]
        // SAFETY: the name ends with a zero byte.
        let made = unsafe { libc::mkfifo(name.as_ptr(), 0o600) };
        assert_eq!(made, 0);
        assert!(copy_whole(&pipe, &to).unwrap_err().to_string().contains("no file"));
        assert_eq!(names(dir.path()).len(), 3);
    }
}
