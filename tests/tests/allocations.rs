//! A row costs the thread that logs it no allocation, once its callsite is known. The only test of its process: it counts
//! what the allocator is asked for.
#![expect(clippy::unwrap_used, reason = "tests end by panicking")]
#![expect(unsafe_code, reason = "an allocator cannot be written without")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use tracing::info_span;
use tracing_subscriber::layer::SubscriberExt as _;
use ups_track::{Mode, Run, metric};

struct Counting;

thread_local! {
    static COUNT: Cell<u64> = const { Cell::new(0) };
}

// SAFETY: everything is passed on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // Without thread-locals the thread is ending.
        let _ = COUNT.try_with(|count| count.set(count.get() + 1));
        // SAFETY: the caller's promises are those of `System`.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn row(i: u64) {
    let x = 1.0 / (i as f64 + 1.0);
    metric!(step = i, loss = x, lr = 1e-3 * x, grad_norm = 0.5 + x);
}

#[test]
fn a_row_allocates_nothing_on_the_thread_that_logs_it() {
    let dir = tempfile::tempdir().unwrap();
    let run = Run::builder().mode(Mode::Offline).dir(dir.path()).quiet(true).global(false).start().unwrap();
    let rows = tracing::subscriber::with_default(tracing_subscriber::registry().with(run.layer()), || {
        let _entered = run.enter();
        let _stage = info_span!("train", stage = "train").entered();
        row(0);
        let before = COUNT.get();
        // More than a lane holds, so that buffers are swapped and the thread waits for the writer as well.
        for i in 1..50_000 {
            row(i);
        }
        COUNT.get() - before
    });
    assert_eq!(rows, 0);
    assert_eq!(run.finish().unwrap().rows(), 50_000);
}
