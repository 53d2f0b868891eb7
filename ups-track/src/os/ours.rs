//! Which threads are ours: what happens on them is no data of the program's.

use std::cell::Cell;

thread_local! {
    static OURS: Cell<bool> = const { Cell::new(false) };
}

/// From now on the calling thread is ours.
pub(crate) fn claim() {
    OURS.set(true);
}

/// Whether the calling thread is ours.
pub(crate) fn is() -> bool {
    // Without thread-locals the thread is ending; ours do nothing then.
    OURS.try_with(Cell::get).unwrap_or(false)
}

/// Runs code of the program's on a thread of ours: what it records is the program's.
#[cfg_attr(not(feature = "online"), expect(dead_code, reason = "only the upload calls back"))]
pub(crate) fn lend<R>(code: impl FnOnce() -> R) -> R {
    struct Back(bool);
    impl Drop for Back {
        fn drop(&mut self) {
            OURS.set(self.0);
        }
    }
    let _back = Back(OURS.replace(false));
    code()
}
