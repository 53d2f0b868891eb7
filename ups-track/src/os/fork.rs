//! `fork` without `exec`: the child has a copy of everything but the threads. It must not write into the log of its
//! parent, nor wait for a writer that is not there.

#[cfg(unix)]
use std::sync::atomic::AtomicI32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{LockResult, Mutex, MutexGuard, TryLockResult};

/// How many forks lie between this process and the one that began with `exec`.
static FORKS: AtomicU32 = AtomicU32::new(0);

/// The process in which something was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Born(u32);

impl Born {
    /// Made in this process.
    pub(crate) fn here() -> Self {
        watch();
        Self(FORKS.load(Ordering::Relaxed))
    }

    /// Whether this is still the process in which it was made.
    #[inline]
    pub(crate) fn is_here(self) -> bool {
        self.0 == FORKS.load(Ordering::Relaxed)
    }
}

/// Whether this process is the copy of one that had runs.
pub(crate) fn is_child() -> bool {
    FORKS.load(Ordering::Relaxed) != 0
}

/// Forks in a row, without `exec` between them, after which a list is found again as an ancestor left it.
const GENERATIONS: usize = 16;

/// A list of this process. A forked child finds one of its own, empty and not locked: the parent's may have been taken,
/// at that moment, by a thread that has no copy in the child and never gives it back.
#[derive(Debug)]
pub(crate) struct PerProcess<T>([Mutex<Vec<T>>; GENERATIONS]);

impl<T> PerProcess<T> {
    pub(crate) const fn new() -> Self {
        Self([const { Mutex::new(Vec::new()) }; GENERATIONS])
    }

    fn own(&self) -> &Mutex<Vec<T>> {
        let [first, ..] = &self.0;
        self.0.get(FORKS.load(Ordering::Relaxed) as usize % GENERATIONS).unwrap_or(first)
    }

    pub(crate) fn lock(&self) -> LockResult<MutexGuard<'_, Vec<T>>> {
        self.own().lock()
    }

    pub(crate) fn try_lock(&self) -> TryLockResult<MutexGuard<'_, Vec<T>>> {
        self.own().try_lock()
    }
}

/// Files that a forked child shall not hold open: they carry the locks of its parent.
#[cfg(unix)]
static NOT_FOR_CHILDREN: [AtomicI32; 32] = [const { AtomicI32::new(-1) }; 32];

/// A forked child closes this file. It must be forgotten before its owner closes it, and its owner must not live on in
/// the child.
#[cfg(unix)]
pub(crate) fn close_in_child(file: i32) {
    // With more locks than places a forked child keeps some; a merge then waits for its end.
    let swap = |place: &AtomicI32| place.compare_exchange(-1, file, Ordering::AcqRel, Ordering::Relaxed);
    NOT_FOR_CHILDREN.iter().find(|place| swap(place).is_ok());
}

/// The file is its owner's alone again.
#[cfg(unix)]
pub(crate) fn forget(file: i32) {
    let swap = |place: &AtomicI32| place.compare_exchange(file, -1, Ordering::AcqRel, Ordering::Relaxed);
    NOT_FOR_CHILDREN.iter().find(|place| swap(place).is_ok());
}

/// Counts forks from now on.
#[cfg(unix)]
#[expect(unsafe_code, reason = "std does not tell of forks")]
fn watch() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    extern "C" fn in_child() {
        FORKS.fetch_add(1, Ordering::Relaxed);
        for place in &NOT_FOR_CHILDREN {
            let file = place.swap(-1, Ordering::AcqRel);
            if file >= 0 {
                // SAFETY: `close` is safe after a fork, and nobody in the child uses this file.
                unsafe { libc::close(file) };
            }
        }
    }
    // SAFETY: the handler is a plain function that stays valid for the whole process, and only does what is safe after a fork.
    ONCE.call_once(|| unsafe {
        libc::pthread_atfork(None, None, Some(in_child));
    });
}

#[cfg(not(unix))]
fn watch() {}
