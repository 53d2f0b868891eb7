//! `fork` without `exec`: the child has a copy of everything but the threads. It must not write into the log of its
//! parent, nor wait for a writer that is not there.

use std::sync::atomic::{AtomicU32, Ordering};

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

/// Counts forks from now on.
#[cfg(unix)]
#[expect(unsafe_code, reason = "std does not tell of forks")]
fn watch() {
    static ONCE: std::sync::Once = std::sync::Once::new();
    extern "C" fn in_child() {
        FORKS.fetch_add(1, Ordering::Relaxed);
    }
    // SAFETY: the handler is a plain function that stays valid for the whole process and only touches an atomic.
    ONCE.call_once(|| unsafe {
        libc::pthread_atfork(None, None, Some(in_child));
    });
}

#[cfg(not(unix))]
fn watch() {}
