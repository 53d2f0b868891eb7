//! Locks where the file system has none, such as Lustre without the option `flock`: a file that is there while the lock is
//! held, and says by whom. A process of this machine that is gone has let go; one of another machine has, when it gives no
//! sign of life for a while.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::files::{Draft, Readers};
use super::fork::Born;
use super::small;

/// The age of the last sign of life from which a process of another machine counts as gone. They come every few seconds.
const GONE: Duration = Duration::from_mins(10);

/// A lock that is held. It is let go of when this is dropped.
#[derive(Debug)]
pub(super) struct Held {
    path: PathBuf,
    born: Born,
}

/// Where it is told who holds a lock.
fn place(dir: &Path, name: &str) -> PathBuf {
    dir.join(format!("held-{name}"))
}

impl Held {
    /// Takes a lock; none if another process has it.
    pub(super) fn take(dir: &Path, name: &str) -> io::Result<Option<Self>> {
        let path = place(dir, name);
        let mut own = Draft::of(&path);
        own.create(Readers::All)?.write_all(Holder::own().to_string().as_bytes())?;
        // A second name of the file: it appears with its content, and only if there is none.
        for _ in 0..3 {
            match fs::hard_link(own.path(), &path) {
                Ok(()) => return Ok(Some(Self { path, born: Born::here() })),
                Err(e) if e.kind() != io::ErrorKind::AlreadyExists => return Err(e),
                Err(_) if is_alive(&path) => return Ok(None),
                Err(_) => remove(&path)?,
            }
        }
        Ok(None)
    }

    /// Leaves a sign of life.
    pub(super) fn beat(&self) {
        let file = File::options().write(true).open(&self.path);
        drop(file.and_then(|file| file.set_modified(SystemTime::now())));
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        // A forked child has a copy of this, and not the lock.
        if self.born.is_here() {
            drop(fs::remove_file(&self.path));
        }
    }
}

/// Whether somebody holds a lock.
pub(super) fn is_held(dir: &Path, name: &str) -> bool {
    is_alive(&place(dir, name))
}

/// Removes what a process that is gone has left, and not what another one has put there meanwhile.
fn remove(path: &Path) -> io::Result<()> {
    let away = Draft::of(path);
    match fs::rename(path, away.path()) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(()),
        moved => moved?,
    }
    if is_alive(away.path()) {
        // It goes back, if nobody has taken the place.
        drop(fs::hard_link(away.path(), path));
    }
    fs::remove_file(away.path())
}

/// Whether the process that has written a file still holds the lock.
fn is_alive(path: &Path) -> bool {
    let Ok(text) = small::read_text(path) else { return false };
    if let Some(holder) = Holder::parse(&text)
        && let Some(is_alive) = holder.is_alive()
    {
        return is_alive;
    }
    let beat = path.metadata().and_then(|data| data.modified());
    // A time in the future is that of a clock that goes wrong.
    beat.is_ok_and(|beat| beat.elapsed().map_or(true, |age| age < GONE))
}

/// A process, told from every other one.
#[derive(Debug, PartialEq, Eq)]
struct Holder {
    /// Machine and container, since the machine was started.
    machine: String,
    pid: u32,
    /// When it began.
    began: String,
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}\n{}\n{}\n", self.machine, self.pid, self.began)
    }
}

impl Holder {
    fn own() -> Self {
        let pid = std::process::id();
        Self { machine: machine(), pid, began: began(pid).unwrap_or_default() }
    }

    fn parse(text: &str) -> Option<Self> {
        let mut lines = text.lines();
        let (machine, pid, began) = (lines.next()?.to_owned(), lines.next()?.parse().ok()?, lines.next()?);
        Some(Self { machine, pid, began: began.to_owned() })
    }

    /// Whether the process is there; none if nobody here can know.
    fn is_alive(&self) -> Option<bool> {
        if self.machine.is_empty() || self.machine != machine() || self.began.is_empty() {
            return None;
        }
        Some(began(self.pid).is_some_and(|began| began == self.began))
    }
}

/// This machine and container, since it was started; empty where the system does not tell.
fn machine() -> String {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let namespace = fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    if boot.is_empty() { boot } else { format!("{} {}", boot.trim(), namespace.display()) }
}

/// When a process began, in ticks of the machine; none if there is no such process that is not over.
fn began(pid: u32) -> Option<String> {
    // The program's name, which may hold anything, ends with the last bracket.
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = text.rsplit_once(')')?.1.split_ascii_whitespace();
    let state = fields.next()?;
    (!matches!(state, "Z" | "X")).then(|| fields.nth(18).map(str::to_owned))?
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    #[test]
    fn one_at_a_time_and_who_is_gone_has_let_go() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path();
        let lock = Held::take(dir, "some.lock").unwrap().unwrap();
        assert!(is_held(dir, "some.lock") && !is_held(dir, "other.lock"));
        assert!(Held::take(dir, "some.lock").unwrap().is_none());
        drop(lock);
        assert!(!is_held(dir, "some.lock"));
        assert_eq!(fs::read_dir(dir).unwrap().count(), 0, "nothing is left");

        // A process of another machine is judged by its signs of life.
        let path = place(dir, "some.lock");
        fs::write(&path, "elsewhere\n1\n1\n").unwrap();
        assert!(Held::take(dir, "some.lock").unwrap().is_none());
        let long_ago = SystemTime::now() - 2 * GONE;
        File::options().write(true).open(&path).unwrap().set_modified(long_ago).unwrap();
        let lock = Held::take(dir, "some.lock").unwrap().unwrap();
        lock.beat();
        drop(lock);
        assert_eq!(fs::read_dir(dir).unwrap().count(), 0);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_process_is_told_from_a_later_one_of_its_number() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path();
        let path = place(dir, "some.lock");
        let mut other = std::process::Command::new("sleep").arg("600").spawn().unwrap();
        let holder = Holder { pid: other.id(), began: began(other.id()).unwrap(), ..Holder::own() };
        fs::write(&path, holder.to_string()).unwrap();
        assert!(is_held(dir, "some.lock") && Held::take(dir, "some.lock").unwrap().is_none());
        let before = Holder { began: "1".to_owned(), ..Holder::parse(&holder.to_string()).unwrap() };
        fs::write(&path, before.to_string()).unwrap();
        assert!(!is_held(dir, "some.lock"));
        fs::write(&path, holder.to_string()).unwrap();
        other.kill().unwrap();
        // Dead, though nobody has asked for its exit code yet, or about to be.
        while began(holder.pid).is_some() {
            std::thread::yield_now();
        }
        assert!(Held::take(dir, "some.lock").unwrap().is_some());
        other.wait().unwrap();
    }
}
