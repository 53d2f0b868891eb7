//! Whether a log is being written: its writer holds a lock on a file beside it, which the system lets go of however the
//! writer ends. Where the file system has no locks, a file that is there says the same.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
#[cfg(unix)]
use std::os::fd::AsRawFd as _;
use std::path::Path;
use std::time::Duration;

use super::clock::Waited;
#[cfg(feature = "online")]
use super::files::dir_of;
#[cfg(unix)]
use super::fork;
use super::held::{Held, is_held};

/// Held by the process that has the log.
const WRITER: &str = "writer.lock";

/// Held by a process that merges in the place of a writer that is gone.
const MERGE: &str = "merge.lock";

/// Time between two tries.
const PAUSE: Duration = Duration::from_millis(5);

/// The right to write the log in a directory.
#[derive(Debug)]
pub(crate) struct Lock(File, Option<Held>);

/// A writer's lock shall not outlive its process in a forked child. The writer's thread holds it, and that has no copy in
/// the child.
#[cfg(unix)]
impl Lock {
    pub(crate) fn not_for_forks(self) -> Self {
        fork::close_in_child(self.0.as_raw_fd());
        self
    }
}

#[cfg(unix)]
impl Drop for Lock {
    fn drop(&mut self) {
        fork::forget(self.0.as_raw_fd());
    }
}

#[cfg(not(unix))]
impl Lock {
    pub(crate) fn not_for_forks(self) -> Self {
        self
    }
}

impl Lock {
    /// Leaves a sign of life: the time of the lock's file.
    pub(crate) fn beat(&self) {
        // Without it, who comes later knows a bit less.
        drop(self.0.set_modified(std::time::SystemTime::now()));
        self.1.iter().for_each(Held::beat);
    }

    /// When the writer of a directory that nobody writes any more was last alive.
    #[cfg(feature = "online")]
    pub(crate) fn last_beat(dir: &Path) -> Option<std::time::SystemTime> {
        let time = dir.join(WRITER).metadata().and_then(|meta| meta.modified()).ok();
        time.filter(|_| !Self::is_taken(dir))
    }

    /// Takes the lock of a directory; none if another process has it.
    pub(crate) fn take(dir: &Path) -> io::Result<Option<Self>> {
        // Who only looks whether the lock is taken holds it for a moment.
        Self::wait(dir, WRITER, 3 * PAUSE)
    }

    /// Takes the turn among those who merge; none if another process does not come to an end.
    pub(crate) fn take_turn(dir: &Path) -> io::Result<Option<Self>> {
        Self::wait(dir, MERGE, Duration::from_secs(10))
    }

    /// Takes the right to send a log; none if another process has it. The file stays, whatever becomes of the log, which is
    /// replaced when children are merged into it.
    #[cfg(feature = "online")]
    pub(crate) fn take_upload(log: &Path) -> io::Result<Option<Self>> {
        let (dir, name) = upload_lock(log);
        Ok(Self::wait(dir, &name, 10 * PAUSE)?.map(Self::not_for_forks))
    }

    /// Whether somebody sends a log.
    #[cfg(all(feature = "online", feature = "cli"))]
    pub(crate) fn is_upload_taken(log: &Path) -> bool {
        let (dir, name) = upload_lock(log);
        Self::is_held(dir, &name)
    }

    fn wait(dir: &Path, name: &str, patience: Duration) -> io::Result<Option<Self>> {
        let mut waited = Waited::begin();
        loop {
            match Self::attempt(dir, name)? {
                None if waited.so_far() < patience => std::thread::sleep(PAUSE),
                answer => return Ok(answer),
            }
        }
    }

    fn attempt(dir: &Path, name: &str) -> io::Result<Option<Self>> {
        let file = Self::open(dir, name, true)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self(file, None))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(e)) if has_no_locks(&e) => {
                Ok(Held::take(dir, name)?.map(|held| Self(file, Some(held))))
            }
            Err(TryLockError::Error(e)) => Err(e),
        }
    }

    fn open(dir: &Path, name: &str, create: bool) -> io::Result<File> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(create).truncate(false);
        no_follow(&mut options);
        options.open(dir.join(name))
    }

    /// Whether somebody writes the log in a directory.
    pub(crate) fn is_taken(dir: &Path) -> bool {
        Self::is_held(dir, WRITER)
    }

    /// Whether somebody merges in a directory.
    pub(crate) fn is_turn_taken(dir: &Path) -> bool {
        Self::is_held(dir, MERGE)
    }

    /// Many may look at once, and none of them shall take another one for the holder: a shared lock.
    fn is_held(dir: &Path, name: &str) -> bool {
        let Ok(file) = Self::open(dir, name, false) else { return false };
        match file.try_lock_shared() {
            Err(TryLockError::WouldBlock) => true,
            Err(TryLockError::Error(e)) if has_no_locks(&e) => is_held(dir, name),
            _ => false,
        }
    }
}

/// Where the lock of those who send a log is.
#[cfg(feature = "online")]
fn upload_lock(log: &Path) -> (&Path, String) {
    (dir_of(log), format!("{}.lock", log.file_name().unwrap_or_default().to_string_lossy()))
}

/// Whether an error means that the file system has no locks.
fn has_no_locks(e: &io::Error) -> bool {
    #[cfg(unix)]
    let is_without = e
        .raw_os_error()
        .is_some_and(|code| [libc::ENOSYS, libc::ENOLCK, libc::EOPNOTSUPP, libc::ENOTSUP].contains(&code));
    #[cfg(not(unix))]
    let is_without = false;
    is_without || e.kind() == io::ErrorKind::Unsupported
}

#[cfg(unix)]
fn no_follow(options: &mut OpenOptions) {
    std::os::unix::fs::OpenOptionsExt::custom_flags(options, libc::O_NOFOLLOW);
}

#[cfg(not(unix))]
fn no_follow(_: &mut OpenOptions) {}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time() {
        let dir = tempfile::tempdir().unwrap();
        assert!(!Lock::is_taken(dir.path()));
        let lock = Lock::take(dir.path()).unwrap().unwrap();
        assert!(Lock::take(dir.path()).unwrap().is_none() && Lock::is_taken(dir.path()));
        let turn = Lock::take_turn(dir.path()).unwrap().unwrap();
        assert!(Lock::is_turn_taken(dir.path()));
        drop((lock, turn));
        assert!(!Lock::is_taken(dir.path()) && !Lock::is_turn_taken(dir.path()));
    }

    #[test]
    fn those_who_look_do_not_see_each_other() {
        let dir = tempfile::tempdir().unwrap();
        drop(Lock::take(dir.path()).unwrap().unwrap());
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| assert!((0..500).all(|_| !Lock::is_taken(dir.path()))));
            }
        });
    }
}
